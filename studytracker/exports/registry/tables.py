"""The numbers of the registry's tables, from the record of all sites.

Started counts who was enrolled, completed who attended the visit that ends the follow-up. At risk is whose infusion
started; an event counts unless it certainly began before. A participant counts once for a term, however many events.
"""

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from studytracker import protocol
from studytracker.refusal import Refused

from ..order import Order

SHOWN = 10  # events that a refusal names
HIGHEST_THRESHOLD = 5  # 42 CFR 11.48(a)(4)(ii)(B): other events above 5 percent are reported at least
ASSESSMENTS = ("Systematic Assessment", "Non-systematic Assessment")


class NotReportable(Refused):
    """The record cannot be told in the registry's tables yet; the sentence says what is missing."""


@cache
def words() -> dict:
    return tomllib.loads((Path(__file__).parent / "registry.toml").read_text(encoding="utf-8"))


def organ_systems() -> list[str]:
    """The registry's list, as it words them."""
    return sorted(words()["organ_system"].values(), key=str.casefold)


def organ_system_of(body_system: str) -> str:
    """What the registry calls a class of the dictionary; empty for one that it does not have."""
    return words()["organ_system"].get(body_system, "")


@dataclass(frozen=True)
class Reason:
    """Why participants did not complete. `name` only with the registry's reason “Other”."""

    kind: str
    name: str
    count: int


@dataclass(frozen=True)
class Flow:
    started: int
    infused: int
    completed: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Reported:
    """One event as an app tells it. `system` is one of `organ_systems()` or empty, `name` what a sentence calls it."""

    participant: int
    term: str
    system: str
    vocabulary: str
    is_serious: bool
    name: str


@dataclass(frozen=True)
class Line:
    """One term in one of the two tables."""

    is_serious: bool
    term: str
    system: str
    vocabulary: str
    events: int
    affected: int


@dataclass(frozen=True)
class Events:
    """`lines`: serious ones first, then others above the threshold, by organ system and term."""

    at_risk: int
    deaths: int
    lines: tuple[Line, ...]
    affected_serious: int
    affected_other: int


@dataclass(frozen=True)
class Results:
    order: Order
    flow: Flow
    events: Events

    @property
    def rules(self):
        return protocol.current()

    @property
    def threshold(self) -> Decimal:
        return Decimal(self.order.options["threshold"])

    @property
    def assessment(self) -> str:
        return self.order.options["assessment_type"]

    @property
    def time_frame(self) -> str:
        return self.order.options["time_frame"]

    @cached_property
    def vocabulary(self) -> str:
        return f"CTCAE {self.rules.ctcae.version}"


def options(format: str, given: dict, sites) -> dict:
    """What the tables need to be told, checked; empty for every other format. Raises Refused."""
    if format != "registry":
        return {}
    if set(sites) != {site.code for site in protocol.current().sites}:
        raise Refused("Public tables hold all sites together: choose every site.", field="sites")
    threshold = given.get("threshold")
    threshold = Decimal(0) if threshold is None else Decimal(threshold)
    if not 0 <= threshold <= HIGHEST_THRESHOLD:
        words = f"The registry allows a threshold from 0 to {HIGHEST_THRESHOLD} percent."
        raise Refused(words, field="threshold")
    assessment = given.get("assessment_type") or ASSESSMENTS[0]
    if assessment not in ASSESSMENTS:
        raise Refused("Choose how events were asked for.", field="assessment_type")
    frame = (given.get("time_frame") or "").strip() or default_time_frame()
    return {"threshold": f"{threshold:f}", "assessment_type": assessment, "time_frame": frame}


def default_time_frame() -> str:
    return f"From the start of the infusion to Week {protocol.current().published.follow_up_weeks}"


def results(order: Order) -> Results:
    """Raises NotReportable."""
    participants = tuple(order.participants().select_related("enrollment", "infusion", "site"))
    infused = {row.pk for row in participants if row.infused}
    facts: dict[str, Callable] = {name: import_string(path) for name, path in settings.SDTM_FACTS.items()}
    told = import_string(settings.REGISTRY_EVENTS)([row for row in participants if row.infused])
    deaths = len(facts["deaths"](participants).keys() & infused)
    threshold = Decimal(order.options["threshold"])
    return Results(
        order, _flow(participants, facts["completed"](participants)), _events(told, infused, deaths, threshold)
    )


def _flow(participants, completed) -> Flow:
    started = [row for row in participants if row.enrolled]
    done = [row for row in started if row.pk in completed]
    return Flow(len(started), sum(bool(row.infused) for row in started), len(done), _reasons(started, completed))


def _reasons(started, completed) -> tuple[Reason, ...]:
    counted = {}
    for row in started:
        if row.pk not in completed:
            reason = words()["reason"].get(row.withdrawn_reason, "Other")
            name = "" if reason != "Other" else words()["words"]["other_reason" if row.withdrawn_on else "not_ended"]
            counted[reason, name] = counted.get((reason, name), 0) + 1
    return tuple(Reason(*key, count) for key, count in sorted(counted.items()))


def _events(told: Iterable[Reported], infused, deaths, threshold) -> Events:
    told = list(told)
    _refuse_untold(told)
    grouped: dict[tuple, list[Reported]] = {}
    for event in told:
        grouped.setdefault((not event.is_serious, event.system, event.term.casefold()), []).append(event)
    shown = {
        key: events
        for key, events in sorted(grouped.items())
        if events[0].is_serious or _share(events, infused) > threshold
    }
    lines = tuple(
        Line(each[0].is_serious, each[0].term, key[1], each[0].vocabulary, len(each), _affected(each))
        for key, each in shown.items()
    )
    serious, other = (
        _affected([event for events in shown.values() for event in events if event.is_serious is wanted])
        for wanted in (True, False)
    )
    return Events(len(infused), deaths, lines, serious, other)


def _affected(events) -> int:
    return len({event.participant for event in events})


def _share(events, infused) -> Decimal:
    return Decimal(100 * _affected(events)) / len(infused)


def _refuse_untold(told):
    uncoded = [event.name for event in told if not event.term]
    unplaced = [f"{event.term}, {event.name}" for event in told if event.term and not event.system]
    sentences = []
    if uncoded:
        words = "The registry wants a term for every event. Code these with the dictionary first"
        sentences.append(f"{words}: {_some(uncoded)}.")
    if unplaced:
        words = "The registry wants an organ system for every term. Give these theirs on the page “Organ systems”"
        sentences.append(f"{words}: {_some(unplaced)}.")
    if sentences:
        raise NotReportable(*sentences, field="format")


def _some(names) -> str:
    more = len(names) - SHOWN
    return "; ".join(names[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
