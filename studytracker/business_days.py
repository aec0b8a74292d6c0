"""Business days: Monday to Friday, but the holidays of the site; and the public holidays of its state."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays as calendars


def is_business_day(on: date, days_off: Container[date] = ()) -> bool:
    return on.weekday() < 5 and on not in days_off


def business_days_after(start: date, end: date, days_off: Container[date] = ()) -> int:
    """How many business days lie after `start`, up to and including `end`: from Friday to Monday it is one."""
    days = (start + timedelta(days=number) for number in range(1, (end - start).days + 1))
    return sum(is_business_day(day, days_off) for day in days)


def add_business_days(start: date, days: int, days_off: Container[date] = ()) -> date:
    """The last day that is no more than `days` business days after `start`'s own."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= is_business_day(day, days_off)
    return day


@lru_cache(maxsize=256)
def public_holidays(region: str, year: int) -> dict[date, str]:
    """The names of the public holidays of `region` ("US", or with its part as in "US-SC") in one year."""
    country, _, part = region.partition("-")
    return dict(calendars.country_holidays(country, subdiv=part or None, years=year))


def knows_region(region: str) -> bool:
    country, _, part = region.partition("-")
    known = calendars.list_supported_countries(include_aliases=True)
    return country in known and (not part or part in known[country])


@dataclass(frozen=True)
class DaysOff:
    """What no business day is at a site: the public holidays of its state and its own, less those it works on."""

    region: str | None = None
    own: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()

    def __contains__(self, on: date) -> bool:
        if on in self.worked:
            return False
        return on in self.own or bool(self.region and on in public_holidays(self.region, on.year))
