from django.urls import path

from . import amendment_views, correction_views, planner_views, value_views, views

urlpatterns = [
    path("", views.visits, name="visits"),
    path("planner/", planner_views.planning, name="planner"),
    path("<slug:identifier>/schedule/", views.printed_schedule, name="printed_schedule"),
    path("<slug:identifier>/amendment/", amendment_views.amend, name="amend"),
    path("<slug:identifier>/plan/", planner_views.plan_day0, name="plan_day0"),
    path("<slug:identifier>/outside/<slug:kind>/", views.log_unplanned, name="log_unplanned"),
    path("<slug:identifier>/<slug:code>/", views.visit, name="visit"),
    path("<slug:identifier>/<slug:code>/correct/", correction_views.correct_visit, name="correct_visit"),
    path(
        "<slug:identifier>/<slug:code>/procedures/<slug:procedure>/correct/",
        correction_views.correct_procedure,
        name="correct_procedure",
    ),
    path("<slug:identifier>/<slug:code>/procedures/", views.record_procedures, name="record_procedures"),
    path("<slug:identifier>/<slug:code>/values/", value_views.complete_visit, name="complete_visit"),
    path("<slug:identifier>/<slug:code>/sledai/", value_views.score_sledai, name="score_sledai"),
    path("<slug:identifier>/<slug:code>/contact/", value_views.contact, name="contact"),
    path("<slug:identifier>/<slug:code>/log/", views.log_visit, name="log_visit"),
    path("<slug:identifier>/<slug:code>/log/day/", views.day_echo, name="day_echo"),
    path("<slug:identifier>/<slug:code>/book/", views.book_visit, name="book_visit"),
    path("<slug:identifier>/<slug:code>/book/cancel/", views.cancel_booking, name="cancel_booking"),
    path("<slug:identifier>/<slug:code>/missed/", views.miss_visit, name="miss_visit"),
]
