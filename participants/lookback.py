"""Look-backs as calendar arithmetic: from which day they count, and the first anchor that leaves a day behind.

Calendar months and years, clamped to the last day of a shorter month; days stay days. The first day of a look-back is
inside it, and so is the anchor. Partial dates are judged with their earliest and with their latest possible day.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from studytracker.dates import PartialDate, months_before, years_before

FOREVER = date.max  # the end of what goes on, or of what nobody knows


def begins(look_back, anchor: date) -> date:
    """The first day that a look-back of the protocol counts, from the anchor."""
    if look_back.days:
        return anchor - timedelta(days=look_back.days)
    if look_back.months:
        return months_before(anchor, look_back.months)
    if look_back.years:
        return years_before(anchor, look_back.years)
    return date.min


def first_free(look_back, day: date) -> date | None:
    """The first anchor whose look-back no longer reaches `day`; None where none ever does."""
    if day == FOREVER or look_back.ever:
        return None
    if look_back.days:
        return day + timedelta(days=look_back.days + 1)
    months = look_back.months or 12 * look_back.years
    # A little before the answer; the clamping of short months costs a few steps at most.
    anchor = months_before(day, -months)
    while begins(look_back, anchor) <= day:
        anchor += timedelta(days=1)
    return anchor


@dataclass(frozen=True)
class Span:
    """From one day to another, each known between two ends. FOREVER as the last day: it goes on, or nobody knows."""

    first_earliest: date
    first_latest: date
    last_earliest: date
    last_latest: date

    @classmethod
    def of(cls, started: PartialDate | None, ended: PartialDate | None, is_ongoing: bool = False) -> Self:
        """No start is an unknown start; no end on what is not ongoing an unknown end."""
        first_earliest = started.earliest if started else date.min
        first_latest = started.latest if started else FOREVER
        if is_ongoing:
            return cls(first_earliest, first_latest, FOREVER, FOREVER)
        if ended is None:
            return cls(first_earliest, first_latest, first_earliest, FOREVER)
        return cls(first_earliest, min(first_latest, ended.latest), max(ended.earliest, first_earliest), ended.latest)

    @classmethod
    def on(cls, day: PartialDate | None) -> Self:
        """A single day, as far as it is known."""
        if day is None:
            return cls(date.min, FOREVER, date.min, FOREVER)
        return cls(day.earliest, day.latest, day.earliest, day.latest)

    def touches(self, begin: date, end: date) -> bool | None:
        """Whether any day lies between `begin` and `end`, both inside. None: with some of the possible days only."""
        if self.first_earliest > end or self.last_latest < begin:
            return False
        return True if self.first_latest <= end and self.last_earliest >= begin else None

    @property
    def is_read_as_worst(self) -> bool:
        """Whether its last day is known in part, so that the latest possible one is taken."""
        return self.last_latest not in (FOREVER, self.last_earliest)
