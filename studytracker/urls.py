from django.urls import include, path, register_converter

from participants import decision_views as decisions
from participants.seat_views import slots
from studytracker.outbox.health_views import alive, ready
from studytracker.protocol.views import study, versions
from studytracker.web.draft_views import discard_draft, save_draft
from studytracker.web.home import help_page, home


class RowNumber:
    """A row number that every database can look for: at most 18 digits."""

    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value):
        return int(value)

    def to_url(self, value):
        return str(value)


register_converter(RowNumber, "row")

urlpatterns = [
    path("", home, name="home"),
    path("help/", help_page, name="help"),
    path("study/", study, name="study"),
    path("exports/", include("studytracker.exports.urls")),
    path("drafts/", save_draft, name="save_draft"),
    path("drafts/discard/", discard_draft, name="discard_draft"),
    path("reminders/", include("studytracker.outbox.urls")),
    path("healthz", alive, name="alive"),
    path("readyz", ready, name="ready"),
    path("study/versions/", versions, name="versions"),
    path("", include("studytracker.access.urls")),
    path("audit/", include("studytracker.trust.urls")),
    path("participants/", include("participants.urls")),
    path("slots/", slots, name="slots"),
    path("product/", include("participants.product_urls")),
    path("dsmb/", include("adverse_events.board_urls")),
    path("dsmb/<row:pk>/", decisions.dsmb_decision, name="dsmb_decision"),
    path("dsmb/<row:pk>/confirm/", decisions.confirm_decision, name="confirm_decision"),
    path("holds/", include("participants.hold_urls")),
    path("visits/", include("visits.urls")),
    path("calendar/", include("visits.calendar_urls")),
    path("deviations/", include("visits.deviation_urls")),
    path("adverse-events/", include("adverse_events.urls")),
    path("safety/", include("adverse_events.safety_urls")),
    path("safety-review/", include("adverse_events.review_urls")),
    path("", include("participants.monitoring.urls")),
    path("safety-outputs/", include("adverse_events.outputs.urls")),
]
