from django.urls import include, path

from studytracker.exports.catalogue import exports
from studytracker.outbox import views as outbox
from studytracker.protocol.views import study
from studytracker.web.home import help_page, home

urlpatterns = [
    path("", home, name="home"),
    path("help/", help_page, name="help"),
    path("study/", study, name="study"),
    path("exports/", exports, name="exports"),
    path("reminders/", outbox.reminders, name="reminders"),
    path("reminders/sweep/", outbox.sweep_now, name="sweep_now"),
    path("reminders/<int:pk>/", outbox.mail, name="mail"),
    path("", include("studytracker.access.urls")),
    path("audit/", include("studytracker.trust.urls")),
    path("participants/", include("participants.urls")),
    path("visits/", include("visits.urls")),
    path("adverse-events/", include("adverse_events.urls")),
]
