"""Every number of every table, against pandas over the stored rows of random trials."""

import os
from dataclasses import replace

import pytest

from adverse_events.outputs import making, reading
from adverse_events.outputs.catalogue import TABLES
from adverse_events.outputs.choice import Choice
from adverse_events.outputs.making import make
from adverse_events.tests.pandas_counts import SITES, Frames
from adverse_events.tests.random_trials import RandomTrial
from conftest import NOW
from studytracker import protocol
from studytracker.exports.tables import rows

AT_LEAST_ONE = "Total number of participants with at least one AE"
TRIALS = int(os.environ.get("OUTPUT_TRIALS", 30))  # scripts/proof_outputs.py runs 200

COUNTED_AGAIN = {
    "overview": "overview",
    "by-term": "by_term",
    "by-grade": "by_grade",
    "by-relatedness": "by_relatedness",
    "disposition": "disposition",
    "enrolment": "enrolment",
    "screen-failures": "screen_failures",
    "deviations": "departures",
    "demographics": "demographics",
    "exposure": "exposure",
    "visit-compliance": "compliance",
    "lab-shifts": "shifts",
    "lab-summary": "lab_summary",
}


def lines(code):
    """[(labels, [text of each column])] as a file holds them."""
    table = make(code, Choice(), SITES, at=NOW).table
    width = len(table.headers)
    found = list(rows(table))[1:]
    return [(tuple(row[:width]), [str(cell) for cell in row[width:]]) for row in found]


def differences():
    """What differs between the tables and pandas, over the trial that stands in the database."""
    frames, found = Frames(), []
    for code, name in COUNTED_AGAIN.items():
        ours, theirs = lines(code), getattr(frames, name)()
        if isinstance(theirs, list):
            theirs = [((label,), cells) for label, cells in theirs]
        else:
            ours, theirs = sorted(ours), sorted(theirs.items())
        found += [
            (code, *pair) for pair in zip(ours, theirs, strict=False) if pair[0] != (pair[1][0], list(pair[1][1]))
        ]
        if len(ours) != len(theirs):
            found.append((code, len(ours), len(theirs)))
    return found


def test_every_table_is_counted_a_second_time():
    assert set(COUNTED_AGAIN) == {table.code for table in TABLES}


@pytest.mark.parametrize("seed", range(TRIALS))
def test_every_number_is_that_of_pandas(trial, coordinator, seed):
    RandomTrial(seed, coordinator)
    assert differences() == []
    assert totals_that_differ() == []


def listed(code):
    header, *found = rows(make(code, Choice(), SITES, at=NOW).table)
    return [dict(zip(header, row, strict=True)) for row in found]


def totals_that_differ():
    """Each total of a table beside the number of rows of the listing it sums up."""
    tables = {code: dict(lines(code)) for code in ("overview", "disposition", "deviations", "exposure")}

    def total(code, *labels):
        return int(tables[code][labels][-1].split()[0])

    arm, person = protocol.current().treatment.arm, "Center/Participant ID"
    counted, serious, deaths = (
        [row[person] for row in listed(code) if row["Treatment"] == arm]
        for code in ("events", "serious-events", "deaths")
    )
    people = listed("disposition-listing")
    pairs = {
        "events": (total("overview", "Total number of AEs"), len(counted)),
        "people with events": (total("overview", AT_LEAST_ONE), len(set(counted))),
        "people with serious events": (total("overview", "  Serious AE"), len(set(serious))),
        "deaths": (total("overview", "Total number of deaths"), len(deaths)),
        "screened": (total("disposition", "Screened"), len(people)),
        "withdrawn": (total("disposition", "Withdrawn"), sum(row["Status"] == "Withdrawn" for row in people)),
        "infused": (total("exposure", "Infusion started"), len(listed("exposure-listing"))),
        "deviations": (total("deviations", "Any deviation", "deviations"), len(listed("deviation-listing"))),
    }
    return [(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]]


def test_a_wrong_count_would_be_found(trial, coordinator, monkeypatch):
    """The negative control: an event left out of the tables, and one there twice."""
    RandomTrial(1, coordinator)
    assert differences() == []
    whole = reading.read
    for spoil in (lambda events: events[1:], lambda events: (*events, *events[-1:])):
        monkeypatch.setattr(making, "read", lambda *given, spoil=spoil: _spoilt(whole(*given), spoil))
        assert {code for code, *_ in differences()} >= {"overview", "by-term"}


def _spoilt(trial, spoil):
    return replace(trial, events=spoil(tuple(event for event in trial.events if event.is_counted)))
