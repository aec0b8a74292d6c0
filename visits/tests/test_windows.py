"""Windows and statuses against the oracle of scripts/proof_windows.py, which counts in day numbers of its own."""

import importlib.util
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from studytracker import protocol
from studytracker.protocol.models import Site
from visits import status
from visits.schedule import windows

place = importlib.util.spec_from_file_location("proof_windows", settings.BASE_DIR / "scripts" / "proof_windows.py")
proof = importlib.util.module_from_spec(place)
place.loader.exec_module(proof)

YEARS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


def test_the_oracle_counts_days_as_an_almanac_does():
    """Julian day numbers of the Astronomical Almanac, noon of the day."""
    assert [proof.julian(2000, 1, 1), proof.julian(1970, 1, 1), proof.julian(2100, 3, 1)] == [
        2451545,
        2440588,
        2488129,
    ]


@given(YEARS, YEARS)
def test_every_planned_visit_has_the_window_and_the_status_of_the_oracle(day0, on):
    rules = protocol.current()
    for planned in rules.visits:
        span = windows(rules, day0)[planned.code]
        target = proof.number(day0) + planned.day
        opens, closes = target - planned.before, target + planned.after
        assert tuple(map(proof.number, (span.opens_on, span.target_on, span.closes_on))) == (opens, target, closes)
        soon = rules.status.upcoming_days
        assert status.of(proof.Row(span), on).code == proof.expected(proof.number(on), opens, target, closes, soon)
        for shift in (-soon - 1, -soon, -1, 0, 1):
            near = span.opens_on + timedelta(days=shift)
            code = proof.expected(proof.number(near), opens, target, closes, soon)
            assert status.of(proof.Row(span), near).code == code


@pytest.mark.parametrize(
    "day0",
    [
        date(2024, 2, 29),  # leap day
        date(2023, 3, 1),  # a window over the end of a common February in the year after
        date(2100, 2, 28),  # no leap year, though divisible by four
        date(2025, 3, 9),  # the clocks go forward
        date(2025, 11, 2),  # the clocks go back
    ],
)
def test_windows_are_whole_days_across_leap_days_and_clock_changes(day0):
    for code, span in windows(protocol.current(), day0).items():
        planned = protocol.current().visit(code)
        assert (span.target_on - day0).days == planned.day
        assert (span.closes_on - span.opens_on).days == planned.before + planned.after


@pytest.mark.parametrize(
    ("instant", "today"),
    [
        (datetime(2025, 6, 18, 1, 0, tzinfo=UTC), date(2025, 6, 17)),  # 21:00 in New York: not yet tomorrow
        (datetime(2025, 6, 18, 3, 59, 59, tzinfo=UTC), date(2025, 6, 17)),
        (datetime(2025, 6, 18, 4, 0, tzinfo=UTC), date(2025, 6, 18)),
        (datetime(2025, 1, 18, 4, 59, 59, tzinfo=UTC), date(2025, 1, 17)),  # in winter midnight is at 05:00 UTC
        (datetime(2025, 1, 18, 5, 0, tzinfo=UTC), date(2025, 1, 18)),
        (datetime(2025, 3, 9, 4, 59, 59, tzinfo=UTC), date(2025, 3, 8)),  # the night the clocks go forward
        (datetime(2025, 3, 10, 3, 59, 59, tzinfo=UTC), date(2025, 3, 9)),  # that day has 23 hours
        (datetime(2025, 3, 10, 4, 0, tzinfo=UTC), date(2025, 3, 10)),
        (datetime(2025, 11, 2, 3, 59, 59, tzinfo=UTC), date(2025, 11, 1)),  # the night they go back
        (datetime(2025, 11, 3, 4, 59, 59, tzinfo=UTC), date(2025, 11, 2)),  # that day has 25 hours
        (datetime(2025, 11, 3, 5, 0, tzinfo=UTC), date(2025, 11, 3)),
    ],
)
def test_a_day_at_the_site_begins_at_its_own_midnight(instant, today):
    assert Site("MUSC").today(instant) == today


def test_overdue_starts_at_midnight_of_the_site_after_the_last_day_of_the_window(
    musc, browse, coordinator, time_machine
):
    """Week 2 closes on 17 June. At 21:00 in New York it is already the 18th in UTC, and nothing is overdue."""
    musc.infused(date(2025, 5, 31))
    for instant, words in (
        (datetime(2025, 6, 18, 1, 0, tzinfo=UTC), "Late, closes today"),
        (datetime(2025, 6, 18, 3, 59, tzinfo=UTC), "Late, closes today"),
        (datetime(2025, 6, 18, 4, 0, tzinfo=UTC), "Overdue 1 d"),
    ):
        time_machine.move_to(instant, tick=False)
        assert words in browse(coordinator).get("/participants/MUSC-001/").content.decode()
    assert datetime.combine(date(2025, 6, 18), time(), Site("MUSC").zone).astimezone(UTC).hour == 4
