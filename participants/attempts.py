"""Screening attempts: consent again after an amendment, and a new screening after one that failed."""

from collections import Counter

from django.db import transaction

from studytracker.dates import day_label

from .models import Consent, Participant
from .screening import ScreeningRefused, check_form, consent_instant, must_be_open, screen


@transaction.atomic
def screen_again(*, participant, screened_on, age, consent_version, consent_on, consent_time, by, at, obtained_by=""):
    """A new screening of somebody whose screening failed: a new identifier, its own anchor, linked to the old one.

    Nothing of the old screening is taken over. Returns the new Participant; raises ScreeningRefused.
    """
    old = Participant.objects.select_for_update().get(pk=participant.pk)
    if not old.screen_failed_at:
        raise ScreeningRefused(f"The screening of {old} has not failed: there is nothing to screen again.")
    later = Participant.objects.filter(rescreens=old).first()
    if later:
        raise ScreeningRefused(f"{old} was screened again as {later} already.")
    if screened_on < old.screen_failed_on:
        raise ScreeningRefused(
            f"The screening of {old} failed on {day_label(old.screen_failed_on)}. The new one cannot be before it.",
            field="screened_on",
        )
    consent = {"consent_version": consent_version, "consent_on": consent_on, "consent_time": consent_time}
    return screen(
        site=old.site_id,
        screened_on=screened_on,
        age=age,
        sex=old.sex,
        obtained_by=obtained_by,
        rescreens=old,
        by=by,
        at=at,
        **consent,
    )


@transaction.atomic
def consent_again(*, participant, consent_version, consent_on, consent_time, by, at, obtained_by=""):
    """Record that a newer form was signed (21 CFR 50.25(b)(5)). Returns the Consent; raises ScreeningRefused."""
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    must_be_open(participant)
    signed_at = consent_instant(participant.site, consent_on, consent_time)
    if signed_at > at:
        raise ScreeningRefused(
            "The consent cannot be signed in the future. Check its date and time.", field="consent_on"
        )
    check_form(participant.protocol, participant.site, consent_version, consent_on)
    if participant.consents.filter(form_version=consent_version).exists():
        raise ScreeningRefused(f"{participant} signed form {consent_version} already.", field="consent_version")
    first = participant.consents.first()
    if first and signed_at < first.signed_at:
        raise ScreeningRefused(
            f"The first consent was signed on {day_label(first.signed_on)}. A later form is signed after it.",
            field="consent_on",
        )
    return Consent.objects.create(
        participant=participant,
        form_version=consent_version,
        signed_on=consent_on,
        signed_at=signed_at,
        obtained_by=obtained_by,
        recorded_at=at,
        recorded_by=by,
    )


def reasons_by_site(failures) -> list[dict]:
    """How often each criterion failed a screening, by site, most often first. One participant may fail by several."""
    counts = Counter()
    for participant in failures:
        for criterion in participant.screen_failed_criteria.split() or ["other"]:
            counts[participant.site_id, criterion] += 1
    return [
        {"site": site, "criterion": criterion, "participants": count}
        for (site, criterion), count in sorted(counts.items(), key=lambda each: (each[0][0], -each[1], each[0][1]))
    ]
