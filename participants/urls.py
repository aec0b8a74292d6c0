from django.urls import path

from . import views

urlpatterns = [
    path("", views.participants, name="participants"),
    path("screen/", views.screen, name="screen"),
    path("find/", views.find, name="find"),
    path("<slug:identifier>/", views.participant, name="participant"),
    path("<slug:identifier>/criteria/", views.criteria, name="criteria"),
    path("<slug:identifier>/enroll/", views.enroll, name="enroll"),
    path("<slug:identifier>/infusion/", views.infuse, name="infuse"),
    path("<slug:identifier>/infusion/dose/", views.dose, name="dose"),
    path("<slug:identifier>/infusion/correct/", views.correct_day0, name="correct_day0"),
    path("<slug:identifier>/screen-failure/", views.fail_screening, name="fail_screening"),
    path("<slug:identifier>/withdraw/", views.withdraw, name="withdraw"),
]
