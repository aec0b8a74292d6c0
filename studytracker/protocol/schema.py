"""The trial as frozen objects, in the shape of a protocol file."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from studytracker.business_days import DaysOff, public_holidays

from .clocks import Clock, ClockWatch
from .criteria import Criterion, Part
from .marks import (
    NAMES,
    Assumption,
    Code,
    Day,
    Flag,
    Marked,
    Positive,
    Table,
    Text,
    UnknownCode,
    in_words,
)
from .measures import Drug, DrugClass, HistoryCategory, LabTest, VitalTest
from .safety import (
    Corticosteroids,
    Ctcae,
    PrimarySafety,
    Sledai,
    StaggerRule,
    StoppingRule,
)
from .schedule import (
    CollectionPeriod,
    DeviationReporting,
    PlannedVisit,
    Procedure,
    Reminders,
    ReminderStage,
    Status,
    UnplannedVisit,
    VisitLog,
)
from .treatment import InfusionObservation, ProductRules, Treatment


class Registry(Marked):
    id: Code
    org_study_id: Code
    title: Text
    status: Text
    phase: Text
    study_type: Text
    allocation: Text
    model: Text
    purpose: Text
    masking: Text
    start_on: Day
    completion_on: Day
    updated_on: Day
    participants: Positive
    minimum_age: Text
    maximum_age: Text
    sex: Text
    healthy_volunteers: Text
    sponsor: Text
    sponsor_class: Text
    chair: Text
    chair_role: Text
    chair_affiliation: Text
    paper: Text


class Published(Marked):
    ind_number: Text
    follow_up_weeks: Positive
    primary_endpoint_weeks: Positive


class Enrollment(Marked):
    cap: Positive
    gate_at: Literal["infusion", "enrollment"]
    replacement: Literal["none", "left_before_infusion"]
    identifier_format: Text
    enrolled_means: Text
    treated_means: Text

    @field_validator("identifier_format")
    @classmethod
    def _tells_participants_apart(cls, text):
        try:
            first, second, elsewhere = (text.format(prefix=p, number=n) for p, n in (("A", 1), ("A", 2), ("B", 1)))
        except (LookupError, ValueError, AttributeError):
            raise ValueError('may use only {prefix} and {number}, such as "{prefix}-{number:03d}"') from None
        if len({first, second, elsewhere}) < 3:
            raise ValueError("must use both {prefix} and {number}, or two participants get one identifier")
        return text

    def identifier(self, prefix: str, number: int) -> str:
        return self.identifier_format.format(prefix=prefix, number=number)

    @property
    def replaces(self) -> bool:
        """Whether the slot of somebody who left before the infusion is given again."""
        return self.replacement == "left_before_infusion"

    @property
    def replacement_words(self) -> str:
        if self.replaces:
            return "whoever leaves before the infusion is replaced"
        return "none: a slot is never given twice"


class DayCounting(Marked):
    protocol_day: Text
    cdisc_study_day: Text
    event_duration: Text
    look_back_boundary: Text
    months: Text
    partial_date: Text
    local_day: Text


class SiteRules(Marked):
    code: Code
    prefix: Code
    name: Text
    city: Text
    state: Text
    country: Text
    time_zone: Text
    holidays: tuple[Day, ...] = ()
    # Whose public holidays the planner shows and business days skip, such as US-SC.
    public_holidays: Text | None = None
    working_days: tuple[Day, ...] = ()  # holidays of its state on which this site works

    @cached_property
    def days_off(self) -> DaysOff:
        """What is no business day here, weekends apart: `day in site.days_off`."""
        return DaysOff(self.public_holidays, frozenset(self.holidays), frozenset(self.working_days))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def why_closed(self, on: date) -> str:
        """'Saturday', 'Independence Day' or 'site holiday'; empty for a working day."""
        if on.weekday() > 4:
            return "Saturday" if on.weekday() == 5 else "Sunday"
        if on not in self.days_off:
            return ""
        return "site holiday" if on in self.holidays else public_holidays(self.public_holidays, on.year)[on]


class ConsentForm(Marked):
    version: Text
    sites: tuple[Code, ...] = Field(min_length=1)
    valid_from: Day
    valid_to: Day | None = None

    def is_valid(self, site_code: str, on: date) -> bool:
        return site_code in self.sites and self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


class Term(Table):
    code: Code
    label: Text
    cdisc: Text | None = None
    related: Flag | None = None
    needs_text: Flag = False
    at_a_site: Flag = False  # a milestone that each site reaches for itself
    note: Text | None = None


class Vocabulary(Marked):
    name: Code
    label: Text
    terms: tuple[Term, ...] = Field(alias="term", min_length=1)


class Contents(Table):
    """Everything a protocol file may hold, under the file's own names."""

    version: str = Field(pattern=r"^\d+(\.\d+)*$")
    registry: Registry
    published: Published
    enrollment: Enrollment
    days: DayCounting
    treatment: Treatment
    product: ProductRules
    infusion_observation: InfusionObservation
    sites: tuple[SiteRules, ...] = Field(alias="site", min_length=1)
    consent_forms: tuple[ConsentForm, ...] = Field(alias="consent_form", min_length=1)
    criteria: tuple[Criterion, ...] = Field(alias="criterion", min_length=1)
    corticosteroids: Corticosteroids
    lab_tests: tuple[LabTest, ...] = Field(alias="lab_test", min_length=1)
    vital_signs: tuple[VitalTest, ...] = Field(alias="vital_sign", min_length=1)
    drug_classes: tuple[DrugClass, ...] = Field(alias="drug_class", min_length=1)
    history_categories: tuple[HistoryCategory, ...] = Field(alias="history_category", min_length=1)
    procedures: tuple[Procedure, ...] = Field(alias="procedure", min_length=1)
    visits: tuple[PlannedVisit, ...] = Field(alias="visit", min_length=1)
    unplanned_visits: tuple[UnplannedVisit, ...] = Field(alias="unplanned_visit", default=())
    status: Status
    visit_log: VisitLog
    deviation_reporting: DeviationReporting
    reminders: Reminders
    reminder_stages: tuple[ReminderStage, ...] = Field(alias="reminder_stage", default=())
    adverse_event_collection: CollectionPeriod
    clocks: tuple[Clock, ...] = Field(alias="clock", default=())
    clock_watch: ClockWatch
    stagger: StaggerRule
    primary_safety: PrimarySafety
    stopping_rules: tuple[StoppingRule, ...] = Field(alias="stopping_rule", default=())
    sledai: Sledai
    ctcae: Ctcae
    vocabulary_tables: tuple[Vocabulary, ...] = Field(alias="vocabulary", min_length=1)


