"""Stopping rules over plain events: who counts, whether a rule trips, and how far it is from it. No database.

A doubt counts against going on: an onset known in part counts if it may lie in the window, and a causality that nobody
has answered counts as related. An event without a grade does not count: nothing says how severe it is.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from studytracker.dates import PartialDate
from studytracker.protocol.safety import StoppingRule


@dataclass(frozen=True)
class Treated:
    participant: str
    infused_on: date


@dataclass(frozen=True)
class Event:
    """`course` holds (grade, since when) as known; the grade first recorded counts from the onset."""

    participant: str
    label: str
    course: tuple[tuple[int, PartialDate], ...]
    related: bool | None
    serious: bool
    key: int = 0


@dataclass(frozen=True)
class Evidence:
    event: Event
    words: str
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """How a rule stands. `more_needed` is how many further participants would trip it: 0 when it trips."""

    rule: StoppingRule
    treated: int
    evidence: tuple[Evidence, ...]
    more_needed: int

    @property
    def affected(self) -> tuple[str, ...]:
        return tuple(sorted({each.event.participant for each in self.evidence}))

    @property
    def is_tripped(self) -> bool:
        return self.more_needed == 0

    @property
    def words(self) -> str:
        counted = f"{len(self.affected)} of {self.treated} treated participants: {self.rule.match_words}"
        return f"{counted}; the bound is {self.rule.bound_words}"


def evaluate(rule: StoppingRule, treated: list[Treated], events: list[Event]) -> Evaluation:
    """The rule over everybody treated and all their events, at both sites."""
    day0 = {each.participant: each.infused_on for each in treated}
    evidence = tuple(
        found
        for event in events
        if event.participant in day0 and (found := match(rule, event, day0[event.participant]))
    )
    affected = len({each.event.participant for each in evidence})
    return Evaluation(rule, len(day0), evidence, more_needed(rule, affected, len(day0)))


def match(rule: StoppingRule, event: Event, infused_on: date) -> Evidence | None:
    """Whether the event counts, and on what doubts."""
    reached = [since for grade, since in event.course if grade >= rule.grade_at_least]
    if not reached or (rule.related and event.related is False) or (rule.serious and not event.serious):
        return None
    last = infused_on + timedelta(days=rule.within_days)
    inside = [since for since in reached if since.earliest <= last and since.latest >= infused_on]
    if not inside:
        return None
    doubts = []
    if not any(infused_on <= since.earliest and since.latest <= last for since in inside):
        doubts.append(f"since {inside[0]} is known in part and may lie in the window")
    if rule.related and event.related is None:
        doubts.append("causality is not answered and counts as related")
    grade = max(grade for grade, _ in event.course)
    return Evidence(event, f"Grade {grade}, since {inside[0]}", tuple(doubts))


def more_needed(rule: StoppingRule, affected: int, treated: int) -> int:
    """How many further participants would have to be affected; for a share, among those treated by then."""
    if rule.participants is not None:
        return max(rule.participants - affected, 0)
    enough = ceil(rule.percent * max(treated, rule.minimum_treated) / 100)
    if treated < rule.minimum_treated:
        # Not judged before enough are treated, however many are affected.
        return max(enough - affected, 1)
    return max(enough - affected, 0)
