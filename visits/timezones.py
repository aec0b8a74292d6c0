"""A time zone as calendars carry it: yearly rules, which every program understands (RFC 5545, 3.6.5)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

YEARS_ALIKE = 10
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def timezone(zone: ZoneInfo, year: int) -> Timezone:
    """The rules of `zone` that hold from the start of `year` on."""
    component = Timezone()
    component.add("tzid", zone.key)
    changes = _changes(zone, year)
    if not changes:
        component.add_component(_observance(TimezoneStandard(), zone, datetime(1970, 1, 1, tzinfo=UTC), HOUR * 0))
    for instant in changes:
        is_daylight = bool(instant.astimezone(zone).dst())
        part = _observance(TimezoneDaylight() if is_daylight else TimezoneStandard(), zone, instant, HOUR)
        part.add("rrule", _rule(zone, instant))
        component.add_component(part)
    return component


def _observance(part, zone, instant, step):
    """What the clock shows from `instant` on; DTSTART is what it showed just before the change."""
    before, after = (moment.astimezone(zone).utcoffset() for moment in (instant - step, instant))
    part.add("dtstart", (instant + before).replace(tzinfo=None))
    part.add("tzoffsetfrom", before)
    part.add("tzoffsetto", after)
    part.add("tzname", instant.astimezone(zone).tzname())
    return part


def _changes(zone, year) -> list[datetime]:
    """The instants, in UTC to the hour, at which the clock changes in `year`."""
    begin, end = (datetime(each, 1, 1, tzinfo=UTC) for each in (year, year + 1))
    days = [begin + DAY * number for number in range((end - begin).days)]
    hours = [
        day + HOUR * hour for day in days if _offset(zone, day) != _offset(zone, day + DAY) for hour in range(1, 25)
    ]
    return [hour for hour in hours if _offset(zone, hour) != _offset(zone, hour - HOUR)]


def _offset(zone, instant):
    return instant.astimezone(zone).utcoffset()


def _rule(zone, instant):
    """The second Sunday of March, or the last Sunday of October: whichever holds in the years to come as well."""
    place = _changes(zone, instant.year).index(instant)
    days = [_shown_before(zone, _changes(zone, instant.year + ahead)[place]) for ahead in range(YEARS_ALIKE)]
    first = days[0]
    for nth in ((first.day - 1) // 7 + 1, -1):
        if all(day == _nth(nth, first.weekday(), day.year, first.month) for day in days):
            return {"freq": "yearly", "bymonth": first.month, "byday": f"{nth}{WEEKDAYS[first.weekday()]}"}
    raise ValueError(f"The clock of {zone.key} follows no yearly rule.")


def _shown_before(zone, instant) -> date:
    return (instant + _offset(zone, instant - HOUR)).date()


def _nth(nth, weekday, year, month) -> date:
    """The nth such weekday of the month, -1 for its last."""
    if nth > 0:
        first = date(year, month, 1)
        return first + DAY * ((weekday - first.weekday()) % 7 + 7 * (nth - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - DAY
    return last - DAY * ((last.weekday() - weekday) % 7)
