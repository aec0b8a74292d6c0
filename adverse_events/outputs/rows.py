"""What the outputs count: plain rows of one moment, without a database behind them."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from studytracker.dates import PartialDate

LOW, NORMAL, HIGH = "LOW", "NORMAL", "HIGH"


@dataclass(frozen=True)
class Person:
    """One participant. Days are site-local; amounts of cells are whole numbers, the weight is in kg."""

    identifier: str
    site: str
    age: int
    sex: str
    screened_on: date
    screen_failed_on: date | None = None
    screen_failed_criteria: str = ""
    enrolled_on: date | None = None
    infused_on: date | None = None
    withdrawn_on: date | None = None
    withdrawn_reason: str = ""  # the words of the vocabulary
    left_for_event: bool = False
    left_by_death: bool = False
    completed_on: date | None = None
    last_seen_on: date | None = None  # the last visit attended
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    weight_kg: Decimal | None = None
    planned_cells: int | None = None
    delivered_cells: int | None = None
    volume_ml: Decimal | None = None
    lot: str = ""
    interruptions: int = 0
    covers: tuple = ()  # the stored rows behind it


@dataclass(frozen=True)
class Event:
    """One adverse event that stands. `is_counted`: it began, or became worse, at or after the infusion, or nobody
    can tell that it did not. The tables count these; the listings name all.
    """

    key: str
    participant: str
    site: str
    term: str
    dictionary_term: str = ""
    body_system: str = ""
    grade: int | None = None
    is_serious: bool = False
    is_fatal: bool = False
    is_related: bool = False
    causality: str = ""  # the words of the investigator's answer
    withdrawn_drug: bool = False
    modified_drug: bool = False
    is_counted: bool = True
    is_open: bool = False  # an answer that the safety review needs is missing
    began: date | None = None  # the earliest day it may have begun on, and the latest
    began_by: date | None = None
    reasons: tuple[bool, ...] = (False,) * 6  # seriousness criteria in their order, by either judge
    covers: tuple = ()
    record: object = field(default=None, compare=False)


@dataclass(frozen=True)
class Visited:
    """One planned visit: `out` is the number of days outside its window, 0 inside."""

    participant: str
    site: str
    order: int
    code: str
    name: str
    attended_on: date | None = None
    out: int = 0
    is_missed: bool = False
    is_applicable: bool = True
    closes_on: date | None = None


@dataclass(frozen=True)
class Departure:
    """One protocol deviation that stands."""

    key: str
    participant: str
    site: str
    category: str
    severity: str = ""
    happened_on: date | None = None
    description: str = ""
    stage: str = ""
    visit: str = ""


@dataclass(frozen=True)
class Lab:
    """One numeric laboratory result that stands, in the protocol's unit, with the limits of the laboratory then."""

    participant: str
    site: str
    test: str
    name: str
    unit: str
    collected: PartialDate
    collected_at: datetime | None = None
    value: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    flag: str = ""
    visit: str = ""
    version: str = ""  # of the protocol
    key: str = ""
    comparator: str = ""


@dataclass(frozen=True)
class Trial:
    """Everything the outputs read, of `sites` in the order of their columns. `covers` are the stored rows
    behind visits, deviations and results; `today` is the day at each site, for what is said as a range up to it.
    """

    sites: tuple[str, ...]
    people: tuple[Person, ...] = ()
    events: tuple[Event, ...] = ()
    visits: tuple[Visited, ...] = ()
    departures: tuple[Departure, ...] = ()
    labs: tuple[Lab, ...] = ()
    covers: tuple = ()
    today: dict = field(default_factory=dict)

    @property
    def infused(self) -> tuple[Person, ...]:
        return tuple(person for person in self.people if person.infused_on)

    @property
    def counted(self) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.is_counted)

    def only(self, keep) -> "Trial":
        """With the events that `keep` holds true of."""
        return replace(self, events=tuple(event for event in self.events if keep(event)))
