from django.urls import path

from . import views

urlpatterns = [
    path("", views.outputs, name="safety_outputs"),
    path("<slug:code>/", views.output, name="safety_output"),
]
