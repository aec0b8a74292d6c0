"""Business days: Monday to Friday, but the holidays of the site."""

import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import holidays


CODES = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class UnknownCalendar(ValueError):
    """Says in a sentence which calendar of public holidays there is not."""


@cache
def public_holidays(calendar: str) -> holidays.HolidayBase:
    """The public holidays of a state, such as US-GA. Years are worked out when they are asked for."""
    country, _, state = calendar.partition("-")
    try:
        if not CODES.fullmatch(calendar):  # "Georgia" alone would be taken for the country
            raise NotImplementedError
        return holidays.country_holidays(country, subdiv=state or None)
    except NotImplementedError:
        raise UnknownCalendar(
            f'There is no calendar of public holidays "{calendar}". Use country and state, such as US-GA.'
        ) from None


@dataclass(frozen=True)
class DaysOff:
    """The holidays of a site: the public ones of its state, its own in addition, less those it works on."""

    calendar: str | None = None
    own: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()

    def __contains__(self, on: date) -> bool:
        if on in self.worked:
            return False
        return on in self.own or bool(self.calendar and on in public_holidays(self.calendar))


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
