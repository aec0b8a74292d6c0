"""The triggers of this database, whichever it is: put in place, compared, summed up in one digest."""

import hashlib
import json

from . import postgres, sqlite
from .acting import acting, because, current
from .coverage import TRAIL

DIALECTS = {"sqlite": sqlite, "postgresql": postgres}
MIGRATED = "A migration changed this table; the row as it stands afterwards"


def dialect(connection):
    return DIALECTS[connection.vendor]


def has_trail(connection) -> bool:
    return has_table(connection, TRAIL)


def has_table(connection, name) -> bool:
    with connection.cursor() as cursor:
        return dialect(connection).has_table(cursor, name)


def tables(connection) -> dict:
    with connection.cursor() as cursor:
        return dialect(connection).tables(cursor)


def drop(connection) -> None:
    with connection.cursor() as cursor:
        dialect(connection).drop(cursor)


def install(connection) -> None:
    """Make the triggers what they should be for the tables as they are now. Nothing before the trail exists."""
    with connection.cursor() as cursor:
        if dialect(connection).has_table(cursor, TRAIL):
            dialect(connection).install(cursor)


def differences(connection) -> list[str]:
    """What is missing, altered or unknown among the triggers, one line each."""
    with connection.cursor() as cursor:
        if not dialect(connection).has_table(cursor, TRAIL):
            return ["There is no audit trail in this database: run manage.py migrate."]
        held, wanted = dialect(connection).actual(cursor), dialect(connection).expected(cursor)
    missing = [f"{name} is missing" for name in sorted(wanted.keys() - held.keys())]
    unknown = [f"{name} should not be there" for name in sorted(held.keys() - wanted.keys())]
    altered = [f"{name} was altered" for name in sorted(held.keys() & wanted.keys()) if held[name] != wanted[name]]
    return missing + altered + unknown


def digest(connection) -> str:
    """One value for the set of triggers that is there."""
    with connection.cursor() as cursor:
        held = dialect(connection).actual(cursor)
    return hashlib.sha256(json.dumps(sorted(held.items())).encode()).hexdigest()


def fingerprint(connection) -> str:
    """Another value as soon as the triggers may have changed; cheap enough to be asked before every form is saved."""
    with connection.cursor() as cursor:
        return f"{connection.settings_dict['NAME']} {dialect(connection).fingerprint(cursor)}"


def record_migrated(connection, before: dict | None, altered: set) -> None:
    """Rows that a migration put into other columns or another table get an entry with their values.

    `before` holds the tables as they were, None where there was no trail yet. `altered` holds further
    (table, column) pairs whose values the migration may have changed.
    """
    for name, table in tables(connection).items():
        columns = _names(table)
        old = _names(before[name]) if before and name in before else None
        fresh = [column for column in columns if old is None or column not in old or (name, column) in altered]
        if fresh and _has_rows(connection, name):
            _record(connection, table, fresh, "I" if old is None else "U")


def _record(connection, table, columns, op):
    actor = because(MIGRATED) if current() else acting("migrate", source="migration", reason=MIGRATED)
    with actor, connection.cursor() as cursor:
        dialect(connection).record_rows(cursor, table, columns, op)


def _names(table) -> list[str]:
    return [getattr(column, "name", column) for column in table.columns]


def _has_rows(connection, table) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {sqlite.quoted(table)} LIMIT 1")
        return cursor.fetchone() is not None
