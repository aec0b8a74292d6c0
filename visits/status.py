"""The one definition of a visit's status: `of` gives it for a row, `among` for a query. A test compares them.

Facts are stored (window, attendance, the decision that a visit was missed, the withdrawal); everything else follows
from a site-local day. Both ends of a window are inclusive, so a visit is overdue from the day after `closes_on`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_

from django.db.models import F, Q

from studytracker import protocol
from studytracker.dates import day_label, protocol_day, short_day

AWAITING, UPCOMING, SOON, OPEN, LATE, OVERDUE = "awaiting", "upcoming", "soon", "open", "late", "overdue"
DONE, DONE_OUT, MISSED, NOT_APPLICABLE = "done", "done-out", "missed", "na"

SYMBOLS = {
    AWAITING: "…",
    UPCOMING: "○",
    SOON: "◔",
    OPEN: "●",
    LATE: "▲",
    OVERDUE: "!",
    DONE: "✓",
    DONE_OUT: "✓!",
    MISSED: "✕",
    NOT_APPLICABLE: "–",
}
NAMES = {
    AWAITING: "Awaiting infusion",
    UPCOMING: "Upcoming",
    SOON: "Opening soon",
    OPEN: "Due now",
    LATE: "Late, window open",
    OVERDUE: "Overdue",
    DONE: "Done in window",
    DONE_OUT: "Done out of window",
    MISSED: "Missed",
    NOT_APPLICABLE: "Not applicable",
}


@dataclass(frozen=True)
class Status:
    code: str
    words: str

    @property
    def symbol(self):
        return SYMBOLS[self.code]

    @property
    def is_actionable(self):
        return self.code in (OVERDUE, LATE, OPEN)


def of(visit, on: date) -> Status:
    """The status of `visit` on the site-local day `on`. Reads visit.participant."""
    if visit.attended_on:
        return _attended(visit)
    if visit.missed_at:
        return Status(MISSED, f"Missed: {visit.missed_reason}")
    if visit.closes_on is None:
        return Status(AWAITING, NAMES[AWAITING])
    if visit.dropped_in:
        return Status(NOT_APPLICABLE, f"Not applicable: no visit of protocol {visit.dropped_in}")
    left_on = visit.participant.withdrawn_on
    if left_on and left_on <= visit.closes_on:
        return Status(NOT_APPLICABLE, f"Not applicable: left the study on {short_day(left_on)}")
    return _by_date(visit, on)


def _attended(visit):
    out = visit.days_out
    if out:
        return Status(DONE_OUT, f"Done {short_day(visit.attended_on)}, {out:+d} d")
    return Status(DONE, f"Done {short_day(visit.attended_on)}")


def _by_date(visit, on):
    if on > visit.closes_on:
        return Status(OVERDUE, f"Overdue {(on - visit.closes_on).days} d")
    if on > visit.target_on:
        left = (visit.closes_on - on).days
        return Status(LATE, f"Late, closes in {left} d" if left else "Late, closes today")
    if on >= visit.opens_on:
        return Status(OPEN, f"Due now (to {short_day(visit.closes_on)})")
    wait = (visit.opens_on - on).days
    if wait <= protocol.current().status.upcoming_days:
        return Status(SOON, f"Opens in {wait} d")
    return Status(UPCOMING, f"Opens {short_day(visit.opens_on)}")


def why(visit, on: date) -> str:
    """The arithmetic behind the status on the site-local day `on`, in words. Reads visit.participant."""
    if visit.closes_on is None:
        return _why_without_window(visit)
    return f"{_window_words(visit)} {_against_window(visit, on)}"


def _why_without_window(visit):
    if not visit.attended_on:
        return "There is no Day 0 yet: the infusion sets the target and the window."
    after = "it is outside the schedule" if visit.unplanned else "the infusion, which sets it, is still to come"
    return f"Attended {day_label(visit.attended_on)}. There is no window: {after}."


def _window_words(visit):
    day0 = visit.participant.infused_on
    day = f" (D{protocol_day(visit.target_on, day0)})" if day0 else ""
    span = f"{day_label(visit.opens_on)} to {day_label(visit.closes_on)}"
    return f"Target {day_label(visit.target_on)}{day}; window {span}, both days included."


def _against_window(visit, on):
    if visit.attended_on:
        return f"Attended {day_label(visit.attended_on)}, {_place(visit, visit.attended_on)}."
    if visit.missed_at:
        return f"A person decided that it was missed: {visit.missed_reason}."
    if visit.dropped_in:
        return f"Protocol {visit.dropped_in}, which the participant came under, has no such visit."
    left_on = visit.participant.withdrawn_on
    if left_on and left_on <= visit.closes_on:
        return f"The participant left the study on {day_label(left_on)}, {_place(visit, left_on)}."
    return f"Today, {day_label(on)}, is {_place(visit, on)}, and nothing is logged."


def _place(visit, day):
    if day > visit.closes_on:
        return f"{_days(day - visit.closes_on)} after its last day"
    if day < visit.opens_on:
        return f"{_days(visit.opens_on - day)} before its first day"
    if day == visit.target_on:
        return "in the window and on the target"
    side = "after" if day > visit.target_on else "before"
    return f"in the window, {_days(abs(day - visit.target_on))} {side} the target"


def _days(span):
    return "1 day" if span.days == 1 else f"{span.days} days"


def among(codes, today: dict[str, date]) -> Q:
    """The visits whose status is one of `codes`, for a query; `today` maps site code to the day it is there.

    Joins the participant. What follows from the order of a window's three days is said as well, so that an index on
    any of them serves.
    """
    days = {}
    for site, on in today.items():
        days.setdefault(on, []).append(site)
    if len(days) == 1:
        return _any(codes, *days)
    return _either(_any(codes, on) & Q(site__in=sites) for on, sites in days.items())


def _either(questions) -> Q:
    return reduce(or_, questions, Q(pk__in=[]))


def _any(codes, on: date) -> Q:
    soon = on + timedelta(days=protocol.current().status.upcoming_days)
    asked = _questions(on, soon)
    found = _either(asked[code] for code in codes)
    # By which day the windows of each have opened: said once for all of them, which no planner finds out for itself.
    opened = {OVERDUE: on, LATE: on, OPEN: on, SOON: soon}
    if set(codes) <= opened.keys():
        found &= Q(opens_on__lte=max((opened[code] for code in codes), default=on))
    return found


OPEN_STILL = Q(attended_on=None, missed_at=None)
OUTSIDE = Q(attended_on__lt=F("opens_on")) | Q(attended_on__gt=F("closes_on"))
INSIDE = Q(attended_on__gte=F("opens_on"), attended_on__lte=F("closes_on"))
LEFT_BEFORE = Q(participant__withdrawn_on__lte=F("closes_on"))
STAYS = Q(participant__withdrawn_on=None) | Q(participant__withdrawn_on__gt=F("closes_on"))
EXPECTED = OPEN_STILL & Q(dropped_in="") & STAYS


def _questions(on: date, soon: date) -> dict[str, Q]:
    return {
        DONE_OUT: Q(attended_on__isnull=False) & OUTSIDE,
        DONE: Q(attended_on__isnull=False) & (Q(opens_on=None) | INSIDE),
        MISSED: Q(attended_on=None, missed_at__isnull=False),
        AWAITING: OPEN_STILL & Q(closes_on=None),
        NOT_APPLICABLE: OPEN_STILL & Q(closes_on__isnull=False) & (~Q(dropped_in="") | LEFT_BEFORE),
        OVERDUE: EXPECTED & Q(closes_on__lt=on, target_on__lt=on, opens_on__lt=on),
        LATE: EXPECTED & Q(closes_on__gte=on, target_on__lt=on, opens_on__lt=on),
        OPEN: EXPECTED & Q(closes_on__gte=on, target_on__gte=on, opens_on__lte=on),
        SOON: EXPECTED & Q(closes_on__gt=on, target_on__gt=on, opens_on__gt=on, opens_on__lte=soon),
        UPCOMING: EXPECTED & Q(closes_on__gt=soon, target_on__gt=soon, opens_on__gt=soon),
    }
