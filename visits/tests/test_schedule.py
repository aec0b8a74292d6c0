from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import TODAY
from studytracker import protocol
from visits.models import Visit
from visits.schedule import window, windows

RULES = protocol.current()
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))

# The schedule as the study team reads it, typed from the protocol and not from the file: allowed protocol days.
ALLOWED = {
    "SCR": (-28, -1),
    "D0": (0, 0),
    "W1": (5, 9),
    "W2": (11, 17),
    "W4": (25, 31),
    "W8": (49, 63),
    "W12": (77, 91),
    "W16": (105, 119),
    "W20": (133, 147),
    "W24": (161, 175),
    "W36": (238, 266),
    "W52": (350, 378),
}


def test_a_window_is_counted_from_the_infusion_with_both_ends_inside():
    span = window(date(2024, 2, 15), 14, 3, 3)
    assert span == (date(2024, 2, 29), date(2024, 2, 26), date(2024, 3, 3))
    assert [span.holds(date(2024, 2, 25)), span.holds(span.opens_on), span.holds(span.closes_on)] == [
        False,
        True,
        True,
    ]
    assert not span.holds(date(2024, 3, 4))


@given(DAYS)
def test_every_window_equals_counting_single_days_from_day_0(day0):
    """The oracle walks the calendar by ordinal numbers; it shares no code with the schedule."""
    for code, span in windows(RULES, day0).items():
        opens, closes = (date.fromordinal(day0.toordinal() + day) for day in ALLOWED[code])
        assert (code, span.opens_on, span.closes_on) == (code, opens, closes)


def test_the_planned_visits_carry_their_windows(musc):
    participant = musc.infused(date(2025, 5, 31))
    stored = {
        visit.code: (
            (visit.opens_on - participant.infused_on).days,
            (visit.closes_on - participant.infused_on).days,
        )
        for visit in Visit.objects.filter(participant=participant)
    }
    assert stored == ALLOWED


def test_the_baseline_visit_is_attended_on_day_0_and_the_rest_is_open(musc):
    participant = musc.infused(date(2025, 5, 31))
    attended = {visit.code: visit.attended_on for visit in participant.visits.exclude(attended_on=None)}
    assert attended == {"SCR": date(2025, 5, 21), "D0": date(2025, 5, 31)}


@pytest.mark.parametrize(("before", "code"), [(28, "done"), (29, "done-out")])
def test_a_screening_older_than_its_window_shows_as_out_of_window(musc, before, code):
    participant = musc.infused(TODAY - timedelta(days=18), screened_before=before)
    assert participant.visits.get(code="SCR").status(TODAY).code == code
