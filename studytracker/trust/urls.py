from django.urls import path

from . import views

urlpatterns = [
    path("", views.audit, name="audit"),
    path("as-of/", views.go_to_the_past, name="as_of"),
    path("signatures/<row:pk>/", views.signature, name="signature"),
    path("trail.jsonl", views.trail_file, name="trail_file"),
    path("verify_trail.py", views.trail_verifier, name="trail_verifier"),
    path("<slug:table>/<path:row_id>/", views.history, name="history"),
]
