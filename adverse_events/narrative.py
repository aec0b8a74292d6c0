"""The draft of a narrative, composed from the record in the order of ICH E3 12.3.2. A person edits it."""

from studytracker.dates import day_label, protocol_day

from .models import SERIOUSNESS
from .wording import ANSWER, else_related, emergent, label, moment, treatment

MOST_LINES = 12


def compose(event) -> str:
    """Paragraphs; what is not recorded is said to be so, never filled in."""
    parts = (_who, _dose, _what, _background, _course, _labs, _acts, _judgement)
    return "\n\n".join(text for part in parts if (text := part(event)))


def _who(event):
    person, infusion = event.participant, event.participant.infused
    weight = f", {infusion.weight_kg.normalize():f} kg at the infusion" if infusion else ""
    return f"Participant {person.identifier}, aged {person.age} at screening, sex {person.sex}{weight}."


def _dose(event):
    infusion = event.participant.infused
    if infusion is None:
        return "No study treatment had been given."
    arm = event.participant.protocol.treatment.arm
    return f"{arm}: single infusion on {day_label(infusion.infused_on)} (Day 0), lot {infusion.lot}."


def _what(event):
    coded = f"{event.dictionary_term} (CTCAE {event.ctcae_version}), " if event.dictionary_term else ""
    held = ", ".join(event.seriousness).lower() or "no criterion holds any more"
    words = f"Event: {coded}reported as “{event.term}”. Onset {moment(event.started, event.started_time)}"
    day0 = event.participant.infused_on
    if day0 and event.started.is_full:
        words += f", protocol day {protocol_day(event.started.earliest, day0)} (infusion = Day 0)"
    answer = emergent(event, event.grade_episodes.all())
    return f"{words}; treatment-emergent: {answer.lower() or 'not applicable'}. Seriousness: {held}."


def _background(event):
    person = event.participant
    history = [each.term for each in person.histories.filter(voided_at=None)[:MOST_LINES]]
    taken = [
        f"{each.drug} ({each.amount})" if each.amount else each.drug
        for each in person.medications.filter(voided_at=None)[:MOST_LINES]
        if not (each.ended and each.ended.latest < event.started.earliest)
    ]
    return (
        f"History: {'; '.join(history) or 'none on record'}. "
        f"Medicines around the onset: {'; '.join(taken) or 'none on record'}."
    )


def _course(event):
    steps = [f"grade {each.grade} since {each.since}" for each in event.grade_episodes.filter(withdrawn_at=None)]
    found = f" It was found at the visit {event.visit.code}." if event.visit else ""
    note = f" {event.note}" if event.note else ""
    return f"Course: {', '.join(steps) or 'not graded yet'}.{found}{note}"


def _labs(event):
    """Results from the onset on, with the range in force."""
    rows = event.participant.labresults.filter(voided_at=None, collected__gte=event.started)
    told = []
    for row in rows.exclude(value=None).order_by("collected", "pk")[:MOST_LINES]:
        limits = f" ({_number(row.low)}–{_number(row.high)})" if None not in (row.low, row.high) else ""
        told.append(f"{row.test} {_number(row.value)} {row.unit}{limits} on {row.collected}")
    return f"Laboratory: {'; '.join(told) or 'no result since the onset on record'}."


def _number(value):
    return f"{value.normalize():f}"


def _acts(event):
    action = label(event, "action_taken", event.action_taken).lower() or "not answered"
    end = "ongoing" if event.is_ongoing else moment(event.ended, event.ended_time) or "not known"
    outcome = label(event, "outcome", event.outcome).lower() or "not answered"
    given = treatment(event) or "not answered"
    given = given[0].lower() + given[1:]  # the names of medicines keep their letters
    return f"Action taken with the infusion: {action}. Treatment given: {given}. Outcome: {outcome}; end: {end}."


def _judgement(event):
    def said(name, value):
        return label(event, name, value).lower() or "not answered"

    also = [words.removeprefix("Related to: ") for words, answer in else_related(event) if answer.startswith("Yes")]
    return (
        f"Causality by the investigator: {said('causality', event.causality)}; reasonable possibility: "
        f"{ANSWER[event.is_suspected].lower() or 'not answered'}. "
        f"Also related to: {', '.join(also) or 'nothing else on record'}. By the sponsor: "
        f"{said('sponsor_causality', event.sponsor_causality)}; {said('expectedness', event.expectedness)}. "
        "Rechallenge: not applicable, single infusion."
    )


def lacking(event) -> list[str]:
    """What a report cannot be signed without."""
    needed = {
        "the causality": event.causality,
        "the reasonable possibility": "answered" if event.is_suspected is not None else "",
        "when the site became aware": event.aware_at,
        "a seriousness criterion": any(getattr(event, name) for name, _ in SERIOUSNESS) or event.is_serious,
    }
    return [words for words, value in needed.items() if not value]
