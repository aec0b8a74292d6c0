from django.urls import path

from . import clock_views, rule_views, study_views

urlpatterns = [
    path("clocks/", clock_views.clocks, name="clocks"),
    path("clocks/study/", study_views.study, name="study_clocks"),
    path("clocks/study/milestones/new/", study_views.reach_milestone, name="reach_milestone"),
    path("clocks/study/milestones/<row:pk>/void/", study_views.void_milestone, name="void_milestone"),
    path("clocks/study/told/<row:pk>/void/", study_views.void_study_notice, name="void_study_notice"),
    path("clocks/study/<slug:rule_id>/<slug:occurrence>/told/", study_views.tell_of_study, name="tell_of_study"),
    path("reports/<row:pk>/", clock_views.acknowledge, name="acknowledge_report"),
    path("rules/", rule_views.stopping_rules, name="stopping_rules"),
    path("rules/<slug:rule_id>/switch/", rule_views.switch_rule, name="switch_rule"),
]
