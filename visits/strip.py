"""Visits along the days from the infusion, as an SVG drawing and as its twin in words."""

from itertools import groupby
from typing import NamedTuple

from studytracker.dates import protocol_day

ROWS = 50
LEFT, RIGHT, TOP, ROW = 90, 12, 28, 44
LABELS = (23, 34)  # in turn, so that neighbours on close days stay readable
WIDTH = 1200
WEEK = 7


class Box(NamedTuple):
    x: float
    width: float
    label_y: int
    code: str
    status: object
    words: str


class Line(NamedTuple):
    identifier: str
    y: float
    boxes: list
    today_x: float | None
    today: str


class Strip(NamedTuple):
    lines: list
    ticks: list  # (x, label)
    width: int
    height: int
    is_cut: bool


def draw(visits, today) -> Strip:
    """The visits of infused participants, at most ROWS of them, by identifier. One query."""
    rows = visits.filter(participant__infusion__isnull=False).order_by("participant__identifier", "order", "id")
    people = [list(members) for _, members in groupby(_some(rows), key=lambda visit: visit.participant_id)]
    spans = [_days(visit) for members in people for visit in members]
    first = min((span[0] for span in spans), default=0)
    last = max((span[1] for span in spans), default=WEEK)
    scale = (WIDTH - LEFT - RIGHT) / max(last - first + 1, 1)

    def x(day):
        return round(LEFT + (day - first) * scale, 1)

    lines = [_line(members, number, x, scale, today, (first, last)) for number, members in enumerate(people[:ROWS])]
    step = WEEK * 4 if last - first > WEEK * 16 else WEEK
    ticks = [(x(day), f"D{day}") for day in range(-(-first // step) * step, last + 1, step)]
    return Strip(lines, ticks, WIDTH, TOP + ROW * len(lines) + 10, len(people) > ROWS)


def _some(rows):
    """Rows of no more than ROWS participants and one, so that what is cut is known."""
    seen = set()
    for visit in rows.iterator(chunk_size=500):
        seen.add(visit.participant_id)
        if len(seen) > ROWS + 1:
            return
        yield visit


def _days(visit):
    """First and last protocol day of the box: the window, or the day attended where there is none."""
    day0 = visit.participant.infused_on
    start, end = (visit.opens_on, visit.closes_on) if visit.closes_on else (visit.attended_on, visit.attended_on)
    return protocol_day(start, day0), protocol_day(end, day0)


def _line(members, number, x, scale, today, span):
    participant = members[0].participant
    on = today[participant.site_id]
    y = TOP + ROW * number
    boxes = []
    for visit in members:
        start, end = _days(visit)
        status = visit.status(on)
        days = f"D{start}" if start == end else f"D{start} to D{end}"
        words = f"{visit.code}, {days}: {status.words}"
        width = max(round((end - start + 1) * scale, 1), 5)
        boxes.append(Box(x(start), width, LABELS[len(boxes) % 2], visit.code, status, words))
    day = protocol_day(on, participant.infused_on)
    inside = span[0] <= day <= span[1] and not participant.withdrawn_on
    return Line(participant.identifier, y, boxes, x(day) if inside else None, f"D{day}")
