from django.urls import path

from . import calendar_views as views

urlpatterns = [
    path("", views.calendar, name="calendar"),
    path("address/", views.make_feed, name="make_feed"),
    path("address/revoke/", views.revoke_feed, name="revoke_feed"),
    path("<slug:token>/<slug:kind>.ics", views.feed, name="feed"),
]
