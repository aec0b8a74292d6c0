"""What is measured and recorded of a participant: laboratory tests, vital signs, medicines, medical history."""

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from .marks import Code, Flag, Marked, Number, Table, Text

COMPARATOR_SIGNS = {"": "", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}


def plain(number: Decimal) -> str:
    """Without trailing zeros and exponents: 3.40 is 3.4, 1E+2 is 100."""
    return f"{number.normalize():f}"


class Unit(Table):
    """A unit a value may be reported in: the protocol's unit is (value - less) x factor."""

    name: Text
    factor: Number
    less: Number = Decimal(0)

    @property
    def words(self) -> str:
        return f"{self.name} (× {plain(self.factor)})"


class Measure(Marked):
    code: Code
    name: Text
    unit: Text | None = None
    other_units: tuple[Unit, ...] = ()
    plausible_low: Number | None = None
    plausible_high: Number | None = None

    @property
    def units(self) -> tuple[str, ...]:
        return (*((self.unit,) if self.unit else ()), *(each.name for each in self.other_units))

    def standard(self, value: Decimal, unit: str) -> Decimal:
        """The value in the protocol's unit, to nine decimals. Raises KeyError for a unit that is not listed."""
        if unit == (self.unit or ""):
            return value
        known = {each.name: each for each in self.other_units}
        return round((value - known[unit].less) * known[unit].factor, 9)

    def implausible(self, standard: Decimal) -> str:
        """A sentence, or nothing where the value is one a laboratory would report."""
        low, high = self.plausible_low, self.plausible_high
        if (low is None or standard >= low) and (high is None or standard <= high):
            return ""
        unit = f" {self.unit}" if self.unit else ""
        ends = f"{plain(low) if low is not None else 'any'} to {plain(high) if high is not None else 'any'}"
        return f"{self.name} {plain(standard)}{unit} is outside what is plausible ({ends}{unit}). Check the unit."


class LabTest(Measure):
    """`code` is the CDISC test code in the domain `domain`; `input` the criteria input this test gives."""

    kind: Literal["number", "titer", "result"]
    domain: Literal["LB", "MB", "IS"] = "LB"
    procedure: Code
    results: tuple[Text, ...] = ()
    input: Code | None = None
    # A positive one says nothing by itself: the investigator judges it.
    for_investigator: Flag = False

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self):
        if self.kind == "number" and not self.unit:
            raise ValueError("needs a unit, as its results are numbers")
        if self.kind == "result" and not self.results:
            raise ValueError("needs results, as it is reported in words")
        return self

    def reported(self, comparator: str, value: Decimal | None, unit: str, result: str) -> str:
        """As a report says it: '3.4 10^9/L', '<30 U/mL', '1:160', 'Positive'."""
        words = result.capitalize()
        if value is None:
            return words
        sign = COMPARATOR_SIGNS[comparator]
        number = f"{sign}1:{plain(value)}" if self.kind == "titer" else f"{sign}{plain(value)} {unit}".strip()
        return f"{number} ({words.lower()})" if words else number


class VitalTest(Measure):
    unit: Text
    procedure: Code


class Drug(Table):
    code: Code
    label: Text
    input: Code | None = None


class DrugClass(Marked):
    """`input` names the criteria input that courses of this class give."""

    code: Code
    label: Text
    input: Code | None = None
    drugs: tuple[Drug, ...] = Field(alias="drug", default=())


class HistoryCategory(Marked):
    """`input` names the criteria input; `excepted` says that the record makes an exception for it."""

    code: Code
    label: Text
    input: Code | None = None
    excepted: Flag = False
