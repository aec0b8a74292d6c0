"""What the clocks ask of this person: deadlines to meet, reports to acknowledge, and what only the sponsor can say."""

from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.web.worklist import Item

from . import study_clocks
from .clock_tables import chip, due_words, ticking
from .models import Clock, InvestigatorAcknowledgement
from .models.clock import UNDONE, WAITING

SHOWN = 20
LISTING = "?state=Breached&state=Running"


def items(user, at):
    """Two queries at most beside `ticking`. A clock stands with those who answer for it by the protocol."""
    if user.can_somewhere(Permission.NOTIFY):
        yield from _ticking(ticking(user, at), user, at)
        if user.can_somewhere(Permission.SWITCH_RULE):
            rows = Clock.objects.visible_to(user).select_related("event", "participant")
            yield from _waiting(rows.undone().filter(started_at=None))
    yield from _of_the_study(user, at)
    for row in (
        InvestigatorAcknowledgement.objects.visible_to(user)
        .waiting()
        .select_related("notification__event__participant")
    ):
        yield _report(row)


def _ticking(rows, user, at):
    mine = (clock for clock in rows if user.roles & set(clock.rule.responsible))
    for clock, _ in zip(mine, range(SHOWN), strict=False):
        place = [clock.participant.identifier, clock.event.number]
        yield Item(
            group="Reporting clocks",
            identifier=clock.participant.identifier,
            url=reverse("event", args=place),
            text=f"{clock.rule_id} of AE {clock.event.number}",
            detail=f"To {clock.rule.recipient}, {due_words(clock)} ({clock.rule.basis})",
            status=chip(clock, at),
            actions=(("Told…", f"{reverse('notify', args=place)}?clock={clock.pk}"),),
            order=(clock.due_at,),
            listing=f"{reverse('clocks')}{LISTING}",
        )


def _of_the_study(user, at):
    """Clocks about no event that run, with those who answer for them. Deviations have their own worklist."""
    theirs = [rule.id for rule in protocol.current().clocks if rule.notify and user.roles & set(rule.responsible)]
    sites = user.sites_where(Permission.TELL_OF_STUDY)
    found = study_clocks.visible(study_clocks.of_the_study(at, theirs), sites) if sites else []
    for clock in found:
        state = clock.state_at(at)
        if state in UNDONE and state != WAITING:
            yield Item(
                group="Reporting clocks",
                identifier=clock.about,
                url=reverse("study_clocks"),
                text=f"{clock.rule_id}: {clock.rule.trigger}",
                detail=f"To {clock.rule.recipient}, {due_words(clock)} ({clock.rule.basis})",
                status=chip(clock, at),
                actions=(("Told…", reverse("tell_of_study", args=[clock.rule_id, clock.occurrence])),),
                order=(clock.due_at or at,),
            )


def _waiting(rows):
    """One item an event: its receipt or its determination is not recorded."""
    events = {}
    for clock in rows.order_by("opened_at", "pk"):
        events.setdefault(clock.event_id, []).append(clock)
    for clocks in events.values():
        first = clocks[0]
        place = [first.participant.identifier, first.event.number]
        yield Item(
            group="For the sponsor to say",
            identifier=first.participant.identifier,
            url=reverse("event", args=place),
            text=f"AE {first.event.number}",
            detail="; ".join(f"{clock.rule_id} {clock.starts}" for clock in clocks),
            actions=(("Open", reverse("event", args=place)), ("Determine…", reverse("determine", args=place))),
            order=(first.opened_at,),
        )


def _report(row):
    event = row.notification.event
    url = reverse("acknowledge_report", args=[row.pk])
    return Item(
        group="Safety reports to acknowledge",
        identifier=event.participant.identifier,
        url=url,
        text=f"AE {event.number}",
        detail=f"Sent {row.notification.sent_at:%-d %b %Y}",
        actions=(("Read and acknowledge", url),),
        order=(row.notification.sent_at,),
    )
