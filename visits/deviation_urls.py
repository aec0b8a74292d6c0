from django.urls import path

from . import deviation_views as views

urlpatterns = [
    path("", views.deviations, name="deviations"),
    path("<slug:identifier>/new/", views.report_deviation, name="report_deviation"),
    path("<slug:identifier>/<int:number>/", views.deviation, name="deviation"),
    path("<slug:identifier>/<int:number>/complete/", views.complete_deviation, name="complete_deviation"),
    path("<slug:identifier>/<int:number>/classify/", views.classify_deviation, name="classify_deviation"),
    path("<slug:identifier>/<int:number>/close/", views.close_deviation, name="close_deviation"),
    path("<slug:identifier>/<int:number>/void/", views.void_deviation, name="void_deviation"),
    path("<slug:identifier>/<int:number>/restore/", views.restore_deviation, name="restore_deviation"),
]
