"""Counting adverse events: the summary, by term, by grade, by relatedness, and the primary safety outcome so far."""

from collections.abc import Callable

from .rows import Event, Person, Trial
from .tallies import Line, affected, groups, many, persons

SEVERE = 3
NOT_CODED, NO_CLASS = "Not coded", "System organ class not loaded"

# AET01, in its order; every row stays, also at zero.
QUESTIONS: tuple[tuple[str, Callable[[Event], bool]], ...] = (
    ("AE with fatal outcome", lambda event: event.is_fatal),
    ("Serious AE", lambda event: event.is_serious),
    (
        "Serious AE leading to withdrawal from treatment",
        lambda event: event.is_serious and event.withdrawn_drug,
    ),
    (
        "Serious AE leading to dose modification/interruption",
        lambda event: event.is_serious and event.modified_drug,
    ),
    ("Related serious AE", lambda event: event.is_serious and event.is_related),
    ("AE leading to withdrawal from treatment", lambda event: event.withdrawn_drug),
    ("AE leading to dose modification/interruption", lambda event: event.modified_drug),
    ("Related AE", lambda event: event.is_related),
    (
        "Related AE leading to withdrawal from treatment",
        lambda event: event.is_related and event.withdrawn_drug,
    ),
    (
        "Related AE leading to dose modification/interruption",
        lambda event: event.is_related and event.modified_drug,
    ),
    ("Grade 3–5 AE", lambda event: (event.grade or 0) >= SEVERE),
)
AT_LEAST_ONE_AE = "Total number of participants with at least one AE"


def overview(trial: Trial) -> list[Line]:
    """AET01: the safety summary, zero rows kept."""
    events = trial.counted
    left = [person for person in trial.infused if person.left_for_event]
    lines = [
        Line((AT_LEAST_ONE_AE,), affected(trial, events)),
        Line(("Total number of AEs",), many(trial, events)),
        Line(("Total number of deaths",), persons(trial, dead(trial), trial.infused)),
        Line(("Total number of participants withdrawn from study due to an AE",), persons(trial, left, trial.infused)),
        Line(("Total number of participants with at least one",), ("",) * len(groups(trial))),
    ]
    for words, wanted in QUESTIONS:
        found = affected(trial, (event for event in events if wanted(event)))
        lines.append(Line((words,), found, indent=1, path=("at least one", words)))
    return lines


def dead(trial: Trial) -> list[Person]:
    """Infused people with a fatal event, whenever it began, or who left by death."""
    fatal = {event.participant for event in trial.events if event.is_fatal}
    return [person for person in trial.infused if person.identifier in fatal or person.left_by_death]


def system(event: Event) -> str:
    """An event that nobody coded stands apart from a term whose class the loaded list does not say."""
    return event.body_system or (NO_CLASS if event.dictionary_term else NOT_CODED)


def named(event: Event) -> str:
    """The coded term; else the reported one in capitals, so that one spelling stands for all."""
    return event.dictionary_term or " ".join(event.term.upper().split())


def ranked(events, name: Callable[[Event], str]) -> list[tuple[str, list[Event]]]:
    """(name, its events) by decreasing number of participants, ties from A to Z."""
    by_name: dict[str, list[Event]] = {}
    for event in events:
        by_name.setdefault(name(event), []).append(event)
    return sorted(by_name.items(), key=lambda each: (-len({event.participant for event in each[1]}), each[0]))


def by_term(trial: Trial) -> list[Line]:
    """AET02: by system organ class and term, participants and events."""
    lines = _totals(trial, trial.counted, "Overall total number of events", ("",))
    for soc, events in ranked(trial.counted, system):
        lines.append(Line((soc,), ("",) * len(groups(trial)), path=(soc, "")))
        lines += _totals(trial, events, "Total number of events", (soc,), indent=1)
        for term, its in ranked(events, named):
            lines.append(Line((term,), affected(trial, its), indent=2, path=(soc, "term", term)))
    return lines


def _totals(trial, events, words, path, indent=0):
    first = "Total number of participants with at least one adverse event"
    return [
        Line((first,), affected(trial, events), indent, path=(*path, first)),
        Line((words,), many(trial, events), indent, path=(*path, words)),
    ]


# AET04: each block in this order.
GRADES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("- Any Grade -", (1, 2, 3, 4, 5)),
    ("Grade 1-2", (1, 2)),
    ("1", (1,)),
    ("2", (2,)),
    ("Grade 3-4", (3, 4)),
    ("3", (3,)),
    ("4", (4,)),
    ("Grade 5", (5,)),
)


def by_grade(trial: Trial) -> list[Line]:
    """AET04: participants at the highest grade of each term, and of each class; zero rows dropped."""
    events = [event for event in trial.counted if event.grade]
    lines = list(_block(trial, events, "- Any adverse events -", "- Overall -"))
    for soc, its in ranked(events, system):
        lines += _block(trial, its, soc, "- Overall -")
        for term, those in ranked(its, named):
            lines += _block(trial, those, soc, term)
    return lines


def _block(trial, events, soc, term):
    highest: dict[str, Event] = {}
    for event in events:
        before = highest.get(event.participant)
        if before is None or event.grade > before.grade:
            highest[event.participant] = event
    for words, grades in GRADES:
        cells = affected(trial, (event for event in highest.values() if event.grade in grades))
        if any(cell.count for cell in cells):
            yield Line((soc, term, words), cells)


def ungraded(trial: Trial) -> int:
    return sum(not event.grade for event in trial.counted)


def by_relatedness(trial: Trial) -> list[Line]:
    """Participants and events by the investigator's answer, in the order of `causalities`, and by either judge."""
    lines = []
    answers = dict.fromkeys(event.causality for event in sorted(trial.counted, key=lambda each: each.causality))
    for answer in answers:
        its = [event for event in trial.counted if event.causality == answer]
        lines += _pair(trial, its, answer or "Not answered")
    related = [event for event in trial.counted if event.is_related]
    return [*lines, *_pair(trial, related, "Counted as related, by either judge")]


def _pair(trial, events, words):
    return [
        Line((words, "participants"), affected(trial, events)),
        Line((words, "events"), many(trial, events)),
    ]


def primary(trial: Trial, rule) -> list[Line]:
    """The primary safety outcome so far: `rule` is that of the protocol. An onset that may lie in the span counts."""
    day0 = {person.identifier: person.infused_on for person in trial.infused}
    found = [
        event
        for event in trial.counted
        if (event.grade or 0) >= rule.grade_at_least and _in_span(event, day0[event.participant], rule)
    ]
    words = f"of grade {rule.grade_at_least} or more, protocol day {rule.from_day} to {rule.through_day}"
    return [
        Line((f"Participants with at least one event {words}",), affected(trial, found)),
        Line((f"Events {words}",), many(trial, found)),
    ]


def _in_span(event, day0, rule) -> bool:
    first, last = ((day - day0).days for day in (event.began, event.began_by))
    return last >= rule.from_day and first <= rule.through_day
