"""The records of a participant whose values can be asked about, and which of these are compared with their source."""

from contextlib import suppress
from typing import NamedTuple

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404
from django.utils.text import capfirst

from participants.models import Participant
from studytracker.access.grants import Permission
from studytracker.protocol import UnknownCode
from studytracker.trust.wording import words_of

# Fields that hold codes of the protocol, and the vocabulary whose labels a person reads instead.
VOCABULARIES = {
    **{name: name for name in ("sex", "visit_type", "route", "outcome", "action_taken", "causality", "expectedness")},
    **{"special_interest": "special_interest", "recipient": "recipient"},
    **{"sponsor_causality": "causality", "nature": "event_nature", "not_done_reason": "procedure_not_done_reason"},
    **{"means": "contact_means", "method": "notification_method", "decision": "dsmb_decision"},
    **{"category": "deviation_category", "withdrawn_reason": "withdrawal_reason"},
}
SERIOUSNESS = ("is_fatal", "is_life_threatening", "is_hospitalization", "is_incapacity")
SERIOUSNESS += ("is_congenital_anomaly", "is_important_medical_event")


class Kind(NamedTuple):
    """`path` leads from a row to its participant, empty for the participant itself; `source` names the fields that
    have a source document. What the program computes or stamps has none.
    """

    label: str
    path: str
    source: tuple[str, ...]

    @property
    def model(self):
        return apps.get_model(self.label)

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def name(self) -> str:
        return capfirst(str(self.model._meta.verbose_name))

    @property
    def name_plural(self) -> str:
        return capfirst(str(self.model._meta.verbose_name_plural))

    def rows(self, **of_participant):
        """rows(site__in=…) or rows(pk=…): conditions on the participant."""
        prefix = f"{self.path}__" if self.path else ""
        found = self.model._base_manager.filter(**{f"{prefix}{name}": value for name, value in of_participant.items()})
        return found.select_related(self.path) if self.path else found

    def participant_of(self, row) -> Participant:
        for step in self.path.split("__") if self.path else ():
            row = getattr(row, step)
        return row

    def fields(self) -> list[models.Field]:
        """Every value a person may ask about: first those compared with a source, in their order."""
        found = [field for field in self.model._meta.concrete_fields if not _is_bookkeeping(field, self.model)]
        places = {name: place for place, name in enumerate(self.source)}
        return sorted(found, key=lambda field: places.get(field.name, len(places)))


KINDS = (
    Kind("participants.Participant", "", ("screened_on", "age", "sex", "screen_failed_on", "withdrawn_on")),
    Kind("participants.Consent", "participant", ("form_version", "signed_on", "signed_at", "obtained_by")),
    Kind("participants.CriterionAnswer", "participant", ("answer", "evidence")),
    Kind("participants.Enrollment", "participant", ("enrolled_on",)),
    Kind("participants.LabResult", "participant", ("collected", "comparator", "value", "unit", "result")),
    Kind("participants.VitalSign", "participant", ("measured_on", "value", "unit")),
    Kind(
        "participants.Medication",
        "participant",
        ("drug", "dose", "dose_unit", "per_day", "route", "started", "ended", "is_ongoing", "indication"),
    ),
    Kind("participants.MedicalHistory", "participant", ("term", "started", "ended", "is_ongoing")),
    Kind("participants.ListTaken", "participant", ("complete_on",)),
    Kind("participants.SledaiScore", "participant", ("assessed_on",)),
    Kind("participants.SledaiItem", "participant", ("is_present",)),
    Kind(
        "participants.Dose",
        "participant",
        ("units", "thawed_at", "weight_kg", "weighed_on", "cells_per_ml", "viability_percent"),
    ),
    Kind("participants.Infusion", "participant", ("started_at", "stopped_at", "lot", "volume_ml")),
    Kind("participants.Interruption", "participant", ("began_at", "resumed_at", "reason")),
    Kind("participants.DsmbDecision", "participant", ("decision", "decided_on", "cut_off_on")),
    Kind("visits.Visit", "participant", ("attended_on", "visit_type")),
    Kind("visits.VisitProcedure", "visit__participant", ("is_done", "not_done_reason", "finding")),
    Kind("visits.ContactAttempt", "visit__participant", ("tried_on", "means", "outcome")),
    Kind("visits.Deviation", "participant", ("happened_on", "description", "impact", "action")),
    Kind(
        "adverse_events.AdverseEvent",
        "participant",
        (
            *("term", "started", "started_time", "ended", "ended_time", "is_ongoing", "grade", "outcome"),
            *(*SERIOUSNESS, "causality", "action_taken", "is_treated", "treatment", "aware_at"),
        ),
    ),
    Kind("adverse_events.GradeEpisode", "event__participant", ("grade", "since")),
    Kind("adverse_events.FollowUp", "event__participant", ("followed_on", "note")),
    Kind("adverse_events.Notification", "event__participant", ("recipient", "sent_at", "method", "reference")),
    Kind("adverse_events.Determination", "event__participant", ("kind", "determined_at")),
)


