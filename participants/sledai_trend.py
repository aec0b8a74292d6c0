"""The total of SLEDAI over time, as points of a small drawing."""

from typing import NamedTuple

WIDTH, HEIGHT, MARGIN = 480, 160, 28


class Point(NamedTuple):
    x: float
    y: float
    total: int
    on: object
    visit_code: str
    variant: str


class Trend(NamedTuple):
    points: list[Point]
    line: str  # the points of an SVG polyline
    top: int
    width: int = WIDTH
    height: int = HEIGHT
    mixed: bool = False  # totals of different variants, which are not to be compared


def trend(scores) -> Trend | None:
    """Of the complete assessments, oldest first; None while there is none."""
    whole = sorted((score for score in scores if score.total is not None), key=lambda score: score.assessed_on)
    if not whole:
        return None
    top = max(12, max(score.total for score in whole))
    first = whole[0].assessed_on
    days = max((whole[-1].assessed_on - first).days, 1)

    def point(score):
        x = MARGIN + (score.assessed_on - first).days / days * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - score.total / top * (HEIGHT - 2 * MARGIN)
        return Point(round(x, 1), round(y, 1), score.total, score.assessed_on, score.visit_code, score.variant)

    points = [point(score) for score in whole]
    line = " ".join(f"{each.x},{each.y}" for each in points)
    return Trend(points, line, top, mixed=len({score.variant for score in whole}) > 1)
