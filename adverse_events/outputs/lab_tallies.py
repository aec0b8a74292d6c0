"""Counting laboratory results: shifts from baseline, and a summary by visit."""

from dataclasses import dataclass
from itertools import groupby

from .rows import HIGH, LOW, NORMAL, Lab, Person, Trial
from .tallies import Line, affected, groups, spread

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
