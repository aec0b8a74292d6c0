"""Counting: pure functions from the rows of a trial to the lines of a table.

Columns are the sites, and all together where there are several. A participant counts once in a cell, however many
events there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import NamedTuple

from .rows import Person, Trial

ALL = "All"
TENTH = Decimal("0.1")


class Cell(NamedTuple):
    """`count` participants of `of`; without `of` a number of something else. Zero stands bare."""

    count: int
    of: int | None = None

    @property
    def percent(self) -> Decimal | None:
        return (Decimal(100 * self.count) / self.of).quantize(TENTH, ROUND_HALF_UP) if self.of else None

    @property
    def small(self) -> str:
        return f"({self.percent}%)" if self.count and self.percent is not None else ""

    def __str__(self) -> str:
        return f"{self.count} {self.small}".strip()


@dataclass(frozen=True)
class Line:
    """One row of a table. `labels` are its leading columns; `path` names it among all."""

    labels: tuple[str, ...]
    cells: tuple[Cell | str, ...]
    indent: int = 0
    path: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return " / ".join(self.path or self.labels)


class Group(NamedTuple):
    """A column: its name and the sites in it."""

    name: str
    sites: frozenset[str]

    def holds(self, row) -> bool:
        return row.site in self.sites


def groups(trial: Trial) -> list[Group]:
    each = [Group(site, frozenset([site])) for site in trial.sites]
    return [*each, Group(ALL, frozenset(trial.sites))] if len(each) > 1 else each


def sizes(trial: Trial, people: Iterable[Person]) -> list[int]:
    """N of each column."""
    rows = list(people)
    return [sum(group.holds(person) for person in rows) for group in groups(trial)]


def affected(trial: Trial, rows, people=None) -> tuple[Cell, ...]:
    """Distinct participants among `rows`, of those infused or of `people`."""
    rows = list(rows)
    of = sizes(trial, trial.infused if people is None else people)
    return tuple(
        Cell(len({row.participant for row in rows if group.holds(row)}), size)
        for group, size in zip(groups(trial), of, strict=True)
    )


def many(trial: Trial, rows) -> tuple[Cell, ...]:
    rows = list(rows)
    return tuple(Cell(sum(group.holds(row) for row in rows)) for group in groups(trial))


def persons(trial: Trial, people, of) -> tuple[Cell, ...]:
    """How many of `people`, as a share of `of`."""
    counted = sizes(trial, people)
    return tuple(Cell(count, size) for count, size in zip(counted, sizes(trial, of), strict=True))


def spread(numbers) -> str:
    """'72.4 (60; 80)': median, least and most; a dash for nobody."""
    found = sorted(number for number in numbers if number is not None)
    if not found:
        return "–"
    return f"{_number(median(found))} ({_number(found[0])}; {_number(found[-1])})"


def _number(value) -> str:
    rounded = Decimal(value).quantize(TENTH, ROUND_HALF_UP)
    return f"{rounded.to_integral_value() if rounded == rounded.to_integral_value() else rounded:f}"


def spreads(trial, people, value) -> tuple[str, ...]:
    people = list(people)
    return tuple(spread(value(person) for person in people if group.holds(person)) for group in groups(trial))
