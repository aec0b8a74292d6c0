"""Planned and unplanned visits, what is done at them, and when somebody is reminded."""

from datetime import time
from typing import Literal

from pydantic import Field

from .marks import Code, Count, Flag, Marked, Positive, Text, Whole


class Procedure(Marked):
    code: Code
    name: Text
    implied_by: Code | None = None
    # What a person who did it may have found, in words, the ordinary one first.
    findings: tuple[Text, ...] = ()


class PlannedVisit(Marked):
    """A visit of the schedule. Days are protocol days (infusion = D0), both ends of the window inside."""

    code: Code
    name: Text
    kind: Literal["screening", "baseline", "follow_up"]
    day: Whole
    before: Count
    after: Count
    procedures: tuple[Code, ...]
    primary_endpoint: Flag = False
    end_of_follow_up: Flag = False

    @property
    def opens(self) -> int:
        return self.day - self.before

    @property
    def closes(self) -> int:
        return self.day + self.after

    @property
    def target_words(self) -> str:
        return "before D0" if self.kind == "screening" else f"D{self.day}"

    @property
    def window_words(self) -> str:
        return f"D{self.opens}" if self.opens == self.closes else f"D{self.opens} to D{self.closes}"


class UnplannedVisit(Marked):
    code: Code
    name: Text
    kind: Literal["unscheduled", "early_termination"]
    # With it, a participant may have several: U gives U1, U2 and so on. Without it, one, under its own code.
    numbered_as: Code | None = None
    procedures: tuple[Code, ...] = ()


class Status(Marked):
    upcoming_days: Count


class AlwaysReportable(Marked):
    """Categories of deviations that a site's IRB has reported whatever the investigator thinks."""

    site: Code
    categories: tuple[Code, ...] = Field(min_length=1)


class DeviationReporting(Marked):
    """The reporting clocks, by id, that a deviation runs which an investigator classified as reportable, or which the
    site's IRB always has reported.
    """

    clocks: tuple[Code, ...]
    counted_from: Text
    always: tuple[AlwaysReportable, ...] = ()

    def is_always_reportable(self, site: str, category: str) -> bool:
        return any(each.site == site and category in each.categories for each in self.always)


class VisitLog(Marked):
    """How soon a visit is logged. Business days are Monday to Friday but the holidays of the site."""

    late_entry_business_days: Count
    booked_not_logged_business_days: Count
    appointment_minutes: Positive


class Reminders(Marked):
    """When people are told: times of day at the person's site. Urgent matters keep neither."""

    digest_time: time
    quiet_from: time
    quiet_to: time
    longest_snooze_days: Positive


class ReminderStage(Marked):
    """Reached `after_days` whole days, at the site, after a day of the visit; then again every `every_days`."""

    code: Code
    label: Text
    counts_from: Literal["opens_on", "target_on", "closes_on"]
    after_days: Count
    every_days: Positive | None = None
    to: Literal["coordinator", "investigator", "chair"]
    optional: Flag = False

    @property
    def when_words(self) -> str:
        day = {"opens_on": "first day", "target_on": "target", "closes_on": "last day"}[self.counts_from]
        words = f"on the {day}" if not self.after_days else f"{_days(self.after_days)} after the {day}"
        return f"{words}, then every {_days(self.every_days)}" if self.every_days else words


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


class CollectionPeriod(Marked):
    starts: Text
    ends_visit: Code
    before_infusion: Text
    after_end: Text
