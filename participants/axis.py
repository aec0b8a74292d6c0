"""One axis of days for pictures below each other: what happened on a day stands at the same place in all."""

from dataclasses import dataclass
from datetime import date, timedelta

WIDTH, LEFT, RIGHT = 1200, 96, 12


@dataclass(frozen=True)
class Axis:
    """Days `first` to `last`, both drawn whole, counted from `zero`; `sign` stands before the count: D26."""

    first: date
    last: date
    zero: date
    sign: str = "D"

    @property
    def a_day(self) -> float:
        return (WIDTH - LEFT - RIGHT) / ((self.last - self.first).days + 1)

    def x(self, day: date) -> float:
        """Where the day begins. What is outside stands at the edge."""
        return self._place(day, 0)

    def middle(self, day: date) -> float:
        return self._place(day, 0.5)

    def end(self, day: date) -> float:
        return self._place(day, 1)

    def _place(self, day, share):
        inside = min(max(day, self.first), self.last)
        return round(LEFT + ((inside - self.first).days + share) * self.a_day, 1)

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last

    def label(self, day: date) -> str:
        return f"{self.sign}{(day - self.zero).days}"

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """(x, label) every week, or every four where that would be many."""
        begin, end = (self.first - self.zero).days, (self.last - self.zero).days
        step = 28 if end - begin > 112 else 7
        days = (self.zero + timedelta(days=day) for day in range(-(-begin // step) * step, end + 1, step))
        return [(self.x(day), self.label(day)) for day in days]
