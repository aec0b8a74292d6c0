"""The hours of the infusion: the vital signs planned around it, those taken, and what lies outside its limits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.urls import reverse
from django.utils.http import urlencode

from .facts import Implausible
from .models import VitalSign
from .vitals import record_vital


class Reading(NamedTuple):
    vital: VitalSign
    term: str | None  # None inside the limits; else the event it may be, empty where there is no name for it
    report: str  # the address of the form for an adverse event with the term and the day filled in


class Row(NamedTuple):
    point: object  # of the protocol, None for what was taken unscheduled
    due_at: datetime | None  # None while the anchor has not happened
    state: str  # done, due, late, ahead, waits
    readings: dict  # by test code


@dataclass
class Day:
    infusion: object
    on: object
    tests: list
    rows: list
    outside: list
    interruptions: list
    is_over: bool

    @property
    def next_row(self):
        """What is due now, else what comes, else what is late, until the day after the infusion is over."""
        for state in ("due", "ahead") if self.is_over else ("due", "ahead", "late"):
            if found := next((row for row in self.rows if row.point and row.state == state), None):
                return found
        return None

    @property
    def next_code(self):
        return self.next_row.point.code if self.next_row else ""

    @property
    def standing_still(self):
        """The interruption that nobody ended yet."""
        return next((each for each in self.interruptions if each.resumed_at is None), None)


def due_at(point, infusion) -> datetime | None:
    """When the time point is due: minutes from the start or from the end of the infusion."""
    anchor = infusion and (infusion.started_at if point.anchor == "start" else infusion.stopped_at)
    return anchor + timedelta(minutes=point.minutes) if anchor else None


def state(point, due, has_readings, at) -> str:
    if has_readings:
        return "done"
    if due is None:
        return "waits"
    reach = timedelta(minutes=point.within)
    if at > due + reach:
        return "late"
    return "due" if at >= due - reach else "ahead"


def day(participant, at) -> Day:
    """The whole day of the infusion as it stands at the instant `at`. Three queries."""
    rules, infusion = participant.protocol, participant.infused
    watch = rules.infusion_observation
    on = participant.infused_on or participant.site.today(at)
    taken = VitalSign.objects.of(participant).filter(measured_on__gte=on, measured_on__lte=on + timedelta(days=1))
    by_point = {}
    for vital in taken.order_by("pk"):
        if vital.test in watch.tests:
            vital.participant = participant  # known already
            reading = _reading(participant, watch, vital)
            by_point.setdefault(vital.time_point, {})[vital.test] = reading
    rows = [_row(point, infusion, by_point.pop(point.code, {}), at) for point in watch.time_points]
    rows += [Row(None, None, "done", readings) for readings in by_point.values()]
    tests = [(rules.vital_sign(code), watch.limit(code)) for code in watch.tests]
    outside = [each for row in rows for each in row.readings.values() if each.term is not None]
    is_over = participant.site.today(at) > on + timedelta(days=1)
    interruptions = list(infusion.interruptions.all()) if infusion else []
    return Day(infusion, on, tests, rows, outside, interruptions, is_over)


def _row(point, infusion, readings, at):
    due = due_at(point, infusion)
    return Row(point, due, state(point, due, readings, at), readings)


def _reading(participant, watch, vital):
    limit = watch.limit(vital.test)
    term = limit.term_for(vital.standard_value) if limit else None
    if term is None:
        return Reading(vital, None, "")
    given = {"term": term, "start": vital.measured_on.isoformat(), "visit": vital.visit_code}
    if vital.measured_at:
        given["time"] = f"{vital.measured_at.astimezone(participant.site.zone):%H:%M}"
    filled = urlencode({key: value for key, value in given.items() if value})
    return Reading(vital, term, f"{reverse('report_event', args=[participant.identifier])}?{filled}")


@transaction.atomic
def record(*, participant, time_point, measured_on, measured_time, values, is_sure, by, at):
    """Record the vital signs `values` (a Decimal in the protocol's unit by test) of one time point.

    Raises FactRefused; a value that is unlikely is refused once, and taken when the person is sure. Then every one of
    them is said to be looked at again.
    """
    rules = participant.protocol
    warnings = [rules.vital_sign(code).implausible(value) for code, value in values.items()]
    warnings = [warning for warning in warnings if warning]
    if warnings and not is_sure:
        raise Implausible(*warnings, field="is_sure")
    return [
        record_vital(
            participant=participant,
            test=code,
            value=value,
            unit=rules.vital_sign(code).unit,
            measured_on=measured_on,
            measured_time=measured_time,
            time_point=time_point,
            visit_code=rules.treatment.given_at,
            acknowledged=warnings,
            by=by,
            at=at,
        )
        for code, value in values.items()
    ]
