"""Something to sign: the adverse events of one site, and the age of the participants who had them."""

from adverse_events.models import AdverseEvent
from studytracker.access.grants import Permission
from studytracker.protocol.models import Site
from studytracker.trust.subjects import Kind, Snapshot, UnknownSubject, covered

REVIEWED = "I reviewed these events"
AGREED = "I agree with the grades"


def snapshot(key):
    if not Site.objects.filter(code=key).exists():
        raise UnknownSubject(key)
    events = list(AdverseEvent.objects.filter(site=key).select_related("participant").order_by("pk"))
    return Snapshot(
        title=f"Events at {key}",
        site=key,
        filter=f"Site: {key}",
        facts=[
            {"event": str(event), "term": event.term, "onset": event.started, "grade": event.grade} for event in events
        ],
        rows=[covered(event) for event in events]
        + sorted({covered(event.participant, "age", "sex") for event in events}),
        open_items=[f"{event} has no outcome" for event in events if event.is_fatal and not event.outcome],
        url="/adverse-events/",
    )


def one_event(key):
    event = AdverseEvent.objects.get(pk=key)
    facts = {"event": str(event), "term": event.term}
    return Snapshot(title=str(event), site=event.site_id, facts=facts, rows=[covered(event)])


LISTING = Kind("Safety listing", snapshot, meanings=(REVIEWED, AGREED))
TRIAL = Kind(
    "Whole trial",
    lambda key: Snapshot(title="All", facts={}, rows=[]),
    meanings=("Seen",),
    permission=Permission.AUDIT,
)
EVENT = Kind("Event", one_event, meanings=(REVIEWED,))
SETTING = {
    "event": "studytracker.trust.tests.subject.EVENT",
    "listing": "studytracker.trust.tests.subject.LISTING",
    "trial": "studytracker.trust.tests.subject.TRIAL",
}
