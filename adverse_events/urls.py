from django.urls import path

from . import clock_views, sae_views, term_views, views

urlpatterns = [
    path("", views.adverse_events, name="adverse_events"),
    path("serious/", views.serious_events, name="serious_events"),
    path("follow-up/", views.follow_ups, name="follow_ups"),
    path("terms/", views.terms, name="terms"),
    path("terms/grades/", views.grade_help, name="grade_help"),
    path("organ-systems/", term_views.organ_systems, name="organ_systems"),
    path("<slug:identifier>/new/", views.report_event, name="report_event"),
    path("<slug:identifier>/<row:number>/", views.event, name="event"),
    path("<slug:identifier>/<row:number>/complete/", views.complete_event, name="complete_event"),
    path("<slug:identifier>/<row:number>/told/", clock_views.notify, name="notify"),
    path(
        "<slug:identifier>/<row:number>/told/<row:pk>/void/", clock_views.void_notification, name="void_notification"
    ),
    path("<slug:identifier>/<row:number>/determined/", clock_views.determine, name="determine"),
    path(
        "<slug:identifier>/<row:number>/determined/<row:pk>/void/",
        clock_views.void_determination,
        name="void_determination",
    ),
    path("<slug:identifier>/<row:number>/clocks/<row:pk>/close/", clock_views.close_clock, name="close_clock"),
    path("<slug:identifier>/<row:number>/correct/", views.correct_event, name="correct_event"),
    path("<slug:identifier>/<row:number>/grade/", views.regrade_event, name="regrade_event"),
    path("<slug:identifier>/<row:number>/sponsor/", views.judge_as_sponsor, name="judge_as_sponsor"),
    path("<slug:identifier>/<row:number>/follow-up/", views.follow_up_event, name="follow_up_event"),
    path("<slug:identifier>/<row:number>/report/", sae_views.prepare_report, name="prepare_report"),
    path("<slug:identifier>/<row:number>/reports/<row:which>/", sae_views.sae_report, name="sae_report"),
    path("<slug:identifier>/<row:number>/reports/<row:which>/pdf/", sae_views.sae_report_pdf, name="sae_report_pdf"),
    path(
        "<slug:identifier>/<row:number>/reports/<row:which>/narrative/",
        sae_views.edit_narrative,
        name="edit_narrative",
    ),
    path(
        "<slug:identifier>/<row:number>/reports/<row:which>/attach/", sae_views.attach_document, name="attach_document"
    ),
    path("<slug:identifier>/<row:number>/reports/<row:which>/renew/", sae_views.renew_report, name="renew_report"),
    path("<slug:identifier>/<row:number>/void/", views.void_event, name="void_event"),
    path("<slug:identifier>/<row:number>/restore/", views.restore_event, name="restore_event"),
]
