from django.urls import path

from . import board_views as views

urlpatterns = [
    path("", views.board, name="dsmb"),
    path("packet/", views.dsmb_packet, name="dsmb_packet"),
    path("meetings/new/", views.new_meeting, name="new_meeting"),
    path("meetings/<row:number>/", views.board_meeting, name="board_meeting"),
    path("meetings/<row:number>/recommend/", views.recommend, name="recommend"),
    path("recommendations/<row:pk>/", views.recommendation, name="recommendation"),
]
