"""What waits: events to follow up, and for an investigator serious events and those with an answer still open."""

from django.db.models import Q
from django.urls import reverse

from studytracker.access.grants import Permission, Role
from studytracker.protocol.models import Site
from studytracker.web.worklist import Item

from . import following
from .models import AdverseEvent

SHOWN = 20  # of the events to complete; the listing holds them all


def items(user, at):
    """Three queries. The serious and the open ones are shown to investigators and to the study chair; others find the
    same in the listing.
    """
    if user.can_somewhere(Permission.REPORT_EVENT):
        yield from _to_follow_up(user, Site.todays(at))
    if not user.roles & {Role.INVESTIGATOR, Role.CHAIR}:
        return
    events = AdverseEvent.objects.visible_to(user).for_listing().order_by("-reported_at", "-id")
    for event in events.serious().ongoing():
        yield _item(event, "Serious adverse events", ", ".join(event.seriousness))
    if user.can_somewhere(Permission.REPORT_EVENT):
        for event in events.incomplete()[:SHOWN]:
            complete = ("Complete", reverse("complete_event", args=[event.participant.identifier, event.number]))
            yield _item(event, "Adverse events to complete", f"Open: {', '.join(event.open_answers)}", complete)


def _to_follow_up(user, today):
    """Those whose next follow-up is due by today, or that were open when the participant left."""
    wanted = Q(next_on__lte=max(today.values())) | (Q(next_on=None) & ~Q(participant__withdrawn_at=None))
    for event in following.open_events(user).filter(wanted)[:SHOWN]:
        follow = ("Follow up", reverse("follow_up_event", args=[event.participant.identifier, event.number]))
        left = ", unresolved when the participant left" if event.participant.withdrawn_at else ""
        on = today[event.site_id]
        words = f"{following.due_words(event, on)}, open {following.age_words(event, on)}{left}"
        yield _item(event, "Adverse events to follow up", words, follow)


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
