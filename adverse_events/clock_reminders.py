"""Whom a running clock tells, and when: as it opens, at shares of its time, and when it has run out. Each at once."""

from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import TRIAL_WIDE
from studytracker.access.people import holders
from studytracker.outbox.sources import AGAIN, Line, Matter

from .clock_tables import due_words
from .models import Clock

OPENED, OVER = "opened", "over"


def due(at):
    """The furthest stage that each clock with a deadline has reached, for everybody who answers for it there."""
    held = {}
    for clock in Clock.objects.ticking():
        stage = reached(clock, at) + _deadline(clock)
        for role in clock.rule.responsible:
            site = None if role in TRIAL_WIDE else clock.site_id
            if (role, site) not in held:
                held[role, site] = [person.pk for person in holders(role, site)]
            yield from (Matter(clock.pk, stage, clock.site_id, pk, 0, True) for pk in held[role, site])


def _deadline(clock) -> str:
    """Part of the stage: a clock that moved is told anew."""
    return f"-{clock.due_at:%y%m%d%H%M}"


def reached(clock, at) -> str:
    if clock.due_at < at:
        return OVER
    run, whole = at - clock.started_at, clock.due_at - clock.started_at
    shares = protocol.version(clock.protocol_version).clock_watch.remind_at_percent
    return str(max((share for share in shares if run * 100 >= whole * share), default=OPENED))


def still_due(wanted, at):
    """Those that are still neither met nor closed, with the deadline they were told for."""
    clocks = Clock.objects.ticking().select_related("event", "participant").in_bulk({pk for pk, _ in wanted})
    return {
        (pk, stage): _line(clocks[pk], at)
        for pk, stage in wanted
        if pk in clocks and (stage == AGAIN or stage.endswith(_deadline(clocks[pk])))
    }


def _line(clock, at):
    heading = "Reporting clock has run out" if clock.due_at < at else "Reporting clock is running"
    text = f"{clock.participant.identifier} AE {clock.event.number} {clock.rule_id}, {due_words(clock)}"
    path = reverse("event", args=[clock.participant.identifier, clock.event.number])
    return Line((0, clock.due_at.isoformat(), text), heading, text, path)
