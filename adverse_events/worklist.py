"""What waits for an investigator: serious events, and events with an answer still open."""

from django.urls import reverse

from studytracker.access.grants import Permission, Role
from studytracker.web.worklist import Item

from .models import AdverseEvent

SHOWN = 20


def items(user, at):
    """Two queries. Shown to investigators and to the study chair; others find the same in the listing."""
    if not user.roles & {Role.INVESTIGATOR, Role.CHAIR}:
        return
    events = AdverseEvent.objects.visible_to(user).for_listing().order_by("-reported_at", "-id")
    for event in events.serious().filter(is_ongoing=True)[:SHOWN]:
        yield _item(event, "Serious adverse events", ", ".join(event.seriousness))
    if user.can_somewhere(Permission.REPORT_EVENT):
        for event in events.incomplete()[:SHOWN]:
            complete = ("Complete", reverse("complete_event", args=[event.participant.identifier, event.number]))
            yield _item(event, "Adverse events to complete", f"Open: {', '.join(event.open_answers)}", complete)


def _item(event, group, detail, *actions):
    url = reverse("event", args=[event.participant.identifier, event.number])
    return Item(
        group=group,
        identifier=event.participant.identifier,
        url=url,
        text=f"AE {event.number}: {event.term}",
        detail=detail,
        actions=actions or (("Open", url),),
    )
