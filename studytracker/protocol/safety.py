"""Reporting clocks, the gate between doses, stopping rules, and the scales that safety is told in."""

from typing import Literal

from pydantic import Field, model_validator

from .marks import Code, Count, Flag, Marked, Number, Positive, Table, Text

LENGTH_KEYS = ("amount", "unit", "days")


class Clock(Marked):
    """How long a report may take. A clock without a length is shown as such, never with a made-up date."""

    id: Code
    trigger: Text
    sender: Text = Field(alias="from")
    recipient: Text = Field(alias="to")
    starts: Text
    amount: Positive | None = None
    unit: Literal["hours", "days", "weeks", "months", "years"] | None = None
    days: Literal["calendar", "business", "hours"] | None = None
    wording: Text | None = None
    sites: tuple[Code, ...] = ()
    note: Text | None = None
    basis: Literal["regulation", "guidance", "convention", "site policy", "placeholder"]

    @model_validator(mode="after")
    def _whole_length(self):
        given = [key for key in LENGTH_KEYS if getattr(self, key) is not None]
        if given and len(given) < len(LENGTH_KEYS):
            raise ValueError("needs amount, unit and days together, or none of them")
        if given and (self.unit == "hours") != (self.days == "hours"):
            raise ValueError('counts hours only with both unit = "hours" and days = "hours"')
        return self

    @property
    def is_configured(self) -> bool:
        return self.amount is not None

    @property
    def length_words(self) -> str:
        """As in 10 business days; else the regulation's own word; else that nothing is configured."""
        if not self.is_configured:
            return self.wording or "not configured"
        kind = "" if self.days == "hours" else f"{self.days} "
        unit = self.unit.removesuffix("s") if self.amount == 1 else self.unit
        return f"{self.amount} {kind}{unit}"

    def applies_to(self, site_code: str) -> bool:
        return not self.sites or site_code in self.sites


class StaggerRule(Marked):
    after_visits: tuple[Code, ...] = Field(min_length=1)
    minimum_days: Count
    scope: Literal["trial", "site"]
    needs_dsmb_decision: Flag
    rule: Text


class PrimarySafety(Marked):
    text: Text
    grade_at_least: Positive
    from_day: Count
    through_day: Positive
    denominator: Text
    counting: Text


class StoppingRule(Marked):
    id: Code
    switched_on: Flag
    text: Text
    participants: Positive
    grade_at_least: Positive
    related: Flag
    within_days: Positive


class SledaiItem(Table):
    number: Positive
    code: Code
    label: Text
    weight: Positive
    kind: Literal["clinical", "laboratory"]
    definition: Text


class Sledai(Marked):
    variant: Text
    look_back_days: Positive
    items: tuple[SledaiItem, ...] = Field(alias="item")

    @property
    def maximum(self) -> int:
        return sum(item.weight for item in self.items)


class GradeHint(Table):
    """What a laboratory value suggests. A hint never makes an event by itself."""

    term: Text
    input: Code | None = None
    unit: Text | None = None
    grade_1: Text
    grade_2: Text
    grade_3: Text
    grade_4: Text


class Ctcae(Marked):
    version: Text
    hints: tuple[GradeHint, ...] = Field(alias="hint", default=())


class Corticosteroid(Table):
    code: Code
    label: Text
    equal_mg: Number


class Corticosteroids(Marked):
    """What equals how much prednisone."""

    prednisone_mg: Number
    routes_not_counted: tuple[Text, ...]
    weight_rule: Text
    overlapping_courses: Text
    alternate_days: Text
    drugs: tuple[Corticosteroid, ...] = Field(alias="drug")
