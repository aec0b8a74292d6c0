"""A month of visits, day by day: appointments, and the first and last days of windows."""

from calendar import Calendar, monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.dates import FIRST_YEAR, LAST_YEAR, MONTHS

from .models import Booking, Visit

DAY = timedelta(days=1)
MOST_LINES = 12  # of one day; the listing holds the rest
WEEKS = Calendar()  # from Monday


@dataclass(frozen=True)
class Line:
    visit: Visit
    what: str
    time: str = ""

    @property
    def order(self):
        return (self.time or "24:00", self.visit.participant.identifier, self.visit.order)


@dataclass
class Day:
    on: date
    is_inside: bool  # of the month, not of the weeks around it
    is_today: bool
    closed: str
    lines: list[Line] = field(default_factory=list)

    @property
    def shown(self):
        return self.lines[:MOST_LINES]

    @property
    def more(self):
        return len(self.lines) - len(self.shown)


def of(year: int, month: int) -> date:
    """The first day of a month that can be shown. Raises ValueError."""
    if not FIRST_YEAR < year < LAST_YEAR:
        raise ValueError(f"Months can be shown from {FIRST_YEAR + 1} to {LAST_YEAR - 1}.")
    return date(year, month, 1)


def title(first: date) -> str:
    return f"{MONTHS[first.month - 1]} {first.year}"


def before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)


def after(first: date) -> date:
    return first + timedelta(days=monthrange(first.year, first.month)[1])


def weeks(user, first: date, at) -> list[list[Day]]:
    """The weeks of the month that begins on `first`, with what this person may see. Two queries."""
    rules = [protocol.current().site(code) for code in sorted(user.sites_where(Permission.SEE))]
    todays = {at.astimezone(site.zone).date() for site in rules}
    days = {on: Day(on, on.month == first.month, on in todays, _closed(rules, on)) for on in _shown(first)}
    for on, line in [*_windows(user, min(days), max(days)), *_appointments(user, min(days), max(days))]:
        if on in days:
            days[on].lines.append(line)
    for day in days.values():
        day.lines.sort(key=lambda line: line.order)
    held = list(days.values())
    return [held[start : start + 7] for start in range(0, len(held), 7)]


def _shown(first):
    return WEEKS.itermonthdates(first.year, first.month)


def _closed(rules, on):
    """The holidays of a weekday, with their site where there are several."""
    closed = [(site.code, why) for site in rules if on.weekday() < 5 and (why := site.why_closed(on))]
    return "; ".join(f"{why} ({code})" if len(rules) > 1 else why for code, why in closed)


def _windows(user, first, last):
    """The first and last days of windows. A window that opens in the month closes no later than the longest one."""
    longest = max(visit.closes - visit.opens for visit in protocol.current().visits)
    visits = (
        Visit.objects.visible_to(user)
        .expected()
        .filter(closes_on__range=(first, last + timedelta(days=longest)), opens_on__lte=last)
    )
    for visit in visits.select_related("participant"):
        if visit.opens_on == visit.closes_on:
            yield visit.opens_on, Line(visit, "only day of the window")
        else:
            yield visit.opens_on, Line(visit, "window opens")
            yield visit.closes_on, Line(visit, "window closes")


def _appointments(user, first, last):
    # A day at a site begins and ends at other instants than in UTC: a day more on each side.
    begins, ends = (datetime.combine(day, time(), UTC) for day in (first - DAY, last + 2 * DAY))
    visits = Visit.objects.visible_to(user).expected()
    booked = Booking.objects.in_force().filter(starts_at__gte=begins, starts_at__lt=ends, visit__in=visits)
    for booking in booked.select_related("visit__participant", "visit__site"):
        starts = booking.starts_at.astimezone(booking.visit.site.zone)
        yield starts.date(), Line(booking.visit, "appointment", f"{starts:%H:%M}")
