from django.urls import path

from . import verification_views, views

urlpatterns = [
    path("queries/", views.queries, name="queries"),
    path("queries/<row:pk>/", views.query, name="query"),
    path("queries/<row:pk>/answer/", views.answer_query, name="answer_query"),
    path("queries/<row:pk>/ask-again/", views.ask_again, name="ask_again"),
    path("queries/<row:pk>/close/", views.close_query, name="close_query"),
    path("records/<slug:table>/<row:row_id>/", views.record, name="record"),
    path("records/<slug:table>/<row:row_id>/ask/<slug:column>/", views.ask, name="ask"),
    path("records/<slug:table>/<row:row_id>/verify/", verification_views.verify, name="verify"),
    path("verification/", verification_views.by_participant, name="verification"),
    path("verification/<slug:identifier>/", verification_views.of_participant, name="verification_of"),
    path("verification/<row:pk>/take-back/", verification_views.take_back, name="take_back_verification"),
]
