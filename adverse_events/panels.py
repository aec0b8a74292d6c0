"""A participant's adverse events on the participant's page; clocks and stopping rules on the home page."""

from participants.timeline import Lane, Mark
from studytracker.access.grants import Permission

from . import rules
from .clock_tables import chip, due_words, ticking


def events(participant, user, today):
    rows = list(participant.adverse_events.order_by("number"))
    for event in rows:
        event.participant = participant
    return {"template": "adverse_events/panel.html", "rows": rows, "participant": participant}


SHOWN = 12
LONGEST_LABEL = 32  # letters of a term on the timeline; the words below it have the whole


def safety(user, at):
    """Clocks with a deadline at the person's sites, and how each stopping rule that is on stands."""
    rows = ticking(user, at)
    return {
        "template": "adverse_events/safety_panel.html",
        "clocks": [{"clock": clock, "chip": chip(clock, at), "due": due_words(clock)} for clock in rows[:SHOWN]],
        "more": max(len(rows) - SHOWN, 0),
        "rules": rules.running() if user.can_somewhere(Permission.SEE) else [],
    }


def lane(participant, user, today):
    """The adverse events on the participant's timeline, by grade. One query."""
    marks = []
    for event in participant.adverse_events.standing().order_by("started", "pk"):
        last = event.ended.latest if event.ended else today if event.is_ongoing else event.started.latest
        vague = not event.started.is_full or bool(event.ended and not event.ended.is_full)
        grade = f"grade {event.grade}" if event.grade else "not graded"
        serious = ", serious" if event.is_serious else ""
        ends = "ongoing" if event.is_ongoing else f"to {event.ended or 'an unknown day'}"
        words = f"{event.term}, {grade}{serious}: from {event.started} {ends}"
        term = event.term if len(event.term) <= LONGEST_LABEL else f"{event.term[:LONGEST_LABEL]}…"
        label = f"{event.grade or '?'} {term}{' (SERIOUS)' if event.is_serious else ''}"
        first = event.started.earliest
        style = f"grade-{event.grade or 0}"
        marks.append(Mark(first, max(first, last), label, words, style, event.is_ongoing, vague))
    return Lane("Events", "Adverse events", marks)
