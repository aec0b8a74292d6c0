"""Counting people: who was screened, enrolled and infused, who they are, and what they were given."""

from decimal import Decimal

from .rows import Person, Trial
from .tallies import Cell, Line, persons, sizes, spreads


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


def demographics(trial: Trial) -> list[Line]:
    """Of those infused: age, sex, weight on Day 0."""
    people = trial.infused
    lines = [Line(("Age in years, median (least; most)",), spreads(trial, people, lambda person: person.age))]
    for sex in sorted({person.sex for person in people}):
        found = [person for person in people if person.sex == sex]
        lines.append(Line((f"Sex: {sex}",), persons(trial, found, people)))
    weight = spreads(trial, people, lambda person: person.weight_kg)
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
        Line(("Given of planned in percent, median (least; most)",), spreads(trial, people, delivered_percent)),
        Line(("Volume in mL, median (least; most)",), spreads(trial, people, lambda row: row.volume_ml)),
        Line(("Days from the infusion to the last visit, median (least; most)",), spreads(trial, people, followed)),
    ]


def _millions(trial, people, name) -> tuple[str, ...]:
    def value(person):
        cells = getattr(person, name)
        return None if cells is None else Decimal(cells) / MILLION

    return spreads(trial, people, value)


def delivered_percent(person: Person) -> Decimal | None:
    if person.delivered_cells is None or not person.planned_cells:
        return None
    return Decimal(100 * person.delivered_cells) / person.planned_cells


def followed(person: Person) -> int | None:
    """Protocol days to the last visit attended; 0 where none was after the infusion."""
    if person.last_seen_on is None or person.infused_on is None:
        return None
    return max((person.last_seen_on - person.infused_on).days, 0)
