"""The eligibility criteria: the record's words, and the parts they are read as."""

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from .marks import Code, Flag, Marked, Number, Positive, Table, Text

COMPARISONS = {
    "<": Decimal.__lt__,
    "<=": Decimal.__le__,
    ">": Decimal.__gt__,
    ">=": Decimal.__ge__,
}
OPERATOR_WORDS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}


class LookBack(Table):
    """How far back counts. Months and years are calendar ones and stay in their own unit."""

    days: Positive | None = None
    months: Positive | None = None
    years: Positive | None = None
    ever: Flag = False

    @model_validator(mode="after")
    def _one_length(self):
        if sum((bool(self.days), bool(self.months), bool(self.years), self.ever)) != 1:
            raise ValueError("needs exactly one of days, months, years or ever = true")
        return self

    @property
    def words(self) -> str:
        if self.ever:
            return "ever"
        amount, unit = next(
            (amount, unit)
            for amount, unit in (
                (self.days, "day"),
                (self.months, "calendar month"),
                (self.years, "calendar year"),
            )
            if amount
        )
        return f"{amount} {unit}{'' if amount == 1 else 's'}"


class Limit(Table):
    operator: Literal["<", "<=", ">", ">="]
    value: Number

    def holds(self, measured: Decimal) -> bool:
        """Strict or not, as the sign is printed; compared unrounded."""
        return COMPARISONS[self.operator](measured, self.value)

    @property
    def words(self) -> str:
        return f"{OPERATOR_WORDS[self.operator]} {self.value}"


class Part(Marked):
    id: Code
    label: Text
    decided: Literal["computed", "judged", "mixed"]
    look_back: LookBack | None = None
    anchor: Literal["screening", "baseline"] | None = None
    recheck: Literal["baseline"] | None = None
    input: Code
    unit: Text | None = None
    limit: Limit | None = None
    upper_limit: Limit | None = None
    not_applicable: Flag = False
    rule: Text

    @property
    def limits(self) -> tuple[Limit, ...]:
        return tuple(each for each in (self.limit, self.upper_limit) if each)

    def holds(self, measured: Decimal) -> bool:
        """All limits hold: the part of an inclusion is met, that of an exclusion is present."""
        return all(limit.holds(measured) for limit in self.limits)


class Criterion(Marked):
    id: Code
    kind: Literal["inclusion", "exclusion", "structured"]
    text: Text
    combine: Literal["all", "any"]
    answered: Flag = True
    parts: tuple[Part, ...] = Field(alias="part", min_length=1)

    @property
    def is_exclusion(self) -> bool:
        return self.kind == "exclusion"
