"""What is given: the dose, the product, and the hours after the infusion."""

from typing import Literal

from pydantic import Field

from .marks import Code, Flag, Marked, Number, Positive, Table, Text, Whole


class Treatment(Marked):
    arm: Text
    product: Text
    dose_per_kg: Positive
    unit: Text
    doses: Positive
    vehicle: Text
    route: Text
    given_at: Code
    origin: Text
    background: Text
    weight_rule: Text

    @property
    def dose_words(self) -> str:
        return f"{self.dose_per_kg:,} {self.unit} per kg"


class ProductRules(Marked):
    viability_at_least: Number
    tolerance_percent: Number
    second_person: Flag


class TimePoint(Table):
    """`minutes` after the anchor, negative before it; `within` minutes either way."""

    code: Code
    label: Text
    anchor: Literal["start", "end"]
    minutes: Whole
    within: Positive


class VitalLimit(Table):
    """Both limits are inside. Beyond one, the term is offered as an adverse event."""

    test: Code
    low: Number
    high: Number
    low_term: Text | None = None
    high_term: Text | None = None

    @property
    def words(self) -> str:
        return f"{self.test} {self.low} to {self.high}"

    def term_for(self, value) -> str | None:
        """The term for a value beyond a limit, empty where there is no name for it; None inside."""
        if value < self.low:
            return self.low_term or ""
        return (self.high_term or "") if value > self.high else None


class InfusionObservation(Marked):
    hours: Positive
    watch_for: tuple[Text, ...]
    tests: tuple[Code, ...] = ()
    time_points: tuple[TimePoint, ...] = Field(alias="time_point", default=())
    limits: tuple[VitalLimit, ...] = Field(alias="limit", default=())

    def time_point(self, code: str) -> TimePoint | None:
        return next((each for each in self.time_points if each.code == code), None)

    def limit(self, test: str) -> VitalLimit | None:
        return next((each for each in self.limits if each.test == test), None)
