"""What an amendment changes in the schedule, visit by visit, for people to read."""

from typing import NamedTuple

from .schema import Protocol


class ScheduleDifference(NamedTuple):
    code: str
    old: str  # target, window and procedures in words; empty where there is no such visit
    new: str


def schedule_differences(old: Protocol, new: Protocol) -> list[ScheduleDifference]:
    """The visits that are not the same in both versions, in the order of the newer."""
    before, after = ({visit.code: visit for visit in rules.visits} for rules in (old, new))
    return [
        ScheduleDifference(code, *words)
        for code in dict.fromkeys([*after, *before])
        if (words := _words(before.get(code), after.get(code), old, new))
    ]


def _words(old, new, old_rules, new_rules):
    """Both sides in words, or None where the visit is the same."""
    if old and new and (old.day, old.before, old.after, old.procedures) == (
        new.day, new.before, new.after, new.procedures,
    ):  # fmt: skip
        return None
    return _side(old, new, old_rules), _side(new, old, new_rules)


def _side(visit, other, rules):
    if visit is None:
        return ""
    mine = set(visit.procedures) - set(other.procedures if other else ())
    only = ", ".join(rules.procedure(code).name for code in visit.procedures if code in mine) if other else ""
    return f"{visit.target_words}, window {visit.window_words}{f'; only here: {only}' if only else ''}"
