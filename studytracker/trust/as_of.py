"""The record as it stood at an entry of the trail: every page, over rows rebuilt from the entries up to it.

Addresses that begin with `/as-of/<entry>/` run the same views over a database in memory that holds those rows, with
the clock standing at that entry. Nothing can be saved there. Who may see what is decided by today's rights.
"""

import json
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connections, models
from django.db.backends.sqlite3.base import DatabaseWrapper

from studytracker.clock import stands_at

from .coverage import covered_models
from .models import Entry
from .replay import Replay
from .sqlite import quoted

ALIAS = "past"
# Who asks, and what asking leaves behind, is of today.
OF_TODAY = {"access", "auth", "sessions", "contenttypes", "web", "exports"}


class Point(NamedTuple):
    entry: int
    at: datetime

    def __str__(self):
        return f"entry {self.entry} of the audit trail"


_point: ContextVar[Point | None] = ContextVar("as_of", default=None)


def current() -> Point | None:
    """The point of the past that is being shown, or None today."""
    return _point.get()


def point_at(number: int) -> Point | None:
    """The last entry that is not after `number`; None before the first."""
    found = Entry.objects.filter(id__lte=number).order_by("-id").values_list("id", "at").first()
    return found and Point(found[0], datetime.fromisoformat(found[1]))


def point_when(at: datetime) -> Point | None:
    text = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    found = Entry.objects.filter(at__lte=text).order_by("-id").values_list("id", flat=True).first()
    return found and point_at(found)


@contextmanager
def standing_at(point: Point):
    """Inside, models of the trial are read as they were at `point`."""
    connections[ALIAS] = rebuilt(point)
    shown, clock = _point.set(point), stands_at.set(point.at)
    try:
        yield
    finally:
        _point.reset(shown)
        stands_at.reset(clock)
        connections[ALIAS].close()
        del connections[ALIAS]


def rebuilt(point: Point) -> DatabaseWrapper:
    """A database in memory with every row as the entries up to `point` leave it."""
    found = [model for model in covered_models() if model._meta.app_label != "sessions"]
    replay = Replay({model._meta.db_table: (model._meta.pk.column,) for model in found})
    for entry in Entry.objects.using("default").filter(id__lte=point.entry).order_by("id").iterator(2000):
        replay.play(entry)
    facts = connections["default"].settings_dict | {"NAME": ":memory:", "ENGINE": "django.db.backends.sqlite3"}
    made = DatabaseWrapper(facts | {"OPTIONS": {}, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0}, ALIAS)
    with made.cursor() as cursor:
        for model in found:
            _fill(made, cursor, model, replay.tables[model._meta.db_table].values())
    return made


def _fill(connection, cursor, model, rows):
    fields = model._meta.local_concrete_fields
    columns = ", ".join(f"{quoted(field.column)} {field.db_type(connection)}" for field in fields)
    cursor.execute(f"CREATE TABLE {quoted(model._meta.db_table)} ({columns})")
    values = [[_stored(field, row) for field in fields] for row in rows]
    if values:
        marks = ", ".join(["%s"] * len(fields))
        cursor.executemany(f"INSERT INTO {quoted(model._meta.db_table)} VALUES ({marks})", values)


def _stored(field, row):
    """A value of the trail as SQLite keeps it. A column added later has its default."""
    if field.column not in row:
        default = field.get_default() if field.has_default() or not field.null else None
        return default if isinstance(default, str | int | None) else None
    value = row[field.column]
    if isinstance(field, models.DateTimeField) and value:
        at = datetime.fromisoformat(value)
        return str((at.astimezone(UTC) if at.tzinfo else at).replace(tzinfo=None))
    return json.dumps(value) if isinstance(value, dict | list) else value


class Router:
    """Reads go to the past while it is shown. Writes are refused before they get here, but for acts of today."""

    def db_for_read(self, model, **hints):
        shown = current() and model._meta.app_label not in OF_TODAY and model not in (Entry,)
        return ALIAS if shown and _is_rebuilt(model) else None

    def allow_relation(self, one, other, **hints):
        return True if current() else None


def _is_rebuilt(model) -> bool:
    return model in covered_models()
