"""Day 0: the single infusion, from which every follow-up day is counted."""

from decimal import ROUND_HALF_UP, Decimal

from django.conf import settings
from django.db import transaction

from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.refusal import Refused

from .models import Infusion, Participant
from .screening import announce


class InfusionRefused(Refused):
    """The infusion cannot be recorded like this."""


def planned_cells(weight_kg: Decimal, dose_per_kg: int) -> int:
    """Cells for a body weight in kg: weight times the protocol's dose, to whole cells."""
    return int((weight_kg * dose_per_kg).to_integral_value(ROUND_HALF_UP))


@transaction.atomic
def infuse(*, participant, infused_on, start_time, weight_kg, lot, volume_ml, by, at):
    """Record the infusion and plan the follow-up from it. `infused_on` and `start_time` are site-local.

    Raises InfusionRefused. Never before consent (21 CFR 50.20), nor before the enrollment.
    """
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    _must_be_ready(participant)
    try:
        started_at = local_instant(infused_on, start_time, participant.site.zone)
    except ImpossibleTime as error:
        raise InfusionRefused(str(error), field="start_time") from None
    _check_start(participant, infused_on, started_at, at)
    infusion = Infusion.objects.create(
        participant=participant,
        infused_on=infused_on,
        started_at=started_at,
        weight_kg=weight_kg,
        planned_cells=planned_cells(weight_kg, participant.protocol.treatment.dose_per_kg),
        lot=lot,
        volume_ml=volume_ml,
        recorded_at=at,
        recorded_by=by,
    )
    announce(settings.ON_INFUSED, infusion, by=by, at=at)
    return infusion


def _must_be_ready(participant):
    if not participant.is_open:
        raise InfusionRefused(f"{participant} is closed: {participant.stage.lower()}. No infusion can be recorded.")
    if not participant.enrolled:
        raise InfusionRefused(
            f"{participant} is not enrolled. An investigator confirms eligibility and enrolls first."
        )
    if participant.infused:
        raise InfusionRefused(f"{participant} had the single infusion on {day_label(participant.infused_on)} already.")


def _check_start(participant, infused_on, started_at, at):
    if started_at > at:
        raise InfusionRefused(
            f"{day_label(infused_on)} at this time is in the future. Record the infusion once it has started.",
            field="infused_on",
        )
    consent = participant.consents.first()
    if consent is None or started_at < consent.signed_at:
        signed = f"on {day_label(consent.signed_on)}" if consent else "yet"
        raise InfusionRefused(
            f"No infusion before consent: {participant} signed {'' if consent else 'nothing '}{signed}. "
            "Check the date.",
            field="infused_on",
        )
    if infused_on < participant.enrolled.enrolled_on:
        raise InfusionRefused(
            f"{participant} was enrolled on {day_label(participant.enrolled.enrolled_on)}. "
            "The infusion cannot be before that day.",
            field="infused_on",
        )
