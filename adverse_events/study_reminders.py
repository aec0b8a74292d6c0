"""Whom a running clock about no event tells, at the stages of every other clock."""

from django.urls import reverse

from studytracker.access.grants import TRIAL_WIDE
from studytracker.access.people import holders
from studytracker.outbox.sources import AGAIN, Line, Matter

from . import study_clocks
from .clock_reminders import reached
from .clock_tables import due_words
from .models.clock import BREACHED, RUNNING


def due(at):
    """The furthest stage of each, for everybody who answers for it there."""
    held = {}
    for clock in _ticking(at):
        stage = _stage(clock, at)
        for role in clock.rule.responsible:
            place = role, None if role in TRIAL_WIDE else clock.site_id
            if place not in held:
                held[place] = [person.pk for person in holders(*place)]
            yield from (Matter(clock.object_id, stage, clock.site_id, pk, 0, True) for pk in held[place])


def _ticking(at):
    """Those with a deadline, neither met nor waiting; what tells nobody, such as keeping records, is on no list."""
    return [
        c for c in study_clocks.everything(at) if c.rule.notify and c.due_at and c.state_at(at) in (RUNNING, BREACHED)
    ]


def _name(clock):
    """Which of the clocks that one row starts: its rule, and the day it ends, by which a moved one is told anew."""
    return f"{clock.rule_id}-{clock.due_at:%y%m%d}-"


def _stage(clock, at):
    return f"{_name(clock)}{reached(clock, at)}"


def still_due(wanted, at):
    """Those that are still neither met nor moved."""
    found = {}
    for clock in _ticking(at):
        for pk, stage in wanted:
            if pk == clock.object_id and (stage == AGAIN or stage.startswith(_name(clock))):
                found[pk, stage] = _line(clock, at)
    return found


def _line(clock, at):
    heading = "Reporting clock has run out" if clock.due_at < at else "Reporting clock is running"
    text = f"{clock.about} {clock.rule_id}, {due_words(clock)}"
    path = clock.deviation.get_absolute_url() if clock.deviation else reverse("study_clocks")
    return Line((0, clock.due_at.isoformat(), text), heading, text, path)