class Protocol(Contents):
    """One version of the trial's protocol, with the fingerprint of the file it was read from."""

    file: str
    sha256: str

    def __deepcopy__(self, memo=None):
        """Frozen, so itself: the copy of a row that keeps it needs no other."""
        return self

    def site(self, code: str) -> SiteRules:
        return self._one(self.sites, "code", code, "site")

    def visit(self, code: str) -> PlannedVisit:
        return self._one(self.visits, "code", code, "planned visit")

    @property
    def follow_up_codes(self) -> frozenset[str]:
        return frozenset(visit.code for visit in self.visits if visit.kind == "follow_up")

    def unplanned_visit(self, code: str) -> UnplannedVisit:
        return self._one(self.unplanned_visits, "code", code, "kind of unplanned visit")

    def procedure(self, code: str) -> Procedure:
        return self._one(self.procedures, "code", code, "procedure")

    def lab_test(self, code: str) -> LabTest:
        return self._one(self.lab_tests, "code", code, "laboratory test")

    def vital_sign(self, code: str) -> VitalTest:
        return self._one(self.vital_signs, "code", code, "vital sign")

    def drug_class(self, code: str) -> DrugClass:
        return self._one(self.drug_classes, "code", code, "class of medicines")

    def history_category(self, code: str) -> HistoryCategory:
        return self._one(self.history_categories, "code", code, "category of history")

    @cached_property
    def drugs(self) -> Mapping[str, tuple[DrugClass, Drug]]:
        """The medicines known by name, each with its class, by code."""
        return MappingProxyType({drug.code: (each, drug) for each in self.drug_classes for drug in each.drugs})

    def criterion(self, id: str) -> Criterion:
        return self._one(self.criteria, "id", id, "criterion")

    def clock(self, id: str) -> Clock:
        return self._one(self.clocks, "id", id, "safety clock")

    def deviation_clock(self, site_code: str) -> Clock | None:
        """What a reportable deviation at the site has to keep, or None where nothing is named for it."""
        clocks = [self.clock(id) for id in self.deviation_reporting.clocks]
        return next((clock for clock in clocks if clock.applies_to(site_code)), None)

    def stopping_rule(self, id: str) -> StoppingRule:
        return self._one(self.stopping_rules, "id", id, "stopping rule")

    def parts(self) -> tuple[Part, ...]:
        return tuple(part for criterion in self.criteria for part in criterion.parts)

    def part(self, id: str) -> Part:
        return self._one(self.parts(), "id", id, "part of a criterion")

    @cached_property
    def vocabularies(self) -> Mapping[str, tuple[Term, ...]]:
        return MappingProxyType({each.name: each.terms for each in self.vocabulary_tables})

    def terms(self, vocabulary: str) -> tuple[Term, ...]:
        return self._one(self.vocabulary_tables, "name", vocabulary, "vocabulary").terms

    def term(self, vocabulary: str, code: str) -> Term:
        return self._one(self.terms(vocabulary), "code", code, f"term of the vocabulary {vocabulary}")

    def choices(self, vocabulary: str) -> tuple[tuple[str, str], ...]:
        return tuple((term.code, term.label) for term in self.terms(vocabulary))

    def label(self, vocabulary: str, code: str) -> str:
        return self.term(vocabulary, code).label

    def identifier(self, site_code: str, number: int) -> str:
        return self.enrollment.identifier(self.site(site_code).prefix, number)

    def consent_forms_at(self, site_code: str, on: date) -> tuple[ConsentForm, ...]:
        """The form versions that may be signed at this site on this day."""
        return tuple(form for form in self.consent_forms if form.is_valid(site_code, on))

    def assumptions(self) -> tuple[Assumption, ...]:
        """Everything the registry record does not give, in the order of the file."""
        return tuple(_assumptions(self, ""))

    def _one(self, rows, key, wanted, kind):
        for row in rows:
            if getattr(row, key) == wanted:
                return row
        known = ", ".join(getattr(row, key) for row in rows) or "none"
        raise UnknownCode(f'Protocol {self.version} has no {kind} "{wanted}". It has: {known}.')


def _assumptions(table: Table, place: str) -> Iterator[Assumption]:
    if isinstance(table, Marked) and table.assumption:
        yield Assumption(place, table.assumes, _value_text(table), table.assumption)
    for name, field in type(table).model_fields.items():
        key, value = field.alias or name, getattr(table, name)
        inner = f"{place}.{key}" if place else key
        if isinstance(value, Table):
            yield from _assumptions(value, inner)
        elif isinstance(value, tuple):
            for row in value:
                if isinstance(row, Table):
                    yield from _assumptions(row, f"{inner} {_name(row)}")


def _name(row: Table) -> str:
    return next((getattr(row, key) for key in NAMES if hasattr(row, key)), "")


def _value_text(table: Marked) -> str:
    by_alias = {field.alias or name: name for name, field in type(table).model_fields.items()}
    keys = table.assumes or [key for key in by_alias if _is_filled(table, by_alias[key])]
    return "; ".join(f"{key}: {in_words(getattr(table, by_alias[key]))}" for key in keys)


def _is_filled(table: Marked, name: str) -> bool:
    return name not in Marked.model_fields and getattr(table, name) not in (None, ())
