from django.urls import path

from . import clock_views, rule_views

urlpatterns = [
    path("clocks/", clock_views.clocks, name="clocks"),
    path("reports/<row:pk>/", clock_views.acknowledge, name="acknowledge_report"),
    path("rules/", rule_views.stopping_rules, name="stopping_rules"),
    path("rules/<slug:rule_id>/switch/", rule_views.switch_rule, name="switch_rule"),
]
