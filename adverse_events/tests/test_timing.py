from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adverse_events.timing import Days, Emergence, SinceDose, days_from_infusion, duration, emergence, since_dose
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)
INFUSED = datetime(2025, 5, 31, 10, 15)
TODAY = date(2025, 6, 18)


def on(iso):
    return PartialDate.parse(iso)


@st.composite
def known_in_part(draw):
    """A real day, and what somebody remembers of it."""
    day = draw(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
    parts = (day.year, day.month, day.day)[: draw(st.integers(1, 3))]
    return day, PartialDate(*parts)


@pytest.mark.parametrize(
    ("started", "days"),
    [
        ("2025-06-02", Days(2, 2)),
        ("2025-05-31", Days(0, 0)),
        ("2025-05-30", Days(-1, -1)),
        ("2025-06", Days(1, 18)),
        ("2025-05", Days(-30, 0)),
        ("2025", Days(-150, 18)),
    ],
)
def test_days_from_the_infusion_are_a_range_up_to_today(started, days):
    assert days_from_infusion(on(started), DAY0, TODAY) == days


@given(known_in_part(), st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_the_true_day_lies_in_the_range(known, day0):
    day, started = known
    days = days_from_infusion(started, day0, date(2027, 1, 1))
    assert days.first <= (day - day0).days <= days.last
    assert days.is_known is started.is_full


@pytest.mark.parametrize(
    ("started", "ended", "days"),
    [
        ("2025-06-02", "2025-06-02", Days(1, 1)),
        ("2025-06-02", "2025-06-11", Days(10, 10)),
        ("2025-06", "2025-06-11", Days(1, 11)),
        ("2025-06-02", "2025-07", Days(30, 60)),
        ("2025", "2025", Days(1, 365)),
        ("2025-06-02", None, None),
    ],
)
def test_a_duration_is_as_exact_as_its_ends(started, ended, days):
    assert duration(on(started), ended and on(ended)) == days


@given(known_in_part(), known_in_part())
def test_the_true_duration_lies_in_the_range(one, other):
    (start, started), (end, ended) = sorted([one, other], key=lambda known: known[0])
    days = duration(started, ended)
    assert days.first <= (end - start).days + 1 <= days.last


@pytest.mark.parametrize(
    ("started", "at", "answer"),
    [
        ("2025-06-01", None, Emergence.YES),
        ("2025-05-30", None, Emergence.NO),
        ("2025-05-31", None, Emergence.ASSUMED),
        ("2025-05-31", time(10, 15), Emergence.YES),
        ("2025-05-31", time(10, 14), Emergence.NO),
        ("2025-06", None, Emergence.YES),
        ("2025-05", None, Emergence.UNKNOWN),
        ("2025", None, Emergence.UNKNOWN),
        ("2025-04", None, Emergence.NO),
        ("2026", None, Emergence.YES),
    ],
)
def test_treatment_emergence_of_what_is_known(started, at, answer):
    assert emergence(on(started), at, INFUSED) is answer


def test_without_an_infusion_nothing_is_emergent_or_not():
    assert emergence(on("2025-06-01"), None, None) is None


@pytest.mark.parametrize(
    ("worsened", "answer"),
    [("2025-06", Emergence.YES), ("2025-05", Emergence.UNKNOWN), ("2025-05-30", Emergence.NO)],
)
def test_an_event_from_before_is_emergent_once_it_is_worse(worsened, answer):
    assert emergence(on("2025-05-20"), None, INFUSED, (on(worsened),)) is answer


@given(known_in_part(), known_in_part())
def test_emergence_is_never_certain_and_wrong(onset, infusion):
    day, started = onset
    infused = datetime.combine(infusion[0], time(10))
    answer = emergence(started, None, infused)
    if answer is Emergence.YES:
        assert day > infusion[0]
    if answer is Emergence.NO:
        assert day < infusion[0]


@given(known_in_part(), known_in_part())
def test_what_is_known_survives_the_round_trip_and_sorts_unknown_parts_first(one, other):
    (_, first), (_, second) = one, other
    assert PartialDate.parse(first.iso) == first
    assert (first < second) is (first.iso < second.iso)
    if first.earliest < second.earliest:
        assert first < second
    if first.earliest == second.earliest and first.iso != second.iso:
        assert (first < second) is (len(first.iso) < len(second.iso))


@pytest.mark.parametrize(
    ("started", "at", "since"),
    [
        ("2025-05-31", time(10, 15), SinceDose(0, 0, 0)),
        ("2025-05-31", time(12, 40), SinceDose(0, 2, 25)),
        ("2025-06-02", time(9, 15), SinceDose(1, 23, 0)),
        ("2025-06-02", None, SinceDose(2)),
        ("2025-05-31", time(9), SinceDose()),
        ("2025-05-30", None, SinceDose()),
        ("2025-06", None, SinceDose()),
    ],
)
def test_time_from_dose_is_blank_where_it_is_not_known(started, at, since):
    assert since_dose(on(started), at, INFUSED) == since


@given(st.integers(0, 60 * 24 * 400))
def test_the_parts_of_the_time_from_dose_add_up(minutes):
    moment = INFUSED + timedelta(minutes=minutes)
    since = since_dose(PartialDate.of(moment.date()), moment.time(), INFUSED)
    assert (since.days * 24 + since.hours) * 60 + since.minutes == minutes


def test_without_an_infusion_there_is_no_time_from_dose():
    assert since_dose(on("2025-06-02"), None, None) == SinceDose()


@pytest.mark.parametrize(("days", "words"), [(Days(3, 3), "3"), (Days(1, 18), "1 to 18")])
def test_days_in_words(days, words):
    assert str(days) == words
