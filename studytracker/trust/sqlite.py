"""The triggers on SQLite, written out for each table from the columns it really has."""

from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from .coverage import FIRST, HIDDEN, MASKED, SEALS, TRAIL, is_clinical, is_covered, is_final, scale
from .refusals import APPEND_ONLY, FINAL, KEPT, NOBODY, SEALED

# The context's part of an entry, in the order of _CONTEXT_VALUES.
CONTEXT_KEYS = ("actor_id", "username", "role", "site", "source", "request_id", "reason")
_COLUMNS = ", ".join(["at", "table_name", "row_id", "op", "old", "new", *CONTEXT_KEYS, "dbrole"])
_CONTEXT_VALUES = ", ".join(f"trail_context('{key}')" for key in CONTEXT_KEYS)

# A seal continues the chain: the next number, the hash of the last one, an entry after the one that it seals.
NO_NEXT_SEAL = (
    f"(NEW.seq, NEW.previous) IS NOT (SELECT coalesce(max(seq), 0) + 1, coalesce(max(hash), '{FIRST}') "
    f"FROM {SEALS} WHERE seq = (SELECT max(seq) FROM {SEALS})) "
    f"OR EXISTS (SELECT 1 FROM {SEALS} WHERE entry_id >= NEW.entry_id)"
)


class Column(NamedTuple):
    name: str
    type: str


class Table(NamedTuple):
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


def tables(cursor) -> dict[str, Table]:
    """Every covered table by name, as it is now. One query."""
    cursor.execute(
        "SELECT held.name, part.name, lower(part.type), part.pk FROM sqlite_master AS held "
        "JOIN pragma_table_xinfo(held.name) AS part WHERE held.type = 'table' ORDER BY held.name, part.cid"
    )
    rows = groupby(cursor.fetchall(), key=itemgetter(0))
    return {name: _table(name, list(parts)) for name, parts in rows if is_covered(name)}


def has_table(cursor, name) -> bool:
    cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [name])
    return cursor.fetchone() is not None


def _table(name, parts):
    keys = sorted((place, column) for _, column, _, place in parts if place)
    columns = tuple(Column(column, type) for _, column, type, _ in parts)
    return Table(name, columns, tuple(column for _, column in keys))


def actual(cursor) -> dict[str, str]:
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'trail~_%' ESCAPE '~'")
    return dict(cursor.fetchall())


def fingerprint(cursor) -> str:
    """Counts every change of the schema, a trigger's too."""
    cursor.execute("PRAGMA schema_version")
    return str(cursor.fetchone()[0])


def expected(cursor) -> dict[str, str]:
    """Name and text of every trigger that should be there."""
    wanted = _guards(TRAIL, "trail_guard", f"EXISTS (SELECT 1 FROM {TRAIL} WHERE id = NEW.id)", APPEND_ONLY)
    if has_table(cursor, SEALS):
        wanted |= _guards(SEALS, "trail_chain", NO_NEXT_SEAL, SEALED)
    for table in tables(cursor).values():
        wanted |= _triggers(table)
    return wanted


def drop(cursor) -> None:
    for name in actual(cursor):
        cursor.execute(f"DROP TRIGGER {quoted(name)}")


def install(cursor) -> None:
    drop(cursor)
    for text in expected(cursor).values():
        cursor.execute(text)


def live_rows(cursor, table: Table) -> list[tuple[str, str]]:
    """(key, values as JSON) of every row, written as the triggers write them."""
    values = _object([_member(table.name, column, table.name) for column in table.columns])
    cursor.execute(f"SELECT {_row_id(table, table.name)}, {values} FROM {quoted(table.name)}")
    return cursor.fetchall()


def record_rows(cursor, table: Table, columns, op: str) -> None:
    """An entry for each row as it stands: what a migration did to it no trigger could see."""
    values = _object([_member(table.name, column, table.name) for column in table.columns if column.name in columns])
    cursor.execute(
        f"INSERT INTO {TRAIL} ({_COLUMNS}) SELECT trail_context('at'), {_text(table.name)}, "
        f"{_row_id(table, table.name)}, '{op}', NULL, {values}, {_CONTEXT_VALUES}, '' FROM {quoted(table.name)}"
    )


