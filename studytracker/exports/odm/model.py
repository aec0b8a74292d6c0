"""How the tables of the record are told in ODM: a form, an item group and its items for each, from the models alone.

A new field is in the file without anybody naming it. A row belongs to the participant its foreign keys lead to; what
belongs to none, such as a lot, is reference data.
"""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from graphlib import TopologicalSorter
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models

from studytracker.dates import PartialDate
from studytracker.protocol.models import Site, Slot
from studytracker.trust.coverage import covered_models, is_clinical
from studytracker.trust.reach import participants

STUDY_EVENT = "SE.RECORD"
# Tables of the rooms that are no part of what leaves or comes.
EXCUSED = {
    "visits_calendarfeed": "addresses that are secrets of this deployment",
    "adverse_events_dictionaryterm": "the dictionary: each deployment loads its own workbook, events keep their words",
    "adverse_events_meddracode": "the dictionary's codes",
    "adverse_events_reviewmark": "numbers of entries in this deployment's own trail",
}
# Tables with rows of participants and, without one, of the trial: these are reference data in a group of their own.
OF_EITHER = {"visits_deviation"}
DATA_TYPES = {
    models.BooleanField: "boolean",
    models.DateTimeField: "datetime",
    models.DateField: "date",
    models.TimeField: "time",
    models.DecimalField: "float",
    models.IntegerField: "integer",
}


@cache
def records() -> tuple[type[models.Model], ...]:
    """Every table of the record, each after those that it points at."""
    found = {
        model
        for model in covered_models()
        if is_clinical(model._meta.db_table) and model._meta.db_table not in EXCUSED
    }
    needs = {model: {f.related_model for f in relations(model)} & found - {model} for model in found}
    in_order = TopologicalSorter({model: sorted(needs[model], key=_table) for model in sorted(found, key=_table)})
    return tuple(in_order.static_order())


def _table(model) -> str:
    return model._meta.db_table


@cache
def by_oid() -> dict[str, type[models.Model]]:
    own = {group_oid(model): model for model in records()}
    return own | {trial_oid(model): model for model in records() if is_of_either(model)}


def relations(model):
    return [field for field in model._meta.local_concrete_fields if field.is_relation]


@cache
def fields(model) -> tuple[models.Field, ...]:
    """What is told of a row: all but its key, which is the repeat key, and what the database computes."""
    return tuple(f for f in model._meta.local_concrete_fields if not f.primary_key and not f.generated)


@cache
def to_participant(model) -> str | None:
    """The lookup from a row to its participant's key; None for reference data."""
    if model is participants():
        return "pk"
    paths = []
    for field in relations(model):
        if (not field.null or is_of_either(model)) and field.related_model in records():
            further = to_participant(field.related_model) if field.related_model is not model else None
            if further:
                paths.append(f"{field.name}__{further}" if further != "pk" else field.name)
    return min(paths, key=lambda path: (path.count("__"), path), default=None)


def is_of_either(model) -> bool:
    return _table(model) in OF_EITHER


def form_oid(model) -> str:
    return f"F.{model._meta.db_table}"


def group_oid(model) -> str:
    return f"IG.{model._meta.db_table}"


def trial_oid(model) -> str:
    return f"{group_oid(model)}.TRIAL"


def item_oid(model, field) -> str:
    return f"I.{model._meta.db_table}.{field.name}"


def list_oid(model, field) -> str:
    return f"CL.{model._meta.db_table}.{field.name}"


def user_oid(username: str) -> str:
    return f"USER.{username}"


def location_oid(site: str | None) -> str:
    return f"LOC.{site or 'ALL'}"


def is_account(field) -> bool:
    return field.is_relation and field.related_model._meta.label == settings.AUTH_USER_MODEL


def data_type(field) -> str:
    """Of ODM 1.3.2. A key is told as text or a whole number, as the row it leads to is named."""
    if field.is_relation:
        return "text" if is_account(field) or field.related_model is Site else "integer"
    if isinstance(field, models.DateTimeField):
        return "datetime"
    if type(field).__name__ == "PartialDateModelField":
        return "partialDate"
    return next((name for kind, name in DATA_TYPES.items() if isinstance(field, kind)), "text")


def lookup(field) -> str:
    """What names the row a field leads to: an account by its name, a site by its code, others by their number."""
    return f"{field.name}__username" if is_account(field) else field.attname


def told(field, value, zone: ZoneInfo | None = None) -> str | None:
    """A value as text; None where nothing is recorded. Instants carry the offset of the site's clock."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(zone or UTC).isoformat()
        case date() | time():
            return value.isoformat()
        case PartialDate():
            return value.iso
        case Decimal():
            return f"{value:.{field.decimal_places}f}"
        case dict() | list():
            return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return str(value)


def value_of(field, text: str | None):
    """The value that `told` made the text of. Raises ValueError or ValidationError where the text is none."""
    if text is None:
        return None
    if isinstance(field, models.JSONField):
        return json.loads(text)
    if isinstance(field, models.BooleanField):
        return {"true": True, "false": False}[text]
    if isinstance(field, models.DateTimeField):
        return datetime.fromisoformat(text).astimezone(UTC)
    return field.to_python(text)


def is_key_of_adoption(field) -> bool:
    """Leads to what adopting the protocol makes, in every deployment the same."""
    return field.is_relation and field.related_model in (Site, Slot)
