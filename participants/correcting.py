"""Correcting who takes part and what was consented to. What it was stays in the record; what is computed from it (age
and sex in the criteria, the screening day in the windows) follows, and a signature over it becomes stale by itself.
"""

from django.conf import settings
from django.db import transaction

from studytracker.dates import day_label
from studytracker.protocol.approving import version_at
from studytracker.trust.acting import because
from studytracker.trust.versions import checked_reason

from .models import Consent, Participant
from .screening import ScreeningRefused, announce, assessment, check_form, check_term, consent_instant


@transaction.atomic
def correct_participant(*, participant, reason, by, at, **facts):
    """Replace the age, the sex or the day of the screening visit. Raises ScreeningRefused.

    Returns the participant; its `doubts` are sentences on what somebody has to look at again.
    """
    participant = _locked(participant)
    before = participant.screened_on
    for name, value in facts.items():
        setattr(participant, name, value)
    check_term(participant.protocol, "sex", participant.sex, field="sex")
    if "screened_on" in facts:
        _check_screening_day(participant, at)
    doubts = []
    with because(checked_reason(reason)):
        participant.save(update_fields=[*facts])
        if participant.screened_on != before:
            announce(settings.ON_SCREENING_DAY_CORRECTED, participant, doubts, by=by, at=at)
    if "sex" in facts and participant.labresults.standing().exists():
        doubts.append("Laboratory results recorded so far keep the ranges of the other sex. Look at each of them.")
    participant.doubts = doubts + _against_eligibility(participant, at)
    return participant


def _locked(participant):
    Participant.objects.select_for_update(no_key=True).get(pk=participant.pk)
    return Participant.objects.for_listing().select_related("site", "rescreens").get(pk=participant.pk)


def _check_screening_day(participant, at):
    day, today = participant.screened_on, participant.site.today(at)
    consent = participant.consents.first()
    if day > today:
        raise _wrong_day(f"{day_label(day)} is in the future: today is {day_label(today)}.")
    if consent and day < consent.signed_on:
        raise _wrong_day(
            f"Consent was signed on {day_label(consent.signed_on)}. Consent comes before any study procedure: check "
            "both dates."
        )
    failed_before = participant.rescreens and participant.rescreens.screen_failed_on
    if failed_before and day < failed_before:
        raise _wrong_day(f"The screening before this one failed on {day_label(failed_before)}.")
    for what, later in (
        ("screening failed", participant.screen_failed_on),
        ("participant was enrolled", participant.enrolled and participant.enrolled.enrolled_on),
        ("infusion was", participant.infused_on),
        ("participant left the study", participant.withdrawn_on),
    ):
        if later and day > later:
            raise _wrong_day(f"The {what} on {day_label(later)}. The screening visit cannot be after that.")


def _wrong_day(words):
    return ScreeningRefused(words, field="screened_on")


def _against_eligibility(participant, at) -> list[str]:
    """What the criteria say now of somebody who was enrolled on what was recorded before."""
    if not participant.enrolled:
        return []
    failed = assessment(participant, participant.site.today(at)).failed
    words = f"By what is recorded now {participant} does not meet {', '.join(failed)}. " if failed else ""
    return [f"{words}The eligibility was signed on what was recorded before: an investigator looks at it again."]


@transaction.atomic
def correct_consent(*, consent, reason, by, at, signed_on=None, signed_time=None, **facts):
    """Replace the form's version, the day and the time (of the site) of signing, or who obtained it. Returns the
    Consent; raises ScreeningRefused.
    """
    participant = _locked(consent.participant)
    consent = Consent.objects.select_for_update().get(pk=consent.pk)
    consent.participant = participant
    for name, value in facts.items():
        setattr(consent, name, value)
    local = consent.signed_at.astimezone(participant.site.zone)
    consent.signed_on = signed_on or consent.signed_on
    consent.signed_at = consent_instant(participant.site, consent.signed_on, signed_time or local.time())
    _check_consent(consent, at)
    with because(checked_reason(reason)):
        consent.save(update_fields=["form_version", "signed_on", "signed_at", "obtained_by"])
    consent.doubts = _against_eligibility(participant, at)
    return consent


def _check_consent(consent, at):
    participant, signed = consent.participant, consent.signed_at
    others = list(participant.consents.exclude(pk=consent.pk))
    if signed > at:
        raise ScreeningRefused(
            "The consent cannot be signed in the future. Check its date and time.", field="signed_on"
        )
    if any(each.form_version == consent.form_version for each in others):
        words = f"{participant} signed form {consent.form_version} already, in another entry."
        raise ScreeningRefused(words, field="form_version")
    first = min([*others, consent], key=lambda each: each.signed_at)
    if first.signed_on > participant.screened_on:
        raise ScreeningRefused(
            f"The screening visit was on {day_label(participant.screened_on)}. Consent comes before any study "
            "procedure: check both dates.",
            field="signed_on",
        )
    if participant.infused and first.signed_at >= participant.infused.started_at:
        raise ScreeningRefused("The infusion started before that. Check the date and the time.", field="signed_on")
    rules = version_at(participant.site_id, consent.signed_on) if first is consent else participant.protocol
    try:
        check_form(rules, participant.site, consent.form_version, consent.signed_on)
    except ScreeningRefused as refusal:
        raise ScreeningRefused(*refusal.sentences, field="form_version") from None
