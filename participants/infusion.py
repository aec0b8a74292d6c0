"""Day 0: the single infusion, from which every follow-up day is counted."""

from decimal import ROUND_HALF_UP, Decimal

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.protocol.models import Slot
from studytracker.refusal import Refused
from studytracker.trust.acting import because
from studytracker.trust.versions import checked_reason

from . import holds
from .models import Day0Correction, Infusion, Participant
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
    started_at = _instant(participant, infused_on, start_time)
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


def check_correction(*, participant, infused_on, start_time, at):
    """The corrected start as an instant. Raises InfusionRefused where Day 0 cannot be that day. Changes nothing."""
    infusion = participant.infused
    if infusion is None:
        raise InfusionRefused(f"{participant} has no infusion yet. Record it instead of correcting it.")
    started_at = _instant(participant, infused_on, start_time)
    if started_at == infusion.started_at:
        raise InfusionRefused(
            f"{day_label(infused_on)} at this time is what is recorded already. Nothing was changed.",
            field="infused_on",
        )
    _check_start(participant, infused_on, started_at, at)
    if participant.withdrawn_on and infused_on > participant.withdrawn_on:
        raise InfusionRefused(
            f"{participant} left the study on {day_label(participant.withdrawn_on)}. "
            "The infusion cannot be after that day.",
            field="infused_on",
        )
    for path in settings.DAY0_CHECKS:
        for sentence in import_string(path)(participant, infused_on):
            raise InfusionRefused(sentence, field="infused_on")
    return started_at


@transaction.atomic
def correct_day0(*, participant, infused_on, start_time, reason, by, at):
    """Put a wrongly recorded start of the infusion right, and re-plan from it what has not happened yet.

    The planned cells stay: they were computed from the weight. Returns the Day0Correction; raises InfusionRefused.
    """
    Participant.objects.select_for_update().get(pk=participant.pk)
    participant = Participant.objects.for_listing().get(pk=participant.pk)
    started_at = check_correction(participant=participant, infused_on=infused_on, start_time=start_time, at=at)
    infusion, reason = participant.infused, checked_reason(reason)
    with because(reason):
        correction = Day0Correction.objects.create(
            infusion=infusion,
            from_on=infusion.infused_on,
            to_on=infused_on,
            from_started_at=infusion.started_at,
            to_started_at=started_at,
            reason=reason,
            corrected_at=at,
            corrected_by=by,
        )
        infusion.infused_on, infusion.started_at = infused_on, started_at
        infusion.save(update_fields=["infused_on", "started_at"])
        announce(settings.ON_DAY0_CORRECTED, correction, by=by, at=at)
    return correction


def _instant(participant, on, start_time):
    try:
        return local_instant(on, start_time, participant.site.zone)
    except ImpossibleTime as error:
        raise InfusionRefused(str(error), field="start_time") from None


def _must_be_ready(participant):
    if not participant.is_open:
        raise InfusionRefused(f"{participant} is closed: {participant.stage.lower()}. No infusion can be recorded.")
    if not participant.enrolled:
        raise InfusionRefused(
            f"{participant} is not enrolled. An investigator confirms eligibility and enrolls first."
        )
    if participant.infused:
        raise InfusionRefused(f"{participant} had the single infusion on {day_label(participant.infused_on)} already.")
    # Opening a hold locks every slot: an infusion that commits after it has seen it.
    Slot.objects.select_for_update(no_key=True).get(pk=participant.enrolled.slot_id)
    if on_hold := holds.reasons_against(participant.site_id):
        raise InfusionRefused(*on_hold)


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
