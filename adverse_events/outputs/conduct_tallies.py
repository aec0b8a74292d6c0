"""Counting how the protocol was kept: visits and their windows, answers that are open, deviations."""

from itertools import groupby

from .rows import Trial
from .tallies import Line, affected, many

STATES = (
    ("done in window", lambda row: row.attended_on is not None and row.out == 0),
    ("done out of window", lambda row: row.attended_on is not None and row.out != 0),
    ("missed", lambda row: row.attended_on is None and row.is_missed),
    ("not recorded", lambda row: row.attended_on is None and not row.is_missed and row.is_applicable),
    ("not applicable", lambda row: row.attended_on is None and not row.is_missed and not row.is_applicable),
)


def compliance(trial: Trial) -> list[Line]:
    """Each planned visit of those infused: done in and out of the window, missed, nothing recorded, not applicable."""
    infused = {person.identifier for person in trial.infused}
    rows = sorted((row for row in trial.visits if row.participant in infused), key=lambda row: (row.order, row.code))
    lines = []
    for (_, code, name), found in groupby(rows, key=lambda row: (row.order, row.code, row.name)):
        its = list(found)
        for words, holds in STATES:
            of = [row for row in its if holds(row)]
            lines.append(Line((name, words), affected(trial, of), path=(code, words)))
    return lines


def data_quality(trial: Trial) -> list[Line]:
    """Visits whose window has closed by the day at each site, and events with answers that are still open."""
    infused = {person.identifier for person in trial.infused}
    due = [
        row
        for row in trial.visits
        if row.participant in infused and row.is_applicable and row.closes_on and row.closes_on < trial.today[row.site]
    ]
    states = [(words, [row for row in due if holds(row)]) for words, holds in STATES[:4]]
    waiting = [event for event in trial.events if event.is_open]
    return [
        Line(("Visits expected: the window has closed",), many(trial, due)),
        *(Line((words.capitalize(),), many(trial, rows), 1) for words, rows in states),
        Line(("Adverse events on record",), many(trial, trial.events)),
        Line(("With grade, causality, outcome or end still open",), many(trial, waiting), 1),
    ]


def departures(trial: Trial) -> list[Line]:
    """By category, participants and deviations. N is everybody screened."""
    lines = _of_departures(trial, trial.departures, "Any deviation")
    major = [row for row in trial.departures if row.severity == "major"]
    lines += _of_departures(trial, major, "Classified as major")
    for category in sorted({row.category for row in trial.departures}):
        lines += _of_departures(trial, [row for row in trial.departures if row.category == category], category)
    return lines


def _of_departures(trial, rows, words):
    return [
        Line((words, "participants"), affected(trial, rows, trial.people)),
        Line((words, "deviations"), many(trial, rows)),
    ]
