"""Day 0: the single infusion, from which every follow-up day is counted."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.refusal import Refused
from studytracker.trust.acting import because
from studytracker.trust.versions import checked_reason

from . import decisions, gates, holds
from .doses import cells_in, is_within
from .models import Day0Correction, Infusion, Interruption, Participant
from .product import give, move_given
from .screening import announce


class InfusionRefused(Refused):
    """The infusion cannot be recorded like this."""


@transaction.atomic
def infuse(*, participant, infused_on, start_time, by, at, stop_time=None, volume_ml=None):
    """Record the start of the infusion of the checked dose, and plan the follow-up from it.

    `infused_on`, `start_time` and `stop_time` are site-local. With an end and a volume it is finished at once. Raises
    InfusionRefused with what each closed gate waits for (`participants.gates`).
    """
    participant, started_at = _may_have_started(participant, infused_on, start_time, at)
    if reasons := gates.reasons_against(participant, started_at):
        raise InfusionRefused(*reasons)
    return _record(participant, infused_on, started_at, stop_time, volume_ml, by, at)


@transaction.atomic
def infuse_despite(
    *, participant, infused_on, start_time, reason, impact, action, by, at, stop_time=None, volume_ml=None
):
    """Record an infusion that took place although gates were closed: what happened must stand on record.

    Each closed gate is kept in words with the `reason`, and is a deviation with its `impact` and `action`, classified
    as major and to be reported. What the cap of the protocol, one infusion a participant and the order of consent,
    enrollment and infusion forbid stays refused, and so does an infusion without a dose from a lot.
    """
    participant, started_at = _may_have_started(participant, infused_on, start_time, at)
    if not (closed := gates.closed(participant, started_at)):
        raise InfusionRefused("Every gate is open for this start. Record the infusion in the usual way.")
    if not participant.doses.standing().exists():
        raise InfusionRefused("What was given is not on record. Work the dose out on the dose bench first.")
    despite = {"closed_gates": gates.in_words(closed), "despite_reason": checked_reason(reason)}
    with because(reason):
        made = _record(participant, infused_on, started_at, stop_time, volume_ml, by, at, **despite)
        announce(settings.ON_INFUSED_DESPITE, made, closed, reason, impact, action, by=by, at=at)
    return made


def _may_have_started(participant, infused_on, start_time, at):
    """(the participant, locked, the start as an instant). Raises InfusionRefused."""
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    holds.lock_slots()
    _must_be_ready(participant)
    started_at = _instant(participant, infused_on, start_time)
    _check_start(participant, infused_on, started_at, at)
    return participant, started_at


def _record(participant, infused_on, started_at, stop_time, volume_ml, by, at, **despite):
    dose = participant.doses.standing().select_related("lot").get()
    infusion = Infusion.objects.create(
        participant=participant,
        infused_on=infused_on,
        started_at=started_at,
        weight_kg=dose.weight_kg,
        planned_cells=dose.target_cells,
        dose=dose,
        lot=dose.lot.number,
        recorded_at=at,
        recorded_by=by,
        **despite,
    )
    give(lot=dose.lot, units=dose.units, participant=participant, happened_at=started_at, by=by, at=at)
    announce(settings.ON_INFUSED, infusion, by=by, at=at)
    if stop_time is not None or volume_ml is not None:
        return stop_infusion(infusion=infusion, stop_time=stop_time, volume_ml=volume_ml, by=by, at=at)
    return infusion


@transaction.atomic
def stop_infusion(*, infusion, stop_time, volume_ml, by, at):
    """The end of the infusion with the volume given. Outside the protocol's tolerance a deviation is drafted."""
    infusion = _locked(infusion)
    if infusion.stopped_at:
        raise InfusionRefused("The end of this infusion is recorded already. Nothing was changed.")
    for value, field, words in (
        (stop_time, "stop_time", "Give the end of the infusion."),
        (volume_ml, "volume_ml", "Give the volume infused, in mL."),
    ):
        if value is None:
            raise InfusionRefused(words, field=field)
    stopped_at = _after_start(infusion, stop_time, at, field="stop_time")
    if infusion.interruptions.filter(resumed_at=None).exists():
        raise InfusionRefused("The infusion is interrupted. Record when it was resumed, or that it ended then.")
    dose = infusion.dose
    infusion.stopped_at, infusion.volume_ml = stopped_at, volume_ml
    infusion.delivered_cells = cells_in(volume_ml, dose.cells_per_ml, dose.viability_percent)
    infusion.save(update_fields=["stopped_at", "volume_ml", "delivered_cells"])
    if words := _outside_words(infusion):
        announce(settings.ON_DOSE_OUT_OF_TOLERANCE, infusion, infusion.infused_on, words, by=by, at=at)
    return infusion


@transaction.atomic
def correct_end(*, infusion, reason, by, at, stop_time=None, volume_ml=None):
    """Put the recorded end or volume right; the delivered cells follow. Returns the infusion, whose `doubts` are
    sentences on what somebody has to look at again. Raises InfusionRefused.
    """
    infusion = _locked(infusion)
    if not infusion.stopped_at:
        raise InfusionRefused("The end of this infusion is not recorded yet: there is nothing to correct.")
    if stop_time:
        infusion.stopped_at = _after_start(infusion, stop_time, at, field="stop_time")
        if infusion.interruptions.filter(resumed_at__gt=infusion.stopped_at).exists():
            raise InfusionRefused(
                "The infusion was resumed after that. It cannot have ended before.", field="stop_time"
            )
    infusion.volume_ml = volume_ml or infusion.volume_ml
    dose = infusion.dose
    if dose:
        infusion.delivered_cells = cells_in(infusion.volume_ml, dose.cells_per_ml, dose.viability_percent)
    infusion.doubts = []
    with because(checked_reason(reason)):
        infusion.save(update_fields=["stopped_at", "volume_ml", "delivered_cells"])
        if volume_ml and dose:
            words = _outside_words(infusion)
            announce(settings.ON_DOSE_CORRECTED, infusion, words, infusion.doubts, by=by, at=at)
    return infusion


