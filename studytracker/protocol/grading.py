"""What grade a measured value suggests, by the numbers of the protocol. A hint never makes an event by itself."""

from decimal import Decimal
from typing import NamedTuple

from .schema import Protocol


class Suggestion(NamedTuple):
    term: str
    grade: int
    flag: str  # as listings print it: H1, L2


class Reading(NamedTuple):
    """A value in the protocol's unit, with the limits of the laboratory on that day."""

    value: Decimal
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_high(self) -> bool:
        return self.high is not None and self.value > self.high


def suggest(rules: Protocol, test: str, reading: Reading, baseline: Reading | None = None) -> Suggestion | None:
    """The highest grade that the number alone decides, or None. Bounds as in NCI CTCAE: 3.0 is not below 3.0."""
    for hint in rules.ctcae.hints:
        if hint.test == test:
            grade = _grade(hint, reading, baseline)
            return (
                Suggestion(hint.term, grade, f"{'L' if hint.direction == 'below' else 'H'}{grade}") if grade else None
            )
    return None


def _grade(hint, reading, baseline) -> int:
    """The last grade whose beginning the value has passed; 0 for none. A limit nobody knows decides nothing."""
    passed = [
        number
        for number, (limit, is_inside) in enumerate(_beginnings(hint, reading, baseline), 1)
        if limit is not None and _passes(hint, reading.value, limit, is_inside)
    ]
    return max(passed, default=0)


def _beginnings(hint, reading, baseline):
    """(where each grade begins for this reading, whether the number itself is inside)."""
    if hint.direction == "above":
        if baseline and baseline.is_high:
            return [(times * baseline.value, number == 0) for number, times in enumerate(hint.of_baseline)]
        return [(reading.high and times * reading.high, False) for times in hint.limits]
    if hint.direction == "from":
        return [(limit, number == 0) for number, limit in enumerate(hint.limits)]
    return [(reading.low if limit == "LLN" else limit, False) for limit in hint.limits]


def _passes(hint, value, limit, is_inside) -> bool:
    if hint.direction == "below":
        return value < limit
    return value >= limit if is_inside else value > limit
