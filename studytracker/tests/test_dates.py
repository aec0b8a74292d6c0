from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studytracker.dates import (
    ImpossibleDate,
    ImpossibleTime,
    PartialDate,
    day_label,
    local_instant,
    months_before,
    protocol_day,
    study_day,
    years_before,
)

NEW_YORK = ZoneInfo("America/New_York")
days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@st.composite
def partial_dates(draw):
    day = draw(days)
    known = draw(st.integers(1, 3))
    return PartialDate(*(day.year, day.month, day.day)[:known])


def days_covered_by(partial):
    """By enumeration: every day whose ISO text starts with what is known."""
    day, found = date(partial.year, 1, 1), []
    while day.year == partial.year:
        if day.isoformat().startswith(partial.iso):
            found.append(day)
        day += timedelta(days=1)
    return found


def by_walking_back(day, months):
    """Back over as many firsts of a month as asked, then on to the last day not after the day wanted."""
    first = day.replace(day=1)
    for _ in range(months):
        first -= timedelta(days=1)
        while first.day != 1:
            first -= timedelta(days=1)
    reached = first
    while reached.day < day.day and (reached + timedelta(days=1)).month == first.month:
        reached += timedelta(days=1)
    return reached


@pytest.mark.parametrize(
    ("iso", "shown"),
    [
        ("2025-06-14", "14-JUN-2025"),
        ("2025-06", "UN-JUN-2025"),
        ("2025", "UN-UNK-2025"),
        ("2024-02-29", "29-FEB-2024"),
    ],
)
def test_a_partial_date_is_shown_with_its_unknown_parts_marked(iso, shown):
    assert str(PartialDate.parse(iso)) == shown


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((2025, 2, 31), "31 February 2025 does not exist: February 2025 has 28 days."),
        ((2024, 2, 30), "30 February 2024 does not exist: February 2024 has 29 days."),
        ((2025, 6, 0), "0 June 2025 does not exist: June 2025 has 30 days."),
        ((2025, 13, 1), "Month 13 does not exist: months run from 1 to 12."),
        ((2025, None, 4), "The month is unknown, so the day must be unknown too."),
        ((1899,), "The year 1899 is outside 1900 to 2100."),
        ((2101, 1), "The year 2101 is outside 1900 to 2100."),
    ],
)
def test_an_impossible_date_says_why(parts, sentence):
    with pytest.raises(ImpossibleDate) as refusal:
        PartialDate(*parts)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    "text", ["", "25", "2025-6", "2025-06-", "2025-06-14\n", "２０２５", "2025/06/14", "2025-06-14x"]
)
def test_only_plain_iso_text_is_parsed(text):
    with pytest.raises(ImpossibleDate):
        PartialDate.parse(text)


@given(partial_dates())
def test_iso_text_and_back_is_the_same_date(partial):
    assert PartialDate.parse(partial.iso) == partial
    assert partial.is_full == (len(partial.iso) == 10)


@given(partial_dates())
def test_earliest_and_latest_are_the_ends_of_the_days_it_covers(partial):
    covered = days_covered_by(partial)
    assert (partial.earliest, partial.latest) == (covered[0], covered[-1])


@given(partial_dates(), partial_dates())
def test_partial_dates_are_ordered_as_their_iso_text(one, other):
    assert (one < other, one <= other, one == other) == (
        one.iso < other.iso,
        one.iso <= other.iso,
        one.iso == other.iso,
    )


@given(days)
def test_a_whole_day_is_its_own_earliest_and_latest(day):
    partial = PartialDate.of(day)
    assert (partial.earliest, partial.latest, partial.iso) == (day, day, day.isoformat())


@given(st.dates(date(1950, 1, 1), date(2100, 12, 31)), st.integers(0, 60))
def test_months_before_agrees_with_walking_back_day_by_day(day, months):
    assert months_before(day, months) == by_walking_back(day, months)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2017, 3, 31), 1, date(2017, 2, 28)),
        (date(2020, 3, 31), 1, date(2020, 2, 29)),
        (date(2017, 8, 31), 6, date(2017, 2, 28)),
        (date(2017, 1, 15), 6, date(2016, 7, 15)),
        (date(2017, 6, 30), 0, date(2017, 6, 30)),
    ],
)
def test_months_before_ends_on_the_last_day_of_a_short_month(day, months, expected):
    assert months_before(day, months) == expected


def test_three_years_before_a_leap_day_is_the_28th():
    assert years_before(date(2020, 2, 29), 3) == date(2017, 2, 28)
    assert years_before(date(2020, 2, 29), 4) == date(2016, 2, 29)


@given(days, st.integers(-400, 400))
def test_the_two_day_counts_differ_by_one_from_the_infusion_on(infused_on, offset):
    on = infused_on + timedelta(days=offset)
    assert protocol_day(on, infused_on) == offset
    assert study_day(on, infused_on) == (offset if offset < 0 else offset + 1)
    assert study_day(on, infused_on) != 0


def test_a_day_is_labelled_with_its_weekday():
    assert day_label(date(2025, 3, 4)) == "Tue 4 Mar 2025"
    assert day_label(date(2025, 6, 23)) == "Mon 23 Jun 2025"


def test_a_local_time_becomes_a_utc_instant():
    assert local_instant(date(2025, 6, 23), time(14, 5), NEW_YORK) == datetime(2025, 6, 23, 18, 5, tzinfo=UTC)
    assert local_instant(date(2025, 1, 23), time(14, 5), NEW_YORK) == datetime(2025, 1, 23, 19, 5, tzinfo=UTC)


def test_a_time_the_clock_skipped_is_refused_with_the_time_meant():
    with pytest.raises(ImpossibleTime) as refusal:
        local_instant(date(2025, 3, 9), time(2, 30), NEW_YORK)
    assert str(refusal.value) == (
        "02:30 on Sun 9 Mar 2025 does not exist in America/New_York: the clocks went forward past it. "
        "Did you mean 03:30?"
    )


def test_a_time_the_clock_showed_twice_is_the_first():
    assert local_instant(date(2025, 11, 2), time(1, 30), NEW_YORK) == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)
    assert local_instant(date(2025, 11, 2), time(1, 30, fold=1), NEW_YORK) == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)).map(lambda at: at.replace(second=0, microsecond=0)))
def test_the_clock_at_the_instant_shows_the_time_asked_for(shown):
    try:
        instant = local_instant(shown.date(), shown.time(), NEW_YORK)
    except ImpossibleTime:
        # No instant within a day of it may show this time on the wall.
        start = shown.replace(tzinfo=UTC) - timedelta(hours=14)
        walls = {(start + timedelta(minutes=m)).astimezone(NEW_YORK).replace(tzinfo=None) for m in range(0, 28 * 60)}
        assert shown not in walls
    else:
        assert instant.astimezone(NEW_YORK).replace(tzinfo=None) == shown
