"""A participant's adverse events on the participant's page; clocks and stopping rules on the home page."""

from studytracker.access.grants import Permission

from . import rules
from .clock_tables import chip, due_words
from .models import Clock


def events(participant, user, today):
    rows = list(participant.adverse_events.order_by("number"))
    for event in rows:
        event.participant = participant
    return {"template": "adverse_events/panel.html", "rows": rows, "participant": participant}


SHOWN = 12


def safety(user, at):
    """Clocks with a deadline at the person's sites, and how each stopping rule that is on stands."""
    ticking = Clock.objects.visible_to(user).ticking().select_related("event", "participant").order_by("due_at", "pk")
    rows = list(ticking[: SHOWN + 1])
    more = ticking.count() - SHOWN if len(rows) > SHOWN else 0
    return {
        "template": "adverse_events/safety_panel.html",
        "clocks": [{"clock": clock, "chip": chip(clock, at), "due": due_words(clock)} for clock in rows[:SHOWN]],
        "more": more,
        "rules": rules.running() if user.can_somewhere(Permission.SEE) else [],
    }
