"""What an event may not say: what contradicts itself, the participant's record or the calendar is refused."""

from studytracker.dates import day_label
from studytracker.protocol import UnknownCode
from studytracker.refusal import Refused

from .models import SERIOUSNESS

# Codes of the protocol's outcome vocabulary (CDISC OUT).
FATAL, RECOVERED = "fatal", ("recovered", "recovered_with_sequelae")
# Field of the event: the vocabulary its codes come from.
VOCABULARIES = {
    "causality": "causality",
    "sponsor_causality": "causality",
    "expectedness": "expectedness",
    "nature": "event_nature",
    "special_interest": "special_interest",
    "outcome": "outcome",
    "action_taken": "action_taken",
}


class EventRefused(Refused):
    """The event contradicts itself or the participant's record."""


def check(event, at):
    """Raises EventRefused at the first contradiction that cannot be true."""
    _check_terms(event)
    _check_days(event, at)
    _check_instants(event, at)
    _check_death(event)


def _check_terms(event):
    """Codes come from the protocol version the participant is under."""
    for name, vocabulary in VOCABULARIES.items():
        code = getattr(event, name)
        try:
            code and event.participant.protocol.label(vocabulary, code)
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


def _check_instants(event, at):
    """Nobody knows of an event before it can have begun, or after now."""
    for name, words in (("aware_at", "The site"), ("sponsor_received_at", "The sponsor")):
        known = getattr(event, name)
        if known and known > at:
            raise EventRefused(f"{words} cannot have learned of it in the future.", field=name)
        if known and known.astimezone(event.participant.site.zone).date() < event.started.earliest:
            raise EventRefused(f"{words} cannot have learned of it before the onset {event.started}.", field=name)