def _triggers(table: Table) -> dict[str, str]:
    name, refuse = table.name, f"SELECT RAISE(ABORT, {_text(NOBODY)}) WHERE trail_context('username') IS NULL;"
    before = _object([_member(name, column, "OLD") for column in table.columns])
    after = _object([_member(name, column, "NEW") for column in table.columns])
    bodies = {
        "I": ("INSERT", "", _row_id(table, "NEW"), "NULL", after),
        "U": (
            "UPDATE",
            f" WHEN {' OR '.join(_differs(column) for column in table.columns)}",
            _row_id(table, "OLD"),
            _object([_changed_member(name, column, "OLD") for column in table.columns]),
            _object([_changed_member(name, column, "NEW") for column in table.columns]),
        ),
        "D": ("DELETE", "", _row_id(table, "OLD"), before, "NULL"),
    }
    made = {}
    for op, (event, when, row_id, old, new) in bodies.items():
        trigger = f"trail_{op.lower()}_{name}"
        made[trigger] = (
            f"CREATE TRIGGER {quoted(trigger)} AFTER {event} ON {quoted(name)}{when} BEGIN {refuse} "
            f"INSERT INTO {TRAIL} ({_COLUMNS}) VALUES (trail_context('at'), {_text(name)}, {row_id}, '{op}', "
            f"{old}, {new}, {_CONTEXT_VALUES}, ''); END"
        )
    if is_clinical(name):
        made[f"trail_k_{name}"] = (
            f"CREATE TRIGGER {quoted(f'trail_k_{name}')} BEFORE DELETE ON {quoted(name)} "
            f"BEGIN SELECT RAISE(ABORT, {_text(KEPT)}); END"
        )
    if is_final(name):
        made |= _guards(name, f"trail_final_{name}", f"EXISTS (SELECT 1 FROM {name} WHERE id = NEW.id)", FINAL)
    return made


def _guards(table, name, against_insert, words) -> dict[str, str]:
    """INSERT OR REPLACE removes the old row without a delete trigger, so an insert over one is refused too."""
    return {
        f"{name}_{event.lower()}": f"CREATE TRIGGER {name}_{event.lower()} BEFORE {event} ON {table}{when} "
        f"BEGIN SELECT RAISE(ABORT, {_text(words)}); END"
        for event, when in (("INSERT", f" WHEN {against_insert}"), ("UPDATE", ""), ("DELETE", ""))
    }


def _object(members) -> str:
    """Members are SQL texts, each ',"name":value' or empty."""
    return f"'{{' || substr({' || '.join(members)}, 2) || '}}'"


def _member(table, column, row) -> str:
    return f"{_text(',' + _json_name(column.name))} || {_value(table, column, row)}"


def _changed_member(table, column, row) -> str:
    return f"CASE WHEN {_differs(column)} THEN {_member(table, column, row)} ELSE '' END"


def _differs(column) -> str:
    return f"OLD.{quoted(column.name)} IS NOT NEW.{quoted(column.name)}"


def _value(table, column, row) -> str:
    """The value as JSON text: decimals as text with all their places, booleans as true and false."""
    value = f"{quoted(row) if row == table else row}.{quoted(column.name)}"
    if column.name in MASKED:
        return _text(f'"{HIDDEN}"')
    if column.type == "bool":
        return f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE json_quote({value}) END"
    if column.type.startswith("decimal"):
        places = scale(table, column.name)
        as_text = f"CAST({value} AS TEXT)" if places is None else f"printf('%.{places}f', {value})"
        numeric = f"typeof({value}) IN ('integer', 'real')"
        return f"CASE WHEN {numeric} THEN json_quote({as_text}) ELSE json_quote({value}) END"
    if column.type == "blob":
        return f"CASE WHEN {value} IS NULL THEN 'null' ELSE json_quote(hex({value})) END"
    return f"json_quote({value})"


def _row_id(table: Table, row) -> str:
    prefix = quoted(row) if row == table.name else row
    return " || '|' || ".join(f"CAST({prefix}.{quoted(key)} AS TEXT)" for key in table.key or ("rowid",))


def _json_name(name) -> str:
    return f'"{name}":'


def _text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
