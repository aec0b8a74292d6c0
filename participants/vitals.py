"""Recording vital signs."""

from django.db import transaction

from studytracker import protocol
from studytracker.dates import ImpossibleTime, local_instant

from .facts import FactRefused, about, confirmed, refuse_future
from .models import VitalSign


@transaction.atomic
def record_vital(
    *,
    participant,
    test,
    measured_on,
    value,
    unit,
    by,
    at,
    measured_time=None,
    measured_at=None,
    time_point="",
    visit_code="",
    source="",
    acknowledged=(),
):
    """Record one measurement of the protocol's vital sign `test`: `value` is a Decimal in `unit`. `measured_time` is
    site-local; an instant may be given instead as `measured_at`. Raises FactRefused, and Implausible for a warning
    that is not among the `acknowledged`.
    """
    planned = _planned(participant.protocol, test)
    if unit not in planned.units:
        raise FactRefused(
            f'{planned.name} is not read in "{unit}". It is read in: {", ".join(planned.units)}.', field="unit"
        )
    if measured_time is not None:
        measured_at = _instant(participant, measured_on, measured_time)
    refuse_future(participant, measured_on, at, field="measured_on")
    if measured_at and measured_at > at:
        raise FactRefused("The measurement cannot be in the future. Check its time.", field="measured_time")
    standard = planned.standard(value, unit)
    warnings = confirmed([planned.implausible(standard)], acknowledged, field="value")
    return VitalSign.objects.create(
        test=test,
        measured_on=measured_on,
        measured_at=measured_at,
        time_point=time_point,
        value=value,
        unit=unit,
        standard_value=standard,
        standard_unit=planned.unit,
        **about(participant, visit_code=visit_code, source=source, warnings=warnings, by=by, at=at),
    )


def _planned(rules, test):
    try:
        return rules.vital_sign(test)
    except protocol.UnknownCode as unknown:
        raise FactRefused(str(unknown), field="test") from None


def _instant(participant, on, time):
    try:
        return local_instant(on, time, participant.site.zone)
    except ImpossibleTime as error:
        raise FactRefused(str(error), field="measured_time") from None


def weights_of(participant):
    """Every weight that stands. One query."""
    return list(VitalSign.objects.of(participant).filter(test="WEIGHT"))


def weight_on(participant, on):
    """The last weight on or before the day, as a VitalSign, or None."""
    weights = VitalSign.objects.of(participant).filter(test="WEIGHT", measured_on__lte=on)
    return weights.order_by("-measured_on", "-measured_at", "-pk").first()
