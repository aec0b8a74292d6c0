from django.urls import path

from . import hold_views as views

urlpatterns = [
    path("", views.holds, name="holds"),
    path("new/", views.new_hold, name="new_hold"),
    path("<row:pk>/", views.hold, name="hold"),
    path("<row:pk>/place/", views.place_hold, name="place_hold"),
    path("<row:pk>/decline/", views.decline_hold, name="decline_hold"),
    path("<row:pk>/lift/", views.lift_hold, name="lift_hold"),
]