def _outside_words(infusion):
    """How the delivered cells lie outside the protocol's tolerance; empty where they do not."""
    tolerance = infusion.participant.protocol.product.tolerance_percent
    if is_within(infusion.delivered_cells, infusion.planned_cells, tolerance):
        return ""
    return (
        f"{infusion.delivered_cells:,} of {infusion.planned_cells:,} planned cells were delivered: "
        f"{infusion.delivered_percent} %, outside {100 - tolerance} to {100 + tolerance} %."
    )


@transaction.atomic
def interrupt(*, infusion, began_time, reason, by, at):
    """The infusion stands still from a site-local time on."""
    infusion = _locked(infusion)
    if infusion.stopped_at or infusion.interruptions.filter(resumed_at=None).exists():
        raise InfusionRefused("The infusion is not running. Nothing was changed.")
    began_at = _after_start(infusion, began_time, at, field="began_time")
    return Interruption.objects.create(
        infusion=infusion,
        participant=infusion.participant,
        began_at=began_at,
        reason=reason,
        recorded_at=at,
        recorded_by=by,
    )


@transaction.atomic
def resume(*, infusion, resumed_time, by, at):
    """The infusion goes on."""
    infusion = _locked(infusion)
    standing = infusion.interruptions.filter(resumed_at=None).first()
    if standing is None:
        raise InfusionRefused("The infusion is not interrupted. Nothing was changed.")
    resumed_at = _after_start(infusion, resumed_time, at, field="resumed_time")
    if resumed_at <= standing.began_at:
        raise InfusionRefused("The infusion resumes after it was interrupted. Check the time.", field="resumed_time")
    standing.resumed_at = resumed_at
    standing.save(update_fields=["resumed_at"])
    return standing


def _locked(infusion):
    return (
        Infusion.objects.select_for_update(of=("self",))
        .select_related("participant__site", "dose")
        .get(pk=infusion.pk)
    )


def _after_start(infusion, clock, at, *, field):
    """The first instant after the start at which the site's clock shows `clock`: past midnight it is the next day."""
    participant = infusion.participant
    instant = _instant(participant, infusion.infused_on, clock)
    if instant <= infusion.started_at:
        instant = _instant(participant, infusion.infused_on + timedelta(days=1), clock)
    if instant > at:
        raise InfusionRefused("This time is still to come. Record it once it has happened.", field=field)
    return instant


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
    moved_end = _with_the_day(participant, infusion.stopped_at, infused_on)
    if moved_end and moved_end <= started_at:
        raise InfusionRefused(
            f"The infusion ended at {moved_end.astimezone(participant.site.zone):%H:%M}. It cannot start after that.",
            field="start_time",
        )
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

    The planned cells stay: they were computed from the weight. The custody step "given" goes along. Each gate that was
    open for the recorded start and is closed for the corrected one drafts a deviation; so does the gate between
    participants of whoever was infused since. Returns the Day0Correction; raises InfusionRefused.
    """
    Participant.objects.select_for_update().get(pk=participant.pk)
    participant = Participant.objects.for_listing().get(pk=participant.pk)
    started_at = check_correction(participant=participant, infused_on=infused_on, start_time=start_time, at=at)
    infusion, reason = participant.infused, checked_reason(reason)
    closed_before = {gate.name for gate in gates.closed(participant, infusion.started_at)}
    later = [(one, [gates.between(reasons)]) for one, reasons in decisions.closed_by_moving(participant, infused_on)]
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
        _move(infusion, infused_on, started_at)
        move_given(participant=participant, happened_at=started_at)
        announce(settings.ON_DAY0_CORRECTED, correction, by=by, at=at)
        participant = Participant.objects.for_listing().get(pk=participant.pk)
        closed = [gate for gate in gates.closed(participant, started_at) if gate.name not in closed_before]
        for whose, its_gates in [(participant, closed), *later]:
            announce(settings.ON_GATES_NO_LONGER_OPEN, correction, whose, its_gates, by=by, at=at)
    return correction


def _move(infusion, infused_on, started_at):
    """The corrected start, and the end and the interruptions with it."""
    participant = infusion.participant
    for pause in infusion.interruptions.all():
        pause.began_at = _with_the_day(participant, pause.began_at, infused_on)
        pause.resumed_at = _with_the_day(participant, pause.resumed_at, infused_on)
        pause.save(update_fields=["began_at", "resumed_at"])
    infusion.stopped_at = _with_the_day(participant, infusion.stopped_at, infused_on)
    infusion.infused_on, infusion.started_at = infused_on, started_at
    infusion.save(update_fields=["infused_on", "started_at", "stopped_at"])


def _with_the_day(participant, moment, infused_on):
    """The same time of the site's clock, as many days later as Day 0 moves; None stays None."""
    if moment is None:
        return None
    local = moment.astimezone(participant.site.zone)
    return _instant(participant, local.date() + (infused_on - participant.infused_on), local.time())


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
