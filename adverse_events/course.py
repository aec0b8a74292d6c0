"""The course of an event's grade, as a table and as a drawing of steps made on the server."""

from dataclasses import dataclass, field

from .timing import days_from_infusion

WIDTH, LEFT, STEP, TOP = 600, 40, 18, 10
HIGHEST = 5
LEAST_WIDTH = 24


@dataclass(frozen=True)
class Bar:
    """One grade in the drawing, in its units; `is_vague` where the day it began is not known."""

    x: int
    y: int
    width: int
    height: int
    label_x: int
    grade: int
    words: str
    is_vague: bool


@dataclass(frozen=True)
class Course:
    """Every grade the event had; withdrawn ones stay in the table and are not drawn."""

    episodes: list
    bars: list = field(default_factory=list)
    width: int = WIDTH
    height: int = TOP + STEP * HIGHEST + TOP
    lines: list = field(default_factory=list)  # (grade, y) of the scale


def course(event) -> Course:
    """One query."""
    episodes = list(event.grade_episodes.select_related("recorded_by", "withdrawn_by"))
    standing = [episode for episode in episodes if not episode.withdrawn_at]
    lines = [(grade, TOP + STEP * (HIGHEST - grade)) for grade in range(1, HIGHEST + 1)]
    return Course(episodes, _bars(event, standing), lines=lines)


def worsened(event, episodes):
    """The dates from which a grade higher than all before is known, the first grade not among them."""
    highest, found = None, []
    for episode in episodes:
        if highest is not None and episode.grade > highest:
            found.append(episode.since)
        highest = max(episode.grade, highest or 0)
    return tuple(found)


def _bars(event, standing):
    if not standing:
        return []
    first = standing[0].since.earliest
    starts = [(episode.since.earliest - first).days for episode in standing]
    last = max(starts[-1], (event.ended.latest - first).days if event.ended else 0) + 1
    scale = (WIDTH - LEFT - LEAST_WIDTH) / last
    edges = [LEFT + round(days * scale) for days in starts] + [WIDTH]
    day0 = event.participant.infused_on
    return [
        _bar(episode, edges[place], edges[place + 1], day0)
        for place, episode in enumerate(standing)
        if edges[place + 1] > edges[place]
    ]


def _bar(episode, left, right, day0):
    since = f"Grade {episode.grade} since {episode.since}"
    if day0:
        since += f", protocol day {days_from_infusion(episode.since, day0, episode.since.latest)}"
    top = TOP + STEP * (HIGHEST - episode.grade)
    height = STEP * episode.grade
    middle = left + (right - left) // 2
    return Bar(left, top, right - left, height, middle, episode.grade, since, not episode.since.is_full)
