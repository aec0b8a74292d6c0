"""Strips below a timeline, on its axis of days: a test with the limits of its laboratory, a total, a dose."""

from itertools import groupby
from textwrap import wrap
from typing import NamedTuple

from studytracker.protocol.measures import plain

from .axis import Axis

HEIGHT, TOP, FOOT = 66, 12, 10
LOW, HIGH = "LOW", "HIGH"
LETTER, GAP, LETTERS_OF_A_NAME = 6.4, 3, 15


class Point(NamedTuple):
    x: float
    y: float
    flag: str  # LOW, HIGH, or neither
    label: str  # empty where there is no room beside the one before
    is_vague: bool


class Band(NamedTuple):
    """The limits in force from this result to the next. A side without a limit reaches to the edge of the strip."""

    x: float
    y: float
    width: float
    height: float


class Strip(NamedTuple):
    name: str
    unit: str
    points: list[Point]
    bands: list[Band]
    line: str
    top: str  # the value at the upper edge
    bottom: str
    rows: list

    @property
    def names(self):
        """The name on at most two lines, in the room left of the axis."""
        return wrap(self.name, LETTERS_OF_A_NAME)[:2]

    @property
    def words(self):
        low, high = (sum(point.flag == flag for point in self.points) for flag in (LOW, HIGH))
        parts = [f"{len(self.points)} value{'' if len(self.points) == 1 else 's'}"]
        parts += [f"{low} below the limits"] if low else []
        parts += [f"{high} above the limits"] if high else []
        return ", ".join(parts)


def of_labs(rows, days: Axis) -> list[Strip]:
    """One for each test with a number, in the order of the rows, which is by test and day."""
    numbers = [row for row in rows if row.standard_value is not None]
    return [
        _strip(list(members), days, lambda row: row.collected.earliest, lambda row: not row.collected.is_full)
        for _, members in groupby(numbers, key=lambda row: row.test)
    ]


def of_vitals(rows, days: Axis) -> list[Strip]:
    ordered = sorted(rows, key=lambda row: row.test)  # which keeps the order of the days
    return [
        _strip(list(members), days, lambda row: row.measured_on, lambda row: False)
        for _, members in groupby(ordered, key=lambda row: row.test)
    ]


def _strip(rows, days, day_of, is_vague) -> Strip:
    limits = [(getattr(row, "low", None), getattr(row, "high", None)) for row in rows]
    values = [row.standard_value for row in rows]
    values += [limit for pair in limits for limit in pair if limit is not None]
    least, most = min(values), max(values)
    room = (most - least) / 10 or abs(most) / 10 or 1
    least, most = least - room, most + room

    def y(value):
        return round(TOP + float((most - value) / (most - least)) * (HEIGHT - TOP - FOOT), 1)

    points, free_from = [], 0.0
    for row in rows:
        x = days.middle(day_of(row))
        label = plain(row.standard_value)
        label = f"{getattr(row, 'comparator', '')}{label}" if x >= free_from else ""
        if label:
            free_from = x + 6 + len(label) * LETTER + GAP
        points.append(Point(x, y(row.standard_value), getattr(row, "flag", ""), label, is_vague(row)))
    bands = list(_bands(limits, points, days, y))
    first = rows[0]
    line = " ".join(f"{point.x},{point.y}" for point in points)
    edges = (plain(round(edge, 2)) for edge in (most, least))
    return Strip(first.planned.name, first.standard_unit, points, bands, line, *edges, rows)


def _bands(limits, points, days, y):
    begin = days.x(days.first)
    ends = [*(point.x for point in points[1:]), days.end(days.last)]
    for (low, high), end in zip(limits, ends, strict=True):
        if low is not None or high is not None:
            top = TOP if high is None else y(high)
            foot = HEIGHT - FOOT if low is None else y(low)
            yield Band(begin, top, round(end - begin, 1), round(foot - top, 1))
        begin = end


def steps(found, span, base, height, most) -> str:
    """Stretches of dose as a path that rises to `height` above `base` at the amount `most`; a gap where it is not
    known. `span` gives the (x, width) of a stretch.
    """
    scale, parts, pen = height / float(most or 1), [], "M"
    for each in found:
        if each.most_mg is None:
            pen = "M"
            continue
        x, width = span(each)
        parts.append(f"{pen}{x} {round(base - float(each.most_mg) * scale, 1)} H{round(x + width, 1)}")
        pen = "L"
    return " ".join(parts)
