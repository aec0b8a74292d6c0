"""What an event may not say: what contradicts itself, the participant's record or the calendar is refused."""

from studytracker.dates import day_label
from studytracker.protocol import UnknownCode
from studytracker.protocol.safety import NONE_OF_THESE
from studytracker.refusal import Refused

from . import dictionary

# Codes of the protocol's outcome vocabulary (CDISC OUT).
RECOVERED = ("recovered", "recovered_with_sequelae")
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
    _check_times(event)
    _check_instants(event, at)
    _check_grade(event)
    if event.related_to_text and not event.is_related_to_other:
        raise EventRefused(
            "Something else is named that it is related to: answer yes there, or leave the name empty.",
            field="related_to_text",
        )


def _check_terms(event):
    """Codes come from the protocol version the participant is under."""
    for name, vocabulary in VOCABULARIES.items():
        code = getattr(event, name)
        if (name, code) == ("special_interest", NONE_OF_THESE):
            continue
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


def _check_times(event):
    """A time of day belongs to a whole date, and an event does not end before it begins."""
    for day, clock, words in (("started", "started_time", "onset"), ("ended", "ended_time", "end")):
        known = getattr(event, day)
        if getattr(event, clock) is not None and not (known and known.is_full):
            raise EventRefused(f"A time needs the whole date of the {words}: give the day, or no time.", field=clock)
    times = (event.started_time, event.ended_time)
    if None not in times and event.started == event.ended and times[1] < times[0]:
        raise EventRefused(f"The end at {times[1]:%H:%M} is before the onset at {times[0]:%H:%M}.", field="ended_time")


def _check_grade(event):
    """A term has a set of grades; where the dictionary is loaded, it says which."""
    if event.grade is None or not event.dictionary_term:
        return
    term = dictionary.find(event.ctcae_version, event.dictionary_term)
    if term and term.grades and event.grade not in term.grades:
        known = ", ".join(map(str, term.grades))
        raise EventRefused(
            f"CTCAE {event.ctcae_version} has no grade {event.grade} of {term.name}: it has {known}.", field="grade"
        )


def _check_instants(event, at):
    """Nobody knows of an event before it can have begun, or after now."""
    for name, words in (("aware_at", "The site"), ("sponsor_received_at", "The sponsor")):
        known = getattr(event, name)
        if known and known > at:
            raise EventRefused(f"{words} cannot have learned of it in the future.", field=name)
        if known and known.astimezone(event.participant.site.zone).date() < event.started.earliest:
            raise EventRefused(f"{words} cannot have learned of it before the onset {event.started}.", field=name)
