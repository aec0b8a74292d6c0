"""Entries of the trail as a person reads them: the names of tables and fields, the values in words."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import models
from django.utils import timezone

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


def record_name(table: str) -> str:
    """'Adverse event', or the table's own name when a later version no longer has it."""
    model = by_table().get(table)
    return str(model._meta.verbose_name).capitalize() if model else table


def lines(entry: Entry, columns=()) -> list[Line]:
    """One for each field of the entry, or for each of `columns` that is in it."""
    old, new = (json.loads(text) if text else {} for text in (entry.old, entry.new))
    names = list(new) + [name for name in old if name not in new]
    names = [name for name in names if name != "version" and (not columns or name in columns)]
    fields = _fields(entry.table)
    ordered = sorted(names, key=lambda name: list(fields).index(name) if name in fields else len(fields))
    return [Line(_label(fields, name), _side(fields, old, name), _side(fields, new, name)) for name in ordered]


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
    return str(field.verbose_name).capitalize() if field else name


def _side(fields, values, name) -> str:
    if name not in values:
        return "–"
    return words_of(fields.get(name), values[name])


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
