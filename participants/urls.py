from django.urls import path

from . import decision_views as decisions
from . import treatment_views as treatment
from . import views

urlpatterns = [
    path("", views.participants, name="participants"),
    path("screen/", views.screen, name="screen"),
    path("find/", views.find, name="find"),
    path("<slug:identifier>/", views.participant, name="participant"),
    path("<slug:identifier>/criteria/", views.criteria, name="criteria"),
    path("<slug:identifier>/enroll/", views.enroll, name="enroll"),
    path("<slug:identifier>/dose/", treatment.prepare_dose, name="prepare_dose"),
    path("<slug:identifier>/dose/echo/", treatment.dose, name="dose"),
    path("<slug:identifier>/dose/check/", treatment.check_dose, name="check_dose"),
    path("<slug:identifier>/infusion/", treatment.infuse, name="infuse"),
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
