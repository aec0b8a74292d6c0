"""Entries of the trail as a person reads them: the names of tables and fields, the values in words."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone
from django.utils.text import capfirst

from studytracker.dates import day_label

from .coverage import covered_models
from .models import Act, Entry


class Line(NamedTuple):
    """One field of one entry."""

    field: str
    old: str
    new: str

    def __str__(self):
        return f"{self.field}: {self.old} → {self.new}"


@cache
def by_table() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in covered_models()}


def row_name(table: str, row_id: str) -> str:
    """'Visit MUSC-001 W4', or the record's number where the row or its table is no more. One query, and those of its
    name.
    """
    model = by_table().get(table)
    row = model and model._base_manager.filter(pk=row_id).first()
    return f"{record_name(table)} {row or row_id}"


def record_name(table: str) -> str:
    """'Adverse event', or the table's own name when a later version no longer has it."""
    model = by_table().get(table)
    return capfirst(str(model._meta.verbose_name)) if model else table


def accounts() -> dict[int, str]:
    """The username of each account by its key, for `lines`. One query."""
    return dict(get_user_model().objects.values_list("pk", "username"))


def lines(entry: Entry, columns=(), people=MappingProxyType({})) -> list[Line]:
    """One for each field of the entry, or for each of `columns` that is in it; with the names of `people`, by key."""
    old, new = (json.loads(text) if text else {} for text in (entry.old, entry.new))
    names = list(new) + [name for name in old if name not in new]
    names = [name for name in names if name != "version" and (not columns or name in columns)]
    fields = _fields(entry.table)
    ordered = sorted(names, key=lambda name: list(fields).index(name) if name in fields else len(fields))
    sides = ((name, _side(fields, old, name, people), _side(fields, new, name, people)) for name in ordered)
    return [Line(_label(fields, name), *both) for name, *both in sides]


def act_words(entry: Entry) -> str:
    """What an entry about an act says in one line; empty for an entry about another row."""
    if entry.table != Act._meta.db_table or not entry.new:
        return ""
    told = json.loads(entry.new)
    about = f" ({told['username']})" if told["username"] != entry.username else ""
    place = f" from {told['address']}" if told["address"] else ""
    words = f": {told['words']}" if told["words"] else ""
    return f"{Act.Kind(told['kind']).label}{about}{place}{words}"


def instant(text: str, zone: ZoneInfo | None = None) -> str:
    """'2025-06-18 11:00:00 EDT (-0400)': the offset tells the two 01:30s of a night in November apart."""
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return f"{at.astimezone(zone or timezone.get_current_timezone()):%Y-%m-%d %H:%M:%S %Z (%z)}"


@cache
def _fields(table) -> dict[str, models.Field]:
    model = by_table().get(table)
    return {field.column: field for field in model._meta.local_concrete_fields} if model else {}


def field_name(table, column) -> str:
    """'Date of the screening visit', or the column's own name where the model has none."""
    return _label(_fields(table), column)


def _label(fields, name) -> str:
    field = fields.get(name)
    return capfirst(str(field.verbose_name)) if field else name


def _side(fields, values, name, people) -> str:
    if name not in values:
        return "–"
    field, value = fields.get(name), values[name]
    if field is not None and field.is_relation and field.related_model is get_user_model():
        value = people.get(value, value)
    return words_of(field, value)


def words_of(field, value) -> str:
    """A value of a field of a model, or its JSON in the trail, as a person reads it."""
    if value is None:
        return "–"
    if value == "":
        return "(empty)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, models.DateTimeField):
        return instant(value if isinstance(value, str) else value.isoformat())
    if isinstance(field, models.DateField):
        return day_label(date.fromisoformat(value[:10]) if isinstance(value, str) else value)
    if isinstance(field, models.DecimalField):
        return f"{Decimal(value):.{field.decimal_places}f}"
    choices = dict(getattr(field, "flatchoices", ()) or ())
    return str(choices.get(value, value))
