"""A source of reminders for the proofs: so many matters a day, each with a mark that can be found in the mail."""

from datetime import datetime, timedelta

from studytracker.outbox.models import Notice
from studytracker.outbox.sources import Line, Matter

FIRST = datetime.fromisoformat("2030-01-01T12:00:00+00:00")
PER_DAY = 100
NAME = "proof"

# Set by the proof: who is told, how many matters a day, on how many days, whether some are urgent.
people: list[int] = []
a_day = 2
first_day = last_day = 0
urgent = True


def day_of(at):
    return (at - FIRST).days


def at(day, **later):
    return FIRST + timedelta(days=day, **later)


def due(at):
    """Those of each day since the last one that the ledger knows of: a sweep that died is made good by the next."""
    known = Notice.objects.filter(source=NAME).order_by("-object_id").values_list("object_id", flat=True).first()
    start = max(first_day, 0 if known is None else known // PER_DAY)
    for day in range(start, min(day_of(at), last_day) + 1):
        yield from of_day(day)


def of_day(day):
    for number in range(a_day):
        for person in people:
            yield Matter(day * PER_DAY + number, "told", "MUSC", person, is_urgent=urgent and number == 0)


def still_due(wanted, at):
    return {(key, stage): Line((key,), "Proof", mark(key), f"/{mark(key)}/") for key, stage in wanted}


def mark(key):
    return f"mark-{key}"
