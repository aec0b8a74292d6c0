"""Windows and statuses against an independent oracle: every planned visit of every Day 0 from 2000 to 2100.

    .venv/bin/python scripts/proof_windows.py [first year] [last year]

For every Day 0 of the years and every planned visit, the window is compared with one counted in Julian day numbers by
a formula of its own, and the status with a table of the rules: on every day from ten before the window to three after
it, and on the first and the last day of the years. For a sample of Days 0 it is compared on every day of the years.
It stops at the first difference.
"""

import os
import sys
import time
from datetime import date, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = 1499  # every so many Days 0 on every day of the years: a prime, so it meets every weekday and month


def julian(year: int, month: int, day: int) -> int:
    """The Julian day number of a Gregorian date (Fliegel and Van Flandern 1968), without any library of dates."""
    a = (month - 14) // 12 if month >= 14 else -((14 - month) // 12)
    return (
        (1461 * (year + 4800 + a)) // 4
        + (367 * (month - 2 - 12 * a)) // 12
        - (3 * ((year + 4900 + a) // 100)) // 4
        + day
        - 32075
    )


def number(on: date) -> int:
    return julian(on.year, on.month, on.day)


def expected(day: int, opens: int, target: int, closes: int, soon: int) -> str:
    """The table of the rules, in day numbers: the first line that holds."""
    for holds, code in (
        (day > closes, "overdue"),
        (day > target, "late"),
        (day >= opens, "open"),
        (opens - day <= soon, "soon"),
    ):
        if holds:
            return code
    return "upcoming"


class Row:
    """What a status is computed from, without a database."""

    attended_on = missed_at = None
    dropped_in = missed_reason = unplanned = ""

    class participant:  # noqa: N801
        withdrawn_on = infused_on = None

    def __init__(self, span):
        self.target_on, self.opens_on, self.closes_on = span


def main(first: int, last: int) -> None:
    django.setup()
    from studytracker import protocol
    from visits import status
    from visits.schedule import windows

    rules = protocol.current()
    soon = rules.status.upcoming_days
    compared, started = 0, time.perf_counter()
    day0, end = date(first, 1, 1), date(last, 12, 31)
    every_day = [day0 + timedelta(days=shift) for shift in range((end - day0).days + 1)]
    for place, on0 in enumerate(every_day):
        base = number(on0)
        spans = windows(rules, on0)
        for planned in rules.visits:
            span = spans[planned.code]
            target = base + planned.day
            opens, closes = target - planned.before, target + planned.after
            got = (number(span.opens_on), number(span.target_on), number(span.closes_on))
            if got != (opens, target, closes):
                raise SystemExit(f"{planned.code} of Day 0 {on0}: {got} is not {(opens, target, closes)}")
            row = Row(span)
            near = range(-soon - 3, planned.before + planned.after + 4)
            days = [*(span.opens_on + timedelta(days=shift) for shift in near), day0, end]
            if place % SAMPLE == 0:
                days = every_day
            for on in days:
                code = status.of(row, on).code
                wanted = expected(number(on), opens, target, closes, soon)
                if code != wanted:
                    raise SystemExit(f"{planned.code} of Day 0 {on0} on {on}: {code} is not {wanted}")
            compared += len(days)
    seconds = time.perf_counter() - started
    print(
        f"Protocol {rules.version}, {len(rules.visits)} planned visits, Day 0 from {every_day[0]} to {end}: ", end=""
    )
    print(
        f"{len(every_day) * len(rules.visits):,} windows and {compared:,} statuses equal the oracle, {seconds:.0f} s."
    )
    control(rules, windows)


def control(rules, windows) -> None:
    """The oracle notices a window that is one day off, or one whose end is not inside."""
    planned = rules.visits[-1]
    span = windows(rules, date(2024, 2, 29))[planned.code]
    wrong = number(span.closes_on) + 1 == number(date(2024, 2, 29)) + planned.day + planned.after
    told = expected(
        number(span.closes_on), number(span.opens_on), number(span.target_on), number(span.closes_on) - 1, 7
    )
    print(
        f"Negative control: a day off is {'missed' if wrong else 'noticed'}, "
        f"an exclusive end gives {told!r}, not 'late'."
    )
    if wrong or told != "overdue":
        raise SystemExit("The oracle notices nothing.")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*(given or (2000, 2100)))