def by_table() -> dict[str, Kind]:
    return {kind.table: kind for kind in KINDS}


def _is_bookkeeping(field, model) -> bool:
    names = {each.name for each in model._meta.concrete_fields}
    is_stamp = field.name.endswith("_at") and f"{field.name.removesuffix('_at')}_by" in names
    return field.primary_key or field.is_relation or field.name == "version" or is_stamp


def _name_of(field) -> str:
    """Investigator and sponsor are asked the same, in the same words: the sponsor's are told apart here."""
    name = capfirst(str(field.verbose_name))
    is_sponsor_s = field.name.startswith("sponsor_") and "sponsor" not in name
    return f"{name}, by the sponsor" if is_sponsor_s else name


class Value(NamedTuple):
    """A value of a record as a person reads it. `is_due` where it is to be compared with a source."""

    column: str
    name: str
    words: str
    is_due: bool
    code: str = ""  # what stands for the words in the database, where that is a code of the protocol


class Record(NamedTuple):
    kind: Kind
    row: models.Model
    participant: Participant

    @property
    def table(self):
        return self.kind.table

    @property
    def row_id(self):
        return str(self.row.pk)

    @property
    def is_standing(self):
        """Neither voided nor withdrawn: what counts nowhere needs no source."""
        is_person = isinstance(self.row, Participant)
        return is_person or not (getattr(self.row, "voided_at", None) or getattr(self.row, "withdrawn_at", None))

    @property
    def values(self) -> list[Value]:
        return [self._value(field) for field in self.kind.fields()]

    def value(self, column) -> Value | None:
        return next((value for value in self.values if value.column == column), None)

    def _value(self, field) -> Value:
        held = getattr(self.row, field.attname)
        is_due = field.name in self.kind.source and held not in (None, "") and self.is_standing
        words = words_of(field, held)
        label = self._label(field.name, held)
        return Value(field.column, _name_of(field), label or words, is_due, words if label else "")

    def _label(self, name, code) -> str:
        """The protocol's label of a code; empty where the field has none, or an earlier version had another."""
        with suppress(UnknownCode):
            return self.participant.protocol.label(VOCABULARIES[name], code) if code and name in VOCABULARIES else ""
        return ""

    @property
    def due(self) -> list[str]:
        """The columns to be compared with their source."""
        return [value.column for value in self.values if value.is_due]

    def __str__(self):
        return f"{self.kind.name}: {self.row}"


def reach(user, table, row_id, *, needs=Permission.SEE) -> Record:
    """The record, through what the person sees; a missing one is the same Http404 as another site's."""
    kind = by_table().get(table)
    sites = user.sites_where(Permission.SEE)
    row = kind and kind.rows(site__in=sites).filter(pk=row_id).first()
    if not row:
        raise Http404
    record = Record(kind, row, kind.participant_of(row))
    if not user.can(needs, record.participant.site_id):
        raise PermissionDenied(f"Your role does not let you {needs.value} at {record.participant.site_id}.")
    return record


def of_participants(people: list[Participant]) -> list[Record]:
    """Every record of theirs, in the order of KINDS. One query for each kind."""
    known, found = {person.pk: person for person in people}, []
    for kind in KINDS:
        for row in kind.rows(pk__in=known):
            found.append(Record(kind, row, known[kind.participant_of(row).pk]))
    return found
