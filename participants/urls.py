from django.urls import path

from . import attempt_views, eligibility_views, fact_views, views

urlpatterns = [
    path("", views.participants, name="participants"),
    path("screen/", views.screen, name="screen"),
    path("find/", views.find, name="find"),
    path("screening-log/", attempt_views.screening_log, name="screening_log"),
    path("screening-log/reasons.csv", attempt_views.failure_reasons, name="failure_reasons"),
    path("<slug:identifier>/", views.participant, name="participant"),
    path("<slug:identifier>/criteria/", views.criteria, name="criteria"),
    path("ranges/<slug:site>/", fact_views.lab_ranges, name="lab_ranges"),
    path("<slug:identifier>/screen-again/", attempt_views.screen_again, name="screen_again"),
    path("<slug:identifier>/consent/", attempt_views.consent_again, name="consent_again"),
    path("<slug:identifier>/facts/", fact_views.on_record, name="facts"),
    path("<slug:identifier>/facts/labs/", fact_views.enter_labs, name="enter_labs"),
    path("<slug:identifier>/facts/medicine/", fact_views.enter_medicine, name="enter_medicine"),
    path("<slug:identifier>/facts/history/", fact_views.enter_history, name="enter_history"),
    path("<slug:identifier>/facts/sledai/", fact_views.enter_sledai, name="enter_sledai"),
    path("<slug:identifier>/facts/complete/<slug:subject>/", fact_views.take_list, name="take_list"),
    path("<slug:identifier>/facts/<slug:kind>/<int:pk>/void/", fact_views.void_fact, name="void_fact"),
    path("<slug:identifier>/eligibility/", eligibility_views.worksheet, name="worksheet"),
    path("<slug:identifier>/eligibility/sign/", eligibility_views.confirm_eligibility, name="confirm_eligibility"),
    path("<slug:identifier>/enroll/", views.enroll, name="enroll"),
    path("<slug:identifier>/infusion/", views.infuse, name="infuse"),
    path("<slug:identifier>/infusion/dose/", views.dose, name="dose"),
    path("<slug:identifier>/infusion/correct/", views.correct_day0, name="correct_day0"),
    path("<slug:identifier>/screen-failure/", views.fail_screening, name="fail_screening"),
    path("<slug:identifier>/withdraw/", views.withdraw, name="withdraw"),
]
