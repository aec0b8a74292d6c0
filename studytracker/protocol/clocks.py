"""Reporting clocks as data: what starts each, from when it runs, how long, to whom, and on what authority."""

from typing import Literal

from pydantic import Field, model_validator

from .marks import Code, Flag, Marked, Positive, Table, Text

LENGTH_KEYS = ("amount", "unit", "days")
# Starts about no event: a visit that took place, each year of a milestone of the study, or a milestone itself.
OF_THE_STUDY = ("visit", "anniversary", "study")
# Starts that name what they count from: a kind of determination, the clock of an earlier notice, a visit or milestone.
STARTS_OF = ("determination", "notice", *OF_THE_STUDY)


class Condition(Table):
    """What must hold of an event, all of it at once. Several conditions of one clock: any of them."""

    serious: Flag | None = None
    unexpected: Flag | None = None
    suspected: Flag | None = None
    related: Flag | None = None
    fatal_or_life_threatening: Flag | None = None
    grade_at_least: Positive | None = None
    determined: Code | None = None

    @model_validator(mode="after")
    def _asks_something(self):
        if not self.asks:
            raise ValueError("asks nothing: name at least one fact, such as serious = true")
        return self

    @property
    def asks(self) -> dict[str, bool | int | str]:
        return {key: value for key, value in self if value is not None}

    @property
    def words(self) -> str:
        """As in serious, unexpected, suspected."""
        return ", ".join(_asked(key, value) for key, value in self.asks.items())


def _asked(key: str, value) -> str:
    name = key.replace("_", " ")
    return f"{'' if value else 'not '}{name}" if isinstance(value, bool) else f"{name} {value}"


class Clock(Marked):
    """How long a report may take. A clock without a length is shown as such, never with a made-up date.

    `trigger`, `from`, `to` and `starts` are for people; `when`, `notify`, `responsible`, `start` and `start_of` say
    the same to the program. A clock without `when` is opened by what it starts from.
    """

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
    when: tuple[Condition, ...] = ()
    start: Literal[
        "awareness", "sponsor_receipt", "recording", "determination", "notice", "visit", "anniversary", "study"
    ]
    start_of: Code | None = None
    until: Code | None = None  # the milestone after which no further anniversary starts it
    notify: tuple[Code, ...] = ()
    responsible: tuple[Code, ...] = ()
    opens_without_length: Flag = False
    acknowledged_by: Code | None = None

    @model_validator(mode="after")
    def _whole_length(self):
        given = [key for key in LENGTH_KEYS if getattr(self, key) is not None]
        if given and len(given) < len(LENGTH_KEYS):
            raise ValueError("needs amount, unit and days together, or none of them")
        if given and (self.unit == "hours") != (self.days == "hours"):
            raise ValueError('counts hours only with both unit = "hours" and days = "hours"')
        if self.days == "business" and self.unit != "days":
            raise ValueError('counts business days only with unit = "days"')
        if (self.start in STARTS_OF) != (self.start_of is not None):
            raise ValueError(f'needs start_of with start = "{self.start}", and only with {", ".join(STARTS_OF)}')
        return self

    @property
    def is_configured(self) -> bool:
        return self.amount is not None

    @property
    def is_opened(self) -> bool:
        """Whether it is kept for an event at all: it has a length, the regulation's own word, or is asked for."""
        return self.is_configured or self.wording is not None or self.opens_without_length

    @property
    def is_about_an_event(self) -> bool:
        return self.start not in OF_THE_STUDY

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


class ClockWatch(Marked):
    """When a running clock is told again: at these shares of its time, in percent, and once it has run out."""

    remind_at_percent: tuple[Positive, ...] = ()
    breach_category: Code
