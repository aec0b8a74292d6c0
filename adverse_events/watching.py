"""What every change to the record sets off: clocks computed anew, and stopping rules evaluated, in one transaction."""

from django.db import transaction

from . import rules, timekeeping


@transaction.atomic
def watch(event, *, by, at, reason=""):
    """Call it where an event is reported, judged, voided or restored, after the change and in its transaction."""
    timekeeping.recompute(event, by=by, at=at, reason=reason)
    rules.evaluate_all(by=by, at=at)


def after_infusion(infusion, *, by, at):
    """An infusion opens the window of events that are on record already."""
    rules.evaluate_all(by=by, at=at)


def after_day0_correction(correction, *, by, at):
    """A corrected Day 0 moves the window over the events."""
    rules.evaluate_all(by=by, at=at)


def look(at):
    """What time alone brings about: deadlines that passed. And what a change outside these functions left behind."""
    timekeeping.look(at)
    rules.look(at)
