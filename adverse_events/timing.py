"""When an event began, how long it lasted and whether the infusion came first, with dates and times known in part.

Nothing unknown is filled in. What cannot be told is a range, or `Emergence.UNKNOWN`.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from studytracker.dates import PartialDate, protocol_day


class Emergence(StrEnum):
    """Treatment-emergent: the event began, or became worse, at or after the start of the infusion."""

    YES = "Yes"
    NO = "No"
    ASSUMED = "Yes, assumed"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Days:
    """A number of days, or the range it lies in."""

    first: int
    last: int

    @property
    def is_known(self) -> bool:
        return self.first == self.last

    def __str__(self) -> str:
        return str(self.first) if self.is_known else f"{self.first} to {self.last}"


def days_from_infusion(started: PartialDate, infused_on: date, today: date) -> Days:
    """Protocol days (infusion = Day 0) of the onset. The far end is not after `today`, nor before the near one."""
    latest = max(started.earliest, min(started.latest, today))
    return Days(protocol_day(started.earliest, infused_on), protocol_day(latest, infused_on))


def duration(started: PartialDate, ended: PartialDate | None) -> Days | None:
    """End minus start plus one, at least one day; None without an end."""
    if ended is None:
        return None
    longest = (ended.latest - started.earliest).days + 1
    shortest = (ended.earliest - started.latest).days + 1
    return Days(max(1, min(shortest, longest)), max(1, longest))


def emergence(
    started: PartialDate, at: time | None, infused: datetime | None, worsened: tuple[PartialDate, ...] = ()
) -> Emergence | None:
    """`infused` is the local start of the infusion, None before there is one: then nothing is emergent or not.

    An onset on Day 0 without a time counts as emergent, cautiously, and is shown as assumed. `worsened` are the
    dates from which a higher grade than all before is known; one that is certainly later makes the event emergent.
    """
    if infused is None:
        return None
    answers = [_after(started, at, infused), *(_after(each, None, infused) for each in worsened)]
    order = (Emergence.YES, Emergence.ASSUMED, Emergence.UNKNOWN)
    return next((answer for answer in order if answer in answers), Emergence.NO)


def _after(on: PartialDate, at: time | None, infused: datetime) -> Emergence:
    day0 = infused.date()
    if on.is_full and on.earliest == day0:
        if at is None:
            return Emergence.ASSUMED
        return Emergence.YES if at >= infused.time() else Emergence.NO
    if on.earliest > day0:
        return Emergence.YES
    return Emergence.NO if on.latest < day0 else Emergence.UNKNOWN


@dataclass(frozen=True)
class SinceDose:
    """Time from dose to onset as safety listings print it: each part is None where it is not known."""

    days: int | None = None
    hours: int | None = None
    minutes: int | None = None


def since_dose(started: PartialDate, at: time | None, infused: datetime | None) -> SinceDose:
    """Days, hours and minutes from the local start of the infusion; empty for a partial date or before the dose."""
    if infused is None or not started.is_full or started.earliest < infused.date():
        return SinceDose()
    if at is None:
        return SinceDose((started.earliest - infused.date()).days)
    passed = datetime.combine(started.earliest, at) - infused.replace(tzinfo=None)
    if passed < timedelta():
        return SinceDose()
    minutes = int(passed.total_seconds()) // 60
    return SinceDose(minutes // 1440, minutes % 1440 // 60, minutes % 60)
