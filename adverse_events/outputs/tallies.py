"""Counting: pure functions from the rows of a trial to the lines of a table.

Columns are the sites, and all together where there are several. A participant counts once in a cell, however many
events there are.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from statistics import median
from typing import NamedTuple

from .rows import HIGH, LOW, NORMAL, Event, Lab, Person, Trial

SEVERE = 3
NOT_CODED, NO_CLASS = "Not coded", "System organ class not loaded"
ALL = "All"
TENTH = Decimal("0.1")


class Cell(NamedTuple):
    """`count` participants of `of`; without `of` a number of something else. Zero stands bare."""

    count: int
    of: int | None = None

    @property
    def percent(self) -> Decimal | None:
        return (Decimal(100 * self.count) / self.of).quantize(TENTH, ROUND_HALF_UP) if self.of else None

    @property
    def small(self) -> str:
        return f"({self.percent}%)" if self.count and self.percent is not None else ""

    def __str__(self) -> str:
        return f"{self.count} {self.small}".strip()


@dataclass(frozen=True)
class Line:
    """One row of a table. `labels` are its leading columns; `path` names it among all."""

    labels: tuple[str, ...]
    cells: tuple[Cell | str, ...]
    indent: int = 0
    path: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return " / ".join(self.path or self.labels)


class Group(NamedTuple):
    """A column: its name and the sites in it."""

    name: str
    sites: frozenset[str]

    def holds(self, row) -> bool:
        return row.site in self.sites


def groups(trial: Trial) -> list[Group]:
    each = [Group(site, frozenset([site])) for site in trial.sites]
    return [*each, Group(ALL, frozenset(trial.sites))] if len(each) > 1 else each


def sizes(trial: Trial, people: Iterable[Person]) -> list[int]:
    """N of each column."""
    rows = list(people)
    return [sum(group.holds(person) for person in rows) for group in groups(trial)]


def affected(trial: Trial, rows, people=None) -> tuple[Cell, ...]:
    """Distinct participants among `rows`, of those infused or of `people`."""
    rows = list(rows)
    of = sizes(trial, trial.infused if people is None else people)
    return tuple(
        Cell(len({row.participant for row in rows if group.holds(row)}), size)
        for group, size in zip(groups(trial), of, strict=True)
    )


def many(trial: Trial, rows) -> tuple[Cell, ...]:
    rows = list(rows)
    return tuple(Cell(sum(group.holds(row) for row in rows)) for group in groups(trial))


def persons(trial: Trial, people, of) -> tuple[Cell, ...]:
    """How many of `people`, as a share of `of`."""
    counted = sizes(trial, people)
    return tuple(Cell(count, size) for count, size in zip(counted, sizes(trial, of), strict=True))


# --- Adverse events ---------------------------------------------------------------------------------------------

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


# --- Who, and how far -------------------------------------------------------------------------------------------


def disposition(trial: Trial) -> list[Line]:
    """16.2.1 as a table: N is everybody screened."""
    people = trial.people

    def line(words, found, indent=0):
        return Line((words,), persons(trial, found, people), indent, path=(words, str(indent)))

    failed = [person for person in people if person.screen_failed_on]
    enrolled = [person for person in people if person.enrolled_on]
    left = [person for person in people if person.withdrawn_on]
    done = [person for person in trial.infused if person.completed_on and not person.withdrawn_on]
    going = [person for person in trial.infused if not (person.completed_on or person.withdrawn_on)]
    lines = [
        line("Screened", people),
        line("Screen failures", failed),
        line("Enrolled", enrolled),
        line("Infused", trial.infused),
        line("Follow-up completed", done),
        line("In follow-up", going),
        line("Withdrawn", left),
    ]
    for reason in sorted({person.withdrawn_reason for person in left}):
        lines.append(line(reason, [person for person in left if person.withdrawn_reason == reason], 1))
    lines.append(line("Withdrawn before the infusion", [person for person in left if not person.infused_on]))
    return lines


def screen_failures(trial: Trial) -> list[Line]:
    """By criterion; somebody who failed two stands in both rows. N is everybody screened."""
    failed = [person for person in trial.people if person.screen_failed_on]
    lines = [Line(("Screen failures",), persons(trial, failed, trial.people))]
    for criterion in sorted({each for person in failed for each in person.screen_failed_criteria.split()}):
        found = [person for person in failed if criterion in person.screen_failed_criteria.split()]
        lines.append(Line((criterion,), persons(trial, found, trial.people), 1))
    other = [person for person in failed if not person.screen_failed_criteria.split()]
    return [*lines, Line(("No criterion named",), persons(trial, other, trial.people), 1)] if other else lines


def enrolment(trial: Trial) -> list[Line]:
    """Screened, enrolled and infused in each month, by site."""
    steps = (("screened", "screened_on"), ("enrolled", "enrolled_on"), ("infused", "infused_on"))
    days = [(person, words, on) for person in trial.people for words, name in steps if (on := getattr(person, name))]
    lines = []
    for month in sorted({f"{on:%Y-%m}" for _, _, on in days}):
        for words, _ in steps:
            found = [person for person, step, on in days if step == words and f"{on:%Y-%m}" == month]
            cells = tuple(Cell(size) for size in sizes(trial, found))
            lines.append(Line((month, words), cells))
    return lines


def spread(numbers) -> str:
    """'72.4 (60; 80)': median, least and most; a dash for nobody."""
    found = sorted(number for number in numbers if number is not None)
    if not found:
        return "–"
    return f"{_number(median(found))} ({_number(found[0])}; {_number(found[-1])})"


def _number(value) -> str:
    rounded = Decimal(value).quantize(TENTH, ROUND_HALF_UP)
    return f"{rounded.to_integral_value() if rounded == rounded.to_integral_value() else rounded:f}"


def _spread(trial, people, value) -> tuple[str, ...]:
    people = list(people)
    return tuple(spread(value(person) for person in people if group.holds(person)) for group in groups(trial))


def demographics(trial: Trial) -> list[Line]:
    """Of those infused: age, sex, weight on Day 0."""
    people = trial.infused
    lines = [Line(("Age in years, median (least; most)",), _spread(trial, people, lambda person: person.age))]
    for sex in sorted({person.sex for person in people}):
        found = [person for person in people if person.sex == sex]
        lines.append(Line((f"Sex: {sex}",), persons(trial, found, people)))
    weight = _spread(trial, people, lambda person: person.weight_kg)
    return [*lines, Line(("Weight on Day 0 in kg, median (least; most)",), weight)]


MILLION = 1_000_000


def exposure(trial: Trial) -> list[Line]:
    """The single dose, planned and given, and the time in follow-up."""
    people = trial.infused

    stopped = [person for person in people if person.stopped_at]
    broken = [person for person in people if person.interruptions]
    return [
        Line(("Infusion started",), persons(trial, people, people)),
        Line(("Infusion ended, with the volume on record",), persons(trial, stopped, people)),
        Line(("Infusion interrupted",), persons(trial, broken, people)),
        Line(("Cells planned (10^6), median (least; most)",), _millions(trial, people, "planned_cells")),
        Line(("Cells given (10^6), median (least; most)",), _millions(trial, people, "delivered_cells")),
        Line(("Given of planned in percent, median (least; most)",), _spread(trial, people, delivered_percent)),
        Line(("Volume in mL, median (least; most)",), _spread(trial, people, lambda row: row.volume_ml)),
        Line(("Days from the infusion to the last visit, median (least; most)",), _spread(trial, people, followed)),
    ]


def _millions(trial, people, name) -> tuple[str, ...]:
    def value(person):
        cells = getattr(person, name)
        return None if cells is None else Decimal(cells) / MILLION

    return _spread(trial, people, value)


def delivered_percent(person: Person) -> Decimal | None:
    if person.delivered_cells is None or not person.planned_cells:
        return None
    return Decimal(100 * person.delivered_cells) / person.planned_cells


def followed(person: Person) -> int | None:
    """Protocol days to the last visit attended; 0 where none was after the infusion."""
    if person.last_seen_on is None or person.infused_on is None:
        return None
    return max((person.last_seen_on - person.infused_on).days, 0)


def compliance(trial: Trial) -> list[Line]:
    """Each planned visit of those infused: done in and out of the window, missed, nothing recorded, not applicable."""
    infused = {person.identifier for person in trial.infused}
    rows = sorted((row for row in trial.visits if row.participant in infused), key=lambda row: (row.order, row.code))
    lines = []
    for (_, code, name), found in groupby(rows, key=lambda row: (row.order, row.code, row.name)):
        its = list(found)
        for words, holds in STATES:
            of = [row for row in its if holds(row)]
            lines.append(Line((name, words), affected(trial, of), path=(code, words)))
    return lines


def data_quality(trial: Trial) -> list[Line]:
    """Visits whose window has closed by the day at each site, and events with answers that are still open."""
    infused = {person.identifier for person in trial.infused}
    due = [
        row
        for row in trial.visits
        if row.participant in infused and row.is_applicable and row.closes_on and row.closes_on < trial.today[row.site]
    ]
    states = [(words, [row for row in due if holds(row)]) for words, holds in STATES[:4]]
    waiting = [event for event in trial.events if event.is_open]
    return [
        Line(("Visits expected: the window has closed",), many(trial, due)),
        *(Line((words.capitalize(),), many(trial, rows), 1) for words, rows in states),
        Line(("Adverse events on record",), many(trial, trial.events)),
        Line(("With grade, causality, outcome or end still open",), many(trial, waiting), 1),
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


STATES = (
    ("done in window", lambda row: row.attended_on is not None and row.out == 0),
    ("done out of window", lambda row: row.attended_on is not None and row.out != 0),
    ("missed", lambda row: row.attended_on is None and row.is_missed),
    ("not recorded", lambda row: row.attended_on is None and not row.is_missed and row.is_applicable),
    ("not applicable", lambda row: row.attended_on is None and not row.is_missed and not row.is_applicable),
)


def departures(trial: Trial) -> list[Line]:
    """By category, participants and deviations. N is everybody screened."""
    lines = _of_departures(trial, trial.departures, "Any deviation")
    major = [row for row in trial.departures if row.severity == "major"]
    lines += _of_departures(trial, major, "Classified as major")
    for category in sorted({row.category for row in trial.departures}):
        lines += _of_departures(trial, [row for row in trial.departures if row.category == category], category)
    return lines


def _of_departures(trial, rows, words):
    return [
        Line((words, "participants"), affected(trial, rows, trial.people)),
        Line((words, "deviations"), many(trial, rows)),
    ]


# --- Laboratory -------------------------------------------------------------------------------------------------

BOTH = "LOW AND HIGH"
MISSING = "NOT KNOWN"
FLAGS = {LOW: "Low", NORMAL: "Normal", HIGH: "High", BOTH: "Low and high", MISSING: "Not known"}


def is_baseline(lab: Lab, person: Person) -> bool | None:
    """Whether it was taken before the infusion started; None where a date known in part, or no infusion, cannot tell.

    A result of the day of the infusion without a time is taken for one of before.
    """
    if person.infused_on is None:
        return None
    if lab.collected_at and person.started_at:
        return lab.collected_at < person.started_at
    if lab.collected.latest <= person.infused_on:
        return True
    return False if lab.collected.earliest > person.infused_on else None


def shift_of(labs: list[Lab], person: Person) -> tuple[str, str]:
    """From the last flag at or before the infusion to the worst after it, of one test of one person."""
    before = [lab for lab in labs if lab.flag and is_baseline(lab, person)]
    after = {lab.flag for lab in labs if lab.flag and is_baseline(lab, person) is False}
    last = max(before, key=lambda lab: (lab.collected.latest, str(lab.collected_at or ""), lab.key), default=None)
    worst = BOTH if {LOW, HIGH} <= after else next((flag for flag in (LOW, HIGH, NORMAL) if flag in after), MISSING)
    return (last.flag if last else MISSING), worst


@dataclass(frozen=True)
class Shifted:
    participant: str
    site: str
    test: str
    before: str
    after: str


def shifted(trial: Trial) -> list[Shifted]:
    people = {person.identifier: person for person in trial.infused}
    rows = sorted(
        (lab for lab in trial.labs if lab.participant in people), key=lambda lab: (lab.name, lab.unit, lab.participant)
    )
    found = []
    for (name, unit, identifier), its in groupby(rows, key=lambda lab: (lab.name, lab.unit, lab.participant)):
        before, after = shift_of(list(its), people[identifier])
        test = f"{name} ({unit})" if unit else name
        found.append(Shifted(identifier, people[identifier].site, test, before, after))
    return found


def shifts(trial: Trial) -> list[Line]:
    """From baseline to the worst after the infusion, by the range of the laboratory; zero rows dropped."""
    lines = []
    for test, found in groupby(shifted(trial), key=lambda row: row.test):
        its = list(found)
        for before, words in FLAGS.items():
            for after, worst in FLAGS.items():
                rows = [row for row in its if (row.before, row.after) == (before, after)]
                if rows:
                    lines.append(Line((test, words, worst), affected(trial, rows)))
    return lines


def lab_summary(trial: Trial) -> list[Line]:
    """Each test at each visit: results, median (least; most) by column. Results without a visit stand apart."""
    rows = sorted(
        (lab for lab in trial.labs if lab.value is not None and not lab.comparator),
        key=lambda lab: (lab.name, lab.unit, lab.visit),
    )
    order = {row.code: row.order for row in sorted(trial.visits, key=lambda row: row.order, reverse=True)}
    lines = []
    for (name, unit), found in groupby(rows, key=lambda lab: (lab.name, lab.unit)):
        its = list(found)
        for visit in sorted({lab.visit for lab in its}, key=lambda code: (order.get(code, 999), code)):
            here = [lab for lab in its if lab.visit == visit]
            cells = tuple(_summed([lab.value for lab in here if group.holds(lab)]) for group in groups(trial))
            lines.append(Line((f"{name} ({unit})" if unit else name, visit or "no visit named"), cells))
    return lines


def _summed(values) -> str:
    return f"n={len(values)}: {spread(values)}" if values else "–"
