"""The gate between doses, stopping rules, and the scales that safety is told in."""

from typing import Literal

from pydantic import Field, model_validator

from .marks import Code, Count, Flag, Marked, Number, Positive, Table, Text

# The answer that an event is none of those of special interest. It is no term of a protocol's list: leaving the list
# unanswered says something else, in every version of the protocol.
NONE_OF_THESE = "none"
NONE_OF_THESE_WORDS = "None of these"


class StaggerRule(Marked):
    after_visits: tuple[Code, ...] = Field(min_length=1)
    minimum_days: Count
    scope: Literal["trial", "site"]
    needs_signed_review: Flag
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
    """Counts distinct participants with a matching event, against a number or against a share of those treated.

    An event matches when its grade reaches `grade_at_least` and, where they are asked, it is related or serious,
    with onset within `within_days` of the infusion, Day 0 and the last day included.
    """

    id: Code
    switched_on: Flag
    text: Text
    participants: Positive | None = None
    percent: Positive | None = Field(default=None, le=100)
    minimum_treated: Positive | None = None
    grade_at_least: Positive
    related: Flag
    serious: Flag = False
    within_days: Positive

    @model_validator(mode="after")
    def _one_bound(self):
        shares = (self.percent, self.minimum_treated)
        if (self.participants is None) == (None in shares) or any(shares) != all(shares):
            raise ValueError("needs one bound: participants, or percent with minimum_treated")
        return self

    @property
    def match_words(self) -> str:
        """As in Grade 3 or higher, at least possibly related, onset D0 to D28."""
        asked = [f"Grade {self.grade_at_least} or higher"]
        asked += ["at least possibly related"] * self.related + ["serious"] * self.serious
        return ", ".join([*asked, f"onset D0 to D{self.within_days}"])

    @property
    def bound_words(self) -> str:
        if self.participants is not None:
            return f"{self.participants} or more participants"
        return f"{self.percent} % or more of those treated, once {self.minimum_treated} are"


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


# "LLN" stands for the lower limit of normal of the laboratory.
Limit = Literal["LLN"] | Number


class GradeHint(Table):
    """What a laboratory value suggests. A hint never makes an event by itself."""

    term: Text
    # The laboratory test or vital sign whose number suggests the grade, and the number at which each grade begins.
    test: Code | None = None
    # below: under the limit; above: over so many times the upper limit of normal; from: at the first limit, then over.
    direction: Literal["below", "above", "from"] | None = None
    limits: tuple[Limit, ...] = ()  # of grades 1, 2, 3 and 4, as far as a number decides them
    of_baseline: tuple[Number, ...] = ()  # times the baseline instead, where that was above normal already
    input: Code | None = None
    unit: Text | None = None
    grade_1: Text
    grade_2: Text
    grade_3: Text
    grade_4: Text

    @model_validator(mode="after")
    def _whole_or_words_only(self):
        if not bool(self.test) == bool(self.direction) == bool(self.limits):
            raise ValueError("needs test, direction and limits together, or none of them")
        return self


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
