from django.urls import path

from . import views

urlpatterns = [
    path("", views.exports, name="exports"),
    path("odm/", views.odm, name="compare_odm"),
    path("history/", views.history, name="export_history"),
    path("<row:pk>/", views.export, name="export"),
    path("<row:pk>/cancel/", views.cancel_export, name="cancel_export"),
    path("<row:pk>/download/", views.download_export, name="download_export"),
]
