"""Planned and unplanned visits, what is done at them, and when somebody is reminded."""

from typing import Literal

from .marks import Code, Count, Flag, Marked, Positive, Text, Whole


class Procedure(Marked):
    code: Code
    name: Text
    implied_by: Code | None = None


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


class VisitLog(Marked):
    """How soon a visit is logged. Business days are Monday to Friday but the holidays of the site."""

    late_entry_business_days: Count
    booked_not_logged_business_days: Count
    appointment_minutes: Positive


class ReminderStage(Marked):
    """Due this many whole days, at the site, after the last day of the window."""

    code: Code
    after_days: Positive


class CollectionPeriod(Marked):
    starts: Text
    ends_visit: Code
    before_infusion: Text
    after_end: Text
