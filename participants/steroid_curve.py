"""Prednisone equivalents over time: the stretches of days with one amount, and their drawing."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from studytracker.dates import day_label
from studytracker.protocol.measures import plain

from .lookback import FOREVER
from .prednisone import courses, daily, weight_before

INPUT = "prednisone_mg_per_kg_per_day"
THOUSANDTH = Decimal("0.001")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 220, 46, 12, 16, 28
ROOM_FOR_A_DAY = 70


@dataclass(frozen=True)
class Stretch:
    """Days with one amount. `most_mg` is None where a course's amount or days leave it open."""

    first: date
    last: date
    least_mg: Decimal
    most_mg: Decimal | None
    weight_kg: Decimal | None

    @property
    def per_kg(self) -> Decimal | None:
        """Milligrams per kg a day, to 0.001, of the most there can be."""
        if self.most_mg is None or not self.weight_kg:
            return None
        return (self.most_mg / self.weight_kg).quantize(THOUSANDTH, ROUND_HALF_UP)

    @property
    def words(self) -> str:
        if self.most_mg is None:
            amount = f"at least {plain(self.least_mg)} mg" if self.least_mg else "an unknown amount"
        elif self.least_mg == self.most_mg:
            amount = f"{plain(self.most_mg)} mg"
        else:
            amount = f"{plain(self.least_mg)} to {plain(self.most_mg)} mg"
        per_kg = f", {plain(self.per_kg)} mg/kg" if self.per_kg is not None else ""
        return f"{day_label(self.first)} to {day_label(self.last)}: {amount} a day{per_kg}"


def stretches(rules, medications, weights, first: date, last: date) -> list[Stretch]:
    """From `first` to `last`, both inside, without a gap; each new amount or weight begins a new stretch."""
    found = courses(rules, medications)
    days = sorted({first, *(day for day in _turns(found, weights) if first < day <= last)})
    made = []
    for day, after in zip(days, [*days[1:], last + timedelta(days=1)], strict=True):
        least, most = daily(found, day)
        weight = weight_before(weights, day)
        fresh = Stretch(day, after - timedelta(days=1), least, most, weight and weight.standard_value)
        if made and _same(made[-1], fresh):
            fresh = Stretch(made.pop().first, fresh.last, fresh.least_mg, fresh.most_mg, fresh.weight_kg)
        made.append(fresh)
    return made


def _turns(found, weights):
    """Every day on which the amount or the weight may change."""
    for course in found:
        yield from (course.span.first_earliest, course.span.first_latest)
        for end in (course.span.last_earliest, course.span.last_latest):
            if end != FOREVER:
                yield end + timedelta(days=1)
    yield from (weight.measured_on for weight in weights)


def _same(one, other):
    return (one.least_mg, one.most_mg, one.weight_kg) == (other.least_mg, other.most_mg, other.weight_kg)


def limit(rules):
    """The protocol's limit in mg/kg/day (criterion E9), or None."""
    part = next((part for part in rules.parts() if part.input == INPUT and part.limits), None)
    return part.limit.value if part else None


class Scale(NamedTuple):
    """Where a day and an amount in mg stand in the drawing."""

    first: date
    a_day: float
    top: Decimal  # the amount at the upper edge
    base: float = HEIGHT - BOTTOM

    def x(self, day) -> float:
        return round(LEFT + (day - self.first).days * self.a_day, 1)

    def y(self, amount) -> float:
        return round(self.base - float(amount / self.top) * (self.base - TOP), 1)

    def after(self, stretch) -> float:
        return self.x(stretch.last + timedelta(days=1))

    def steps(self, amounts) -> str:
        """(stretch, amount) as a path, with a gap where the amount is not known."""
        parts, pen = [], "M"
        for each, amount in amounts:
            if amount is None:
                pen = "M"
                continue
            parts.append(f"{pen}{self.x(each.first)} {self.y(amount)} H{self.after(each)}")
            pen = "L"
        return " ".join(parts)

    def days(self, found) -> list[tuple[float, str]]:
        """(x, label) of the first day of each stretch, where there is room for it."""
        spaced = []
        for each in found:
            x = self.x(each.first)
            if not spaced or x - spaced[-1][0] > ROOM_FOR_A_DAY:
                spaced.append((x, f"{each.first:%-d %b %y}"))
        return spaced


class Drawing(NamedTuple):
    width: int
    height: int
    base: float
    left: int
    right: int
    path: str  # the most there can be
    unknown: list  # (x, width) of stretches whose most is not known
    limits: str  # the protocol's limit for the weight of the day, as a path; empty without weights
    ticks: list  # (y, label) in mg
    days: list  # (x, label)
    day0_x: float | None


def draw(found: list[Stretch], per_kg_limit, day0: date | None) -> Drawing | None:
    """Steps in mg a day; None where no course touches these days."""
    if not any(each.least_mg or each.most_mg or each.most_mg is None for each in found):
        return None
    first, last = found[0].first, found[-1].last
    allowed = {each: per_kg_limit * each.weight_kg if per_kg_limit and each.weight_kg else None for each in found}
    known = [value for each in found for value in (each.most_mg, each.least_mg, allowed[each]) if value]
    top = max(known, default=Decimal(10)) * Decimal("1.1")
    scale = Scale(first, (WIDTH - LEFT - RIGHT) / max((last - first).days + 1, 1), top)
    open_ended = [each for each in found if each.most_mg is None]
    return Drawing(
        WIDTH,
        HEIGHT,
        scale.base,
        LEFT,
        WIDTH - RIGHT,
        scale.steps((each, each.most_mg) for each in found),
        [(scale.x(each.first), round(scale.after(each) - scale.x(each.first), 1)) for each in open_ended],
        scale.steps((each, allowed[each]) for each in found),
        [(scale.y(top * part / 4), plain((top * part / 4).quantize(Decimal("0.1")))) for part in range(4)],
        scale.days(found),
        scale.x(day0) if day0 and first <= day0 <= last else None,
    )
