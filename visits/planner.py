"""Planning ahead: which Day 0, and which day for one visit, suits the calendar of a site. Stores nothing."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from studytracker.dates import day_label

from .models import Booking
from .schedule import Window, windows

LONGEST_RANGE = 92  # days; a quarter of a year
BEST = 10


@dataclass(frozen=True)
class Prospect:
    """One visit under a candidate Day 0: its window, and what keeps the site closed in it."""

    code: str
    name: str
    window: Window
    target_closed: str  # why the site is closed on the target day, empty when it is open
    open_days: int
    days: int
    closures: tuple[tuple[date, str], ...]  # public and site holidays in the window, weekends left out

    @property
    def points(self) -> int:
        """2 with its target on a working day, 1 with another working day in the window, 0 with none."""
        if not self.target_closed:
            return 2
        return 1 if self.open_days else 0

    @property
    def words(self) -> str:
        if not self.target_closed:
            return "On target"
        if self.open_days:
            return f"Another day: the target is closed ({self.target_closed})"
        return f"No working day in the window ({self.target_closed})"


@dataclass(frozen=True)
class Candidate:
    """A Day 0, with every visit of the protocol that hangs on it."""

    day0: date
    closed: str  # why the site is closed on Day 0 itself
    prospects: tuple[Prospect, ...]
    against: tuple[str, ...] = ()

    @property
    def score(self) -> int:
        """Points of all visits in percent of the best possible; 0 where the infusion itself cannot be."""
        if self.closed or self.against:
            return 0
        return round(100 * sum(prospect.points for prospect in self.prospects) / (2 * len(self.prospects)))

    @property
    def on_target(self) -> int:
        return sum(prospect.points == 2 for prospect in self.prospects)

    @property
    def to_move(self) -> int:
        return sum(prospect.points == 1 for prospect in self.prospects)

    @property
    def without_day(self) -> int:
        return sum(prospect.points == 0 for prospect in self.prospects)

    @property
    def spare_days(self) -> int:
        return sum(prospect.open_days for prospect in self.prospects)


def candidate(rules, site, day0: date, screened_on: date | None = None) -> Candidate:
    """`day0` at `site` (its rules) under the protocol `rules`, for somebody screened on `screened_on` if given."""
    spans = windows(rules, day0)
    follow_up = [planned for planned in rules.visits if planned.kind == "follow_up"]
    prospects = tuple(_prospect(site, planned, spans[planned.code]) for planned in follow_up)
    return Candidate(day0, site.why_closed(day0), prospects, tuple(_against(rules, spans, screened_on)))


def best(rules, site, first: date, last: date, screened_on: date | None = None) -> list[Candidate]:
    """The best Days 0 from `first` to `last`: fewest visits without a working day, then score, then spare days."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    found = [candidate(rules, site, day, screened_on) for day in days]
    found = [each for each in found if each.score]
    return sorted(found, key=lambda each: (each.without_day, -each.score, -each.spare_days, each.day0))[:BEST]


def _prospect(site, planned, span: Window) -> Prospect:
    days = [span.opens_on + timedelta(days=number) for number in range((span.closes_on - span.opens_on).days + 1)]
    closed = [(day, why) for day in days if (why := site.why_closed(day))]
    return Prospect(
        code=planned.code,
        name=planned.name,
        window=span,
        target_closed=site.why_closed(span.target_on),
        open_days=len(days) - len(closed),
        days=len(days),
        closures=tuple((day, why) for day, why in closed if day.weekday() < 5),
    )


def _against(rules, spans, screened_on):
    screening = next(planned for planned in rules.visits if planned.kind == "screening")
    if screened_on and not spans[screening.code].holds(screened_on):
        span = spans[screening.code]
        yield (
            f"The screening on {day_label(screened_on)} would be outside its window, "
            f"{day_label(span.opens_on)} to {day_label(span.closes_on)}."
        )


@dataclass(frozen=True)
class Choice:
    """One day on which a visit may be booked."""

    on: date
    from_target: int
    closed: str
    booked: int  # other appointments at the site that day
    is_best: bool = False


def choices(visit, today: date) -> list[Choice]:
    """The days of the window from today on. The best is a working day with the fewest days from the target, then
    with the fewest other appointments. One query.
    """
    first, last = max(visit.opens_on, today), visit.closes_on
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    load = _appointments(visit, days)
    closed = {day: visit.site.rules.why_closed(day) for day in days}
    working = [day for day in days if not closed[day]]
    chosen = min(working, key=lambda day: (abs(day - visit.target_on), load[day], day), default=None)
    return [Choice(day, (day - visit.target_on).days, closed[day], load[day], day == chosen) for day in days]


def _appointments(visit, days) -> Counter:
    """How many other visits are booked at the site, by site-local day."""
    booked = Booking.objects.in_force().filter(
        visit__site=visit.site_id, visit__attended_on=None, visit__missed_at=None
    )
    starts = booked.exclude(visit=visit).between(days, visit.site.zone).values_list("starts_at", flat=True)
    return Counter(instant.astimezone(visit.site.zone).date() for instant in starts)
