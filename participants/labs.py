"""Recording laboratory results, with the limits of the laboratory as they are on that day."""

from decimal import Decimal

from django.db import transaction

from studytracker import protocol
from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.protocol.models import Site

from .facts import FactRefused, Implausible, about, confirmed, partial, refuse_future
from .models import LabResult, SiteLabRange
from .models.labs import COMPARATORS


@transaction.atomic
def record_lab(
    *,
    participant,
    test,
    collected,
    by,
    at,
    value=None,
    unit="",
    comparator="",
    result="",
    collected_time=None,
    low=None,
    high=None,
    laboratory="",
    method="",
    visit_code="",
    source="",
    acknowledged=(),
):
    """Record one result of the protocol's test `test`. `collected` is a date or PartialDate, `value` a Decimal in
    `unit`, `result` a word the protocol lists. `low` and `high`, in `unit`, are another laboratory's limits; without
    them those of the site's range in force on the day are stamped.

    `acknowledged` are the warnings the person confirmed. Raises FactRefused, and Implausible for a warning that
    nobody confirmed.
    """
    planned = _planned(participant.protocol, test)
    collected = partial(collected)
    refuse_future(participant, collected, at, field="collected")
    _check_result(planned, value, unit, comparator, result)
    standard = None if value is None else planned.standard(value, unit)
    warnings = [planned.implausible(standard)] if standard is not None else []
    warnings = confirmed(warnings, acknowledged, field="value")
    low, high = _limits(participant, planned, collected, unit, low, high)
    taken = {"test": test, "collected": collected, "collected_at": _instant(participant, collected, collected_time)}
    reported = {"comparator": comparator, "value": value, "unit": unit, "result": result}
    judged = {"standard_value": standard, "standard_unit": planned.unit or "", "low": low, "high": high}
    shared = about(participant, visit_code=visit_code, source=source, warnings=warnings, by=by, at=at)
    return LabResult.objects.create(**taken, **reported, **judged, **shared, laboratory=laboratory, method=method)


@transaction.atomic
def record_panel(*, participant, results, by, at, **shared):
    """Record the results of one report together: all of them, or none. `results` are the arguments of `record_lab`
    that differ. Raises Implausible with every warning at once.
    """
    made, asked = [], []
    for result in results:
        try:
            made.append(record_lab(participant=participant, by=by, at=at, **shared, **result))
        except Implausible as warned:
            asked += warned.warnings
    if asked:
        raise Implausible(*asked)
    return made


def _planned(rules, test):
    try:
        return rules.lab_test(test)
    except protocol.UnknownCode as unknown:
        raise FactRefused(str(unknown), field="test") from None


def _check_result(planned, value, unit, comparator, result):
    if comparator not in dict(COMPARATORS):
        raise FactRefused(f'"{comparator}" is no sign before a value. Use <, <=, > or >=.', field="comparator")
    if result and result not in planned.results:
        known = ", ".join(planned.results) or "none: it is a number"
        raise FactRefused(f'{planned.name} has no result "{result}". It has: {known}.', field="result")
    if value is None and not result:
        raise FactRefused(f"Give the value or the result of {planned.name}.", field="value")
    if value is None:
        return
    if planned.kind == "result":
        raise FactRefused(f"{planned.name} is reported in words: choose the result.", field="value")
    if value < 0:
        raise FactRefused(f"{planned.name} cannot be below 0. Check what was typed.", field="value")
    _check_unit(planned, unit)


def _check_unit(planned, unit):
    if unit not in (planned.units or ("",)):
        units = ", ".join(planned.units) or "no unit"
        raise FactRefused(f'{planned.name} is not read in "{unit}". It is read in: {units}.', field="unit")


def _limits(participant, planned, collected, unit, low, high):
    """Lower and upper limit in the protocol's unit, each None where there is none."""
    if low is None and high is None:
        on = collected.latest
        found = SiteLabRange.objects.in_force(site=participant.site_id, test=planned.code, sex=participant.sex, on=on)
        if found is None:
            return None, None
        low, high, unit = found.low, found.high, found.unit
    return tuple(None if limit is None else planned.standard(Decimal(limit), unit) for limit in (low, high))


def _instant(participant, collected, time):
    if time is None:
        return None
    if not collected.is_full:
        raise FactRefused("A time needs the day it belongs to.", field="collected_time")
    try:
        return local_instant(collected.earliest, time, participant.site.zone)
    except ImpossibleTime as error:
        raise FactRefused(str(error), field="collected_time") from None


@transaction.atomic
def record_range(*, site, test, low, high, unit, starts_on, by, at, sex="", ends_on=None):
    """Put a site's normal limits on file from a day on. Results recorded earlier keep the limits they were given."""
    planned = _planned(protocol.current(), test)
    _check_unit(planned, unit)
    site = Site.objects.select_for_update(no_key=True).get(pk=getattr(site, "pk", site))
    if low is None and high is None:
        raise FactRefused("Give the lower limit, the upper limit, or both.", field="high")
    if low is not None and high is not None and high < low:
        raise FactRefused("The upper limit cannot be below the lower one.", field="high")
    if ends_on and ends_on < starts_on:
        raise FactRefused("The range cannot end before it starts.", field="ends_on")
    facts = {"site": site, "test": test, "sex": sex, "starts_on": starts_on}
    if SiteLabRange.objects.standing().filter(**facts).exists():
        raise FactRefused(
            f"A range of {planned.name} from {day_label(starts_on)} is on file at {site}. Void it first.",
            field="starts_on",
        )
    return SiteLabRange.objects.create(
        **facts, low=low, high=high, unit=unit, ends_on=ends_on, recorded_at=at, recorded_by=by
    )
