from django.urls import path

from . import views

urlpatterns = [
    path("", views.audit, name="audit"),
    path("signatures/<row:pk>/", views.signature, name="signature"),
    path("<slug:table>/<path:row_id>/", views.history, name="history"),
]
