"""A participant's course on one axis of days: each room offers a lane, this draws them and says them in words."""

from datetime import date, timedelta
from typing import NamedTuple

from .axis import RIGHT, WIDTH, Axis

TOP, ROW, GAP = 24, 18, 8
DAYS_BEFORE = 14  # before the screening: what began earlier is cut at the edge, and its words say when
LETTER = 6.2  # the width of a letter of the labels


class Mark(NamedTuple):
    """One thing in a lane: from a day to another, or on a day. `style` is a class of the style sheet."""

    first: date
    last: date
    label: str
    words: str
    style: str
    goes_on: bool = False
    is_vague: bool = False  # the first or last day is not known


class Lane(NamedTuple):
    short: str  # beside the lane
    name: str
    marks: list


class Bar(NamedTuple):
    x: float
    y: int
    width: float
    text_x: float
    label: str
    words: str
    style: str
    goes_on: bool
    is_vague: bool


class Drawing(NamedTuple):
    width: int
    height: int
    lanes: list  # (short, name, y of the name, [Bar])
    ticks: list  # (x, label)
    today_x: float | None
    today: str


def axis(lanes, participant, today) -> Axis:
    """Days count from the infusion where there is one, else from the screening visit."""
    zero = participant.infused_on or participant.screened_on
    first = participant.screened_on - timedelta(days=DAYS_BEFORE)
    last = max([today, *(mark.last for lane in lanes for mark in lane.marks if mark.last <= date.max)])
    last = min(last, max(today, participant.screened_on) + timedelta(days=400))
    return Axis(first, last, zero, "D" if participant.infused else "S")


def draw(lanes, days: Axis, today) -> Drawing:
    y, drawn = TOP, []
    for lane in lanes:
        inside = [mark for mark in lane.marks if mark.last >= days.first and mark.first <= days.last]
        if not inside:
            continue
        bars, rows = _stacked(inside, days, y)
        drawn.append((lane.short, lane.name, y + 12, bars))
        y += rows * ROW + GAP
    return Drawing(WIDTH, y + 4, drawn, days.ticks, days.x(today), days.label(today))


def _stacked(marks, days, y):
    """Bars in as few rows as keep them, with their labels, off each other."""
    ends, bars = [], []
    for mark in sorted(marks, key=lambda mark: (mark.first, mark.last)):
        start, width = days.x(mark.first), max(round(days.end(mark.last) - days.x(mark.first), 1), 4)
        room = max(width, len(mark.label) * LETTER + 8)
        start = min(start, WIDTH - RIGHT - width)
        text_x = min(start + 2, WIDTH - RIGHT - len(mark.label) * LETTER)
        begin = min(start, text_x)
        row = next((number for number, end in enumerate(ends) if end <= begin), len(ends))
        if row == len(ends):
            ends.append(0)
        ends[row] = begin + room + 4
        facts = (mark.label, mark.words, mark.style, mark.goes_on, mark.is_vague)
        bars.append(Bar(start, y + row * ROW, width, round(text_x, 1), *facts))
    return bars, max(len(ends), 1)
