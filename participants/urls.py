from django.urls import path

from . import attempt_views, eligibility_views, fact_views, views
from . import decision_views as decisions
from . import treatment_views as treatment

urlpatterns = [
    path("", views.participants, name="participants"),
    path("screen/", views.screen, name="screen"),
    path("find/", views.find, name="find"),
    path("screening-log/", attempt_views.screening_log, name="screening_log"),
    path("screening-log/reasons.csv", attempt_views.failure_reasons, name="failure_reasons"),
    path("<slug:identifier>/", views.participant, name="participant"),
    path("<slug:identifier>/criteria/", views.criteria, name="criteria"),
    path("ranges/<slug:site>/", fact_views.lab_ranges, name="lab_ranges"),
    path("ranges/<slug:site>/<row:pk>/void/", fact_views.void_range, name="void_range"),
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
    path("<slug:identifier>/medicines/", views.medicines, name="medicines"),
    path("<slug:identifier>/dose/", treatment.prepare_dose, name="prepare_dose"),
    path("<slug:identifier>/dose/echo/", treatment.dose, name="dose"),
    path("<slug:identifier>/dose/check/", treatment.check_dose, name="check_dose"),
    path("<slug:identifier>/infusion/", treatment.infuse, name="infuse"),
    path("<slug:identifier>/infusion/despite/", treatment.infuse_despite, name="infuse_despite"),
    path("<slug:identifier>/infusion/day/", treatment.infusion_day, name="infusion_day"),
    path("<slug:identifier>/infusion/stop/", treatment.stop_infusion, name="stop_infusion"),
    path("<slug:identifier>/infusion/interrupt/", treatment.interrupt_infusion, name="interrupt_infusion"),
    path("<slug:identifier>/infusion/resume/", treatment.resume_infusion, name="resume_infusion"),
    path("<slug:identifier>/infusion/vitals/", treatment.infusion_vitals, name="infusion_vitals"),
    path("<slug:identifier>/dsmb/", decisions.record_decision, name="record_decision"),
    path("<slug:identifier>/infusion/correct/", views.correct_day0, name="correct_day0"),
    path("<slug:identifier>/screen-failure/", views.fail_screening, name="fail_screening"),
    path("<slug:identifier>/withdraw/", views.withdraw, name="withdraw"),
]
