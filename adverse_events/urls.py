from django.urls import path

from . import views

urlpatterns = [
    path("", views.adverse_events, name="adverse_events"),
    path("<slug:identifier>/new/", views.report_event, name="report_event"),
    path("<slug:identifier>/<row:number>/", views.event, name="event"),
    path("<slug:identifier>/<row:number>/complete/", views.complete_event, name="complete_event"),
    path("<slug:identifier>/<row:number>/void/", views.void_event, name="void_event"),
    path("<slug:identifier>/<row:number>/restore/", views.restore_event, name="restore_event"),
]
