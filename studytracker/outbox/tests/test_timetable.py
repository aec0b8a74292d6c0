from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studytracker.outbox.timetable import Timetable

NEW_YORK = ZoneInfo("America/New_York")
USUAL = Timetable(NEW_YORK, time(7), time(20), time(7))


def new_york(day, clock, fold=0):
    return datetime.combine(day, clock, NEW_YORK).replace(fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [(time(6, 59), True), (time(7), False), (time(19, 59), False), (time(20), True), (time(0), True)],
)
def test_quiet_hours_go_over_midnight_and_end_on_the_minute(clock, quiet):
    assert USUAL.is_quiet(new_york(date(2025, 6, 18), clock)) is quiet


def test_the_same_time_twice_means_no_quiet_hours():
    anytime = Timetable(NEW_YORK, time(0), time(0), time(0))
    assert [hour for hour in range(24) if anytime.is_quiet(new_york(date(2025, 6, 18), time(hour)))] == []


def test_a_digest_that_fell_into_the_night_comes_in_the_morning():
    late = Timetable(NEW_YORK, time(19, 30), time(20), time(7))
    at = new_york(date(2025, 6, 18), time(21))
    assert not late.is_digest_due(at)
    assert late.next_digest(at, had_today=False) == new_york(date(2025, 6, 19), time(19, 30))


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        (date(2025, 3, 8), datetime(2025, 3, 8, 12, tzinfo=UTC)),
        (date(2025, 3, 9), datetime(2025, 3, 9, 11, tzinfo=UTC)),
        (date(2025, 11, 1), datetime(2025, 11, 1, 11, tzinfo=UTC)),
        (date(2025, 11, 2), datetime(2025, 11, 2, 12, tzinfo=UTC)),
    ],
)
def test_seven_o_clock_is_seven_o_clock_before_and_after_the_clocks_change(day, instant):
    assert USUAL.instant(day, time(7)) == instant


@pytest.mark.parametrize("change", [date(2025, 3, 9), date(2025, 11, 2)])
@pytest.mark.parametrize("digest", [time(1, 30), time(2, 30), time(7)])
def test_one_digest_is_due_on_each_day_around_the_change_of_clocks(change, digest):
    """Swept every five minutes for three days; 02:30 does not exist on the first of these days, 01:30 comes twice
    on the second."""
    times, had = Timetable(NEW_YORK, digest, time(0), time(0)), []
    at = new_york(change - timedelta(days=1), time(0))
    while at < new_york(change + timedelta(days=2), time(0)):
        if times.is_digest_due(at) and times.day(at) not in had:
            had.append(times.day(at))
        at += timedelta(minutes=5)
    assert had == [change - timedelta(days=1), change, change + timedelta(days=1)]


clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


@given(at=instants, quiet_from=clocks, quiet_to=clocks)
def test_what_is_put_off_ends_outside_the_quiet_hours_and_within_a_day(at, quiet_from, quiet_to):
    times = Timetable(NEW_YORK, time(7), quiet_from, quiet_to)
    moved = times.after_quiet(at)
    assert timedelta(0) <= moved - at <= timedelta(hours=25)
    assert times.is_quiet(moved) is False or _skipped(quiet_to, moved)


def _skipped(clock, moved):
    """The end of the quiet hours is a time that the clocks never showed on that day."""
    day = moved.astimezone(NEW_YORK).date()
    return (day.month, day.isoweekday()) == (3, 7) and clock.hour == 2
