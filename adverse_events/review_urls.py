from django.urls import path

from . import review_views

urlpatterns = [
    path("", review_views.safety_review, name="safety_review"),
    path("<slug:site>/", review_views.safety_review, name="site_review"),
    path("<slug:identifier>/<row:number>/looked-at/", review_views.mark_reviewed, name="mark_reviewed"),
]
