"""What every change to the record sets off: clocks computed anew, and stopping rules evaluated, in one transaction."""

from django.db import transaction

from studytracker.outbox.tasks import wake
from studytracker.trust.acting import current

from . import rules, study_telling, timekeeping


@transaction.atomic
def watch(event, *, by, at, reason=""):
    """Call it where an event is reported, judged, voided or restored, after the change and in its transaction."""
    timekeeping.recompute(event, by=by, at=at, reason=reason)
    rules.evaluate_all(by=by, at=at)
    _wake_when_on_a_page()


def after_infusion(infusion, *, by, at):
    """An infusion opens the window of events that are on record already."""
    rules.evaluate_all(by=by, at=at)


def after_day0_correction(correction, *, by, at):
    """A corrected Day 0 moves the window over the events."""
    rules.evaluate_all(by=by, at=at)


def look(at):
    """What time alone brings about: deadlines that passed. And what a change outside these functions left behind."""
    timekeeping.look(at)
    study_telling.look(at)
    rules.look(at)


def _wake_when_on_a_page():
    """A page has what is urgent told at once. A command or a task sweeps by itself."""
    acting = current()
    if acting and acting.source == "web":
        transaction.on_commit(wake)
