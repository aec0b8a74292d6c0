"""Departures from the protocol: drafted with their cause, completed, classified, closed; voided, never deleted."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.module_loading import import_string

from participants.models import Participant
from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.refusal import Refused
from studytracker.trust.acting import because, current

from .models import CLASSIFIED, COMPLETED, DRAFTED, VOIDED, Deviation

# Codes of the protocol's deviation categories that the visits draft themselves.
OUT_OF_WINDOW, MISSED, LATE_ENTRY = "visit_out_of_window", "visit_missed", "late_entry"
PROCEDURE, PROCEDURE_BEFORE = "procedure_missed", "procedure_before_infusion_missed"
DOSE = "dosing_or_storage"


class DeviationRefused(Refused):
    """This cannot be done with the deviation now."""


def draft(visit, category, happened_on, description, *, by, at):
    """A deviation the system noticed itself. Call it in the transaction of its cause."""
    return _create(visit.participant, category, happened_on, description, visit=visit, by=by, at=at)


def draft_dose(infusion, happened_on, description, *, by, at):
    """A dose outside its tolerance. `description` says planned, given and by how much. One while it is not voided."""
    visit = infusion.participant.visits.filter(attended_on=infusion.infused_on, unplanned="").last()
    if visit and visit.deviations.filter(category=DOSE, voided_at=None).exists():
        return None
    return _create(infusion.participant, DOSE, happened_on, description, visit=visit, by=by, at=at)


def renew(visit, category, description, *, by, at):
    """What the system drafted of this kind at a visit whose facts are corrected; `description` is empty where nothing
    departs any more. Call it in the transaction of the correction, with its reason in force.

    A draft is voided and, where there still is a cause, drafted anew. What a person has completed stays as it was
    judged. Returns those, for somebody to look at again.
    """
    standing = list(visit.deviations.filter(category=category, voided_at=None).select_related("participant"))
    if any((each.description, each.happened_on) == (description, visit.attended_on) for each in standing):
        return []  # it says what it said
    judged = [each for each in standing if each.stage != DRAFTED]
    for drafted in standing:
        if drafted.stage == DRAFTED:
            void(deviation=drafted, reason=current().reason[:500], by=by, at=at)
    if description and not judged:
        draft(visit, category, visit.attended_on, description, by=by, at=at)
    return judged


@transaction.atomic
def record_closed_gates(infusion, gates, reason, impact, action, *, by, at):
    """An infusion although gates were closed: a deviation for each, completed, major and to be reported to the IRB.

    Of no visit: a dose outside its tolerance at the visit of the infusion is another deviation.
    """
    for gate in gates:
        words = f"Infused while the gate “{gate.name}” was closed: {' '.join(gate.reasons)} Why: {reason}"
        made = _create(
            infusion.participant, gate.category, infusion.infused_on, words[:2000], visit=None, by=by, at=at
        )
        complete(deviation=made, impact=impact, action=action, by=by, at=at)
        classify(deviation=made, severity="major", is_reportable=True, by=by, at=at)


def draft_closed_gates(correction, participant, gates, *, by, at):
    """A corrected Day 0 shows that gates were closed at the true start, of this participant or of one infused since:
    a draft for each, for somebody to look at.
    """
    own = participant.pk == correction.infusion.participant_id
    start = "At the corrected start of the infusion" if own else "With a corrected Day 0 of somebody infused before,"
    for gate in gates:
        words = f"{start} the gate “{gate.name}” was closed: {' '.join(gate.reasons)}"
        _create(participant, gate.category, participant.infused_on, words[:2000], visit=None, by=by, at=at)


@transaction.atomic
def report(*, participant, category, happened_on, description, by, at):
    """A deviation that a person noticed. Raises DeviationRefused."""
    today = participant.site.today(at)
    if happened_on > today:
        raise DeviationRefused(
            f"{day_label(happened_on)} is in the future: today is {day_label(today)} at {participant.site_id}.",
            field="happened_on",
        )
    return _create(participant, category, happened_on, description, visit=None, by=by, at=at)


@transaction.atomic
def draft_of_trial(*, site, category, happened_on, description, by, at):
    """A deviation about no participant, such as a report of the sponsor that came late, in the log of `site`."""
    # Serialises the numbering within the site.
    site = Site.objects.select_for_update().get(pk=site.pk)
    numbered = Deviation.objects.filter(participant=None, site=site)
    return _draft(numbered, category, happened_on, description, participant=None, site=site, by=by, at=at)


def _create(participant, category, happened_on, description, *, visit, by, at):
    # Serialises the numbering within the participant.
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    about = {"participant": participant, "site": participant.site, "visit": visit}
    return _draft(participant.deviations, category, happened_on, description, **about, by=by, at=at)


def _draft(numbered, category, happened_on, description, *, site, by, at, **about):
    """The next number among those `numbered` together."""
    last = numbered.aggregate(last=Max("number"))["last"] or 0
    return Deviation.objects.create(
        **about,
        site=site,
        number=last + 1,
        category=category,
        happened_on=happened_on,
        found_on=site.today(at),
        description=description,
        drafted_at=at,
        drafted_by=by,
    )


@transaction.atomic
def complete(*, deviation, impact, action, by, at, reason=""):
    """The coordinator says what it meant and what was done. May be said again, with a `reason`, until classified."""
    deviation = _at_stage(deviation, DRAFTED, COMPLETED)
    deviation.impact, deviation.action = impact, action
    deviation.completed_at, deviation.completed_by = at, by
    with because(reason):
        deviation.save(update_fields=["impact", "action", "completed_at", "completed_by"])
    return deviation


@transaction.atomic
def classify(*, deviation, severity, is_reportable, by, at, reason=""):
    """The investigator judges: minor or major, and whether the IRB is told. Again, with a `reason`, until closed."""
    deviation = _at_stage(deviation, COMPLETED, CLASSIFIED)
    if deviation.is_always_reportable and not is_reportable:
        raise DeviationRefused(
            f"The IRB of {deviation.site_id} has every deviation of the kind “{deviation.category_words}” reported, "
            "whatever the investigator thinks. Answer yes, or void it if it was none.",
            field="is_reportable",
        )
    deviation.severity, deviation.is_reportable = severity, is_reportable
    deviation.classified_at, deviation.classified_by = at, by
    with because(reason):
        deviation.save(update_fields=["severity", "is_reportable", "classified_at", "classified_by"])
    return deviation


@transaction.atomic
def close(*, deviation, closed_on, reported_on, by, at):
    """Nothing is left to do: the action is taken, and the report made where one is due."""
    deviation = _at_stage(deviation, CLASSIFIED)
    if deviation.is_reportable and not reported_on:
        raise DeviationRefused(f"{deviation} is reportable: give the day the IRB was told.", field="reported_on")
    if reported_on and not deviation.is_reportable:
        raise DeviationRefused(
            f"{deviation} is classified as not reportable. Leave the day empty, or have it classified anew.",
            field="reported_on",
        )
    for name, day in (("closed_on", closed_on), ("reported_on", reported_on)):
        _check_day(deviation, name, day, at)
    deviation.closed_on, deviation.reported_on = closed_on, reported_on
    deviation.closed_at, deviation.closed_by = at, by
    deviation.save(update_fields=["closed_on", "reported_on", "closed_at", "closed_by"])
    for path in settings.ON_DEVIATION_CLOSED:
        import_string(path)(deviation, by=by, at=at)
    return deviation


@transaction.atomic
def void(*, deviation, reason, by, at):
    """It was none. The row and the reason stay."""
    deviation = _at_stage(deviation, DRAFTED, COMPLETED, CLASSIFIED)
    deviation.voided_at, deviation.voided_by, deviation.voided_reason = at, by, reason
    with because(reason):
        deviation.save(update_fields=["voided_at", "voided_by", "voided_reason"])
    return deviation


@transaction.atomic
def restore(*, deviation, reason, by, at):
    """It was one after all: it stands again, at the stage where it was."""
    deviation = _at_stage(deviation, VOIDED)
    deviation.voided_at, deviation.voided_by, deviation.voided_reason = None, None, ""
    try:
        with because(reason), transaction.atomic():
            deviation.save(update_fields=["voided_at", "voided_by", "voided_reason"])
    except IntegrityError:
        words = f"Another deviation of this kind stands for the visit. Void that one before {deviation} stands again."
        raise DeviationRefused(words) from None
    return deviation


def _check_day(deviation, name, day, at):
    today = deviation.site.today(at)
    if day and not deviation.found_on <= day <= today:
        raise DeviationRefused(
            f"{day_label(day)} is not between the day it was found, {day_label(deviation.found_on)}, "
            f"and today, {day_label(today)}.",
            field=name,
        )


WAITS_FOR = {
    DRAFTED: "is not completed yet: say its impact and the action first",
    COMPLETED: "is not classified yet: an investigator does that first",
    CLASSIFIED: "is classified already",
}


def _at_stage(deviation, *stages):
    deviation = Deviation.objects.select_for_update(of=("self",)).select_related("participant").get(pk=deviation.pk)
    if deviation.stage not in stages:
        words = WAITS_FOR.get(deviation.stage, f"is {deviation.stage.lower()}")
        raise DeviationRefused(f"{deviation} {words}. Nothing was changed.")
    return deviation
