"""Dates as the trial uses them: known in part, counted in calendar months, read on the clock of a site."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import total_ordering
from typing import Self
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1900, 2100
# Not strftime or calendar: these must read the same whatever the locale of the process.
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


class ImpossibleDate(ValueError):
    """Says in a sentence why there is no such date."""


class ImpossibleTime(ValueError):
    """Says in a sentence why the clock never showed this."""


@total_ordering
@dataclass(frozen=True)
class PartialDate:
    """A date known to the day, the month or the year. What is unknown stays unknown and is never filled in
    (CDASH: collect and store only the precision known). An unknown month means an unknown day.
    """

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if not FIRST_YEAR <= self.year <= LAST_YEAR:
            raise ImpossibleDate(f"The year {self.year} is outside {FIRST_YEAR} to {LAST_YEAR}.")
        if self.month is None:
            if self.day is not None:
                raise ImpossibleDate("The month is unknown, so the day must be unknown too.")
        elif not 1 <= self.month <= 12:
            raise ImpossibleDate(f"Month {self.month} does not exist: months run from 1 to 12.")
        elif self.day is not None and not 1 <= self.day <= self._days_in_month:
            name = f"{MONTHS[self.month - 1]} {self.year}"
            raise ImpossibleDate(f"{self.day} {name} does not exist: {name} has {self._days_in_month} days.")

    @classmethod
    def parse(cls, iso: str) -> Self:
        parts = _ISO.fullmatch(iso)
        if parts is None:
            raise ImpossibleDate(f'"{iso[:20]}" is not a date such as 2025, 2025-06 or 2025-06-14.')
        return cls(*(None if part is None else int(part) for part in parts.groups()))

    @classmethod
    def of(cls, day: date) -> Self:
        return cls(day.year, day.month, day.day)

    @property
    def _days_in_month(self) -> int:
        return monthrange(self.year, self.month)[1]

    @property
    def is_full(self) -> bool:
        return self.day is not None

    @property
    def iso(self) -> str:
        """ISO 8601 to the precision known: '2025', '2025-06', '2025-06-14'."""
        known = [f"{self.year:04}"]
        known += [f"{part:02}" for part in (self.month, self.day) if part is not None]
        return "-".join(known)

    @property
    def earliest(self) -> date:
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def latest(self) -> date:
        if self.month is None:
            return date(self.year, 12, 31)
        return date(self.year, self.month, self.day or self._days_in_month)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, PartialDate):
            return NotImplemented
        return self.iso < other.iso

    def __str__(self) -> str:
        """As safety listings print it: '14-JUN-2025', 'UN-JUN-2025', 'UN-UNK-2025'."""
        day = "UN" if self.day is None else f"{self.day:02}"
        month = "UNK" if self.month is None else MONTHS[self.month - 1][:3].upper()
        return f"{day}-{month}-{self.year}"


def months_before(day: date, months: int) -> date:
    """Calendar months back, ending on the last day where a month is too short: 31 Mar less 1 is 28 Feb."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def years_before(day: date, years: int) -> date:
    """Calendar years back; 29 February becomes the 28th in a common year."""
    return months_before(day, 12 * years)


def protocol_day(on: date, infused_on: date) -> int:
    """The protocol's own count: the infusion is Day 0."""
    return (on - infused_on).days


def study_day(on: date, infused_on: date) -> int:
    """The count of CDISC SDTM (--DY): the infusion is day 1, the day before it is -1, there is no day 0."""
    days = protocol_day(on, infused_on)
    return days + 1 if days >= 0 else days


def day_label(on: date) -> str:
    """'Tue 4 Mar 2025'."""
    return f"{WEEKDAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1][:3]} {on.year}"


def short_day(on: date) -> str:
    """'4 Mar', where the year is plain from beside it."""
    return f"{on.day} {MONTHS[on.month - 1][:3]}"


def local_instant(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    """The UTC instant at which a clock in `zone` shows `clock_time` on `day`.

    A time that the clock shows twice (the night it is put back) is taken as the first of the two. A time that
    it never shows (the night it is put forward) raises ImpossibleTime.
    """
    shown = datetime.combine(day, clock_time).replace(tzinfo=None, fold=0)
    instant = shown.replace(tzinfo=zone).astimezone(UTC)
    real = instant.astimezone(zone).replace(tzinfo=None)
    if real != shown:
        raise ImpossibleTime(
            f"{shown:%H:%M} on {day_label(day)} does not exist in {zone.key}: "
            f"the clocks went forward past it. Did you mean {real:%H:%M}?"
        )
    return instant
