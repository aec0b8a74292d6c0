"""Logging an adverse event."""

from django.db import transaction
from django.db.models import Max

from participants.models import Participant
from studytracker.dates import day_label
from studytracker.protocol import UnknownCode
from studytracker.refusal import Refused

from .models import SERIOUSNESS, AdverseEvent


class EventRefused(Refused):
    """The event contradicts itself or the participant's record."""


# Codes of the protocol's outcome vocabulary (CDISC OUT).
FATAL, RECOVERED = "fatal", ("recovered", "recovered_with_sequelae")


@transaction.atomic
def report(*, participant, by, at, **facts):
    """Log an adverse event of `participant`; `facts` are fields of AdverseEvent. Raises EventRefused.

    Required are `term` and `started`. Hard contradictions are refused, everything else may follow later.
    """
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    event = AdverseEvent(
        participant=participant,
        site_id=participant.site_id,
        number=(participant.adverse_events.aggregate(last=Max("number"))["last"] or 0) + 1,
        protocol_version=participant.protocol_version,
        ctcae_version=participant.protocol.ctcae.version,
        reported_at=at,
        reported_by=by,
        **facts,
    )
    _check_terms(event)
    _check_days(event, at)
    _check_death(event)
    event.save()
    return event


@transaction.atomic
def complete(*, event, by, at, **facts):
    """Fill in what was open: an end date, grade, causality, action or outcome. Raises EventRefused.

    What is recorded stays: an answer once given is not replaced here.
    """
    event = AdverseEvent.objects.select_for_update(of=("self",)).select_related("participant").get(pk=event.pk)
    given = {name: value for name, value in facts.items() if value not in (None, "")}
    if not given:
        raise EventRefused("Nothing was filled in, so nothing was saved.")
    for name, value in given.items():
        if name not in event.completable:
            raise EventRefused("This was answered already, and what is recorded stays as it is.", field=name)
        setattr(event, name, value)
    event.is_ongoing = event.is_ongoing and event.ended is None
    event.completed_at, event.completed_by = at, by
    _check_terms(event)
    _check_days(event, at)
    _check_death(event)
    event.save(update_fields=[*given, "is_ongoing", "completed_at", "completed_by"])
    return event


def _check_terms(event):
    """Codes come from the protocol version the participant is under."""
    for name in ("causality", "outcome", "action_taken"):
        code = getattr(event, name)
        try:
            code and event.participant.protocol.label(name, code)
        except UnknownCode as unknown:
            raise EventRefused(str(unknown), field=name) from None


def _check_days(event, at):
    today = event.participant.site.today(at)
    for field, value in (("started", event.started), ("ended", event.ended)):
        if value and value.earliest > today:
            raise EventRefused(
                f"{value} is in the future: today is {day_label(today)} at {event.site_id}.", field=field
            )
    consent = event.participant.consents.first()
    if event.started.latest < consent.signed_on:
        raise EventRefused(
            f"{event.started} is before the consent on {day_label(consent.signed_on)}: "
            "what began before belongs to the medical history.",
            field="started",
        )
    if event.ended and event.ended.latest < event.started.earliest:
        raise EventRefused(f"The end {event.ended} is before the onset {event.started}.", field="ended")
    if event.ended and event.is_ongoing:
        raise EventRefused("An ongoing event has no end date: remove one of the two.", field="ended")
    if event.outcome in RECOVERED and event.is_ongoing:
        raise EventRefused(
            "A resolved event has ended: give the end (as far as known) and untick ongoing.", field="ended"
        )


def _check_death(event):
    """Grade 5, the outcome fatal and the criterion death imply one another (CTCAE; CDISC OUT). Blank is no answer."""
    death = SERIOUSNESS[0][1].lower()
    if event.is_fatal:
        if event.grade not in (None, 5):
            raise EventRefused(f'"{death}" is ticked, so the grade is 5, not {event.grade}.', field="grade")
        if event.outcome not in ("", FATAL):
            raise EventRefused(f'"{death}" is ticked, so the outcome is fatal.', field="outcome")
    elif event.grade == 5:
        raise EventRefused(f'Grade 5 is death: tick "{death}" too, or correct the grade.', field="grade")
    elif event.outcome == FATAL:
        raise EventRefused(f'The outcome is fatal: tick "{death}" too, or correct the outcome.', field="outcome")
