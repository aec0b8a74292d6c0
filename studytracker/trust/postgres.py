"""The triggers on PostgreSQL: one function for all tables, told by its arguments what is particular to each."""

from typing import NamedTuple

from .acting import current
from .coverage import FIRST, HIDDEN, MASKED, SEALS, TRAIL, is_clinical, is_covered, is_final
from .refusals import APPEND_ONLY, FINAL, KEPT, NOBODY, NOT_EMPTIED, SEALED
from .sqlite import CONTEXT_KEYS, quoted

SETTING = "studytracker.context"
_WHO = ", ".join(
    ["(who->>'actor_id')::bigint", *(f"coalesce(who->>'{key}', '')" for key in CONTEXT_KEYS if key != "actor_id")]
)
_COLUMNS = ", ".join(["at", "table_name", "row_id", "op", "old", "new", *CONTEXT_KEYS, "dbrole"])
_NOW = """to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

FUNCTIONS = {
    # Decimals become text, with their places; what is masked keeps its name only.
    "trail_values": (
        "(row_values jsonb, decimals text)",
        "jsonb",
        """
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY string_to_array(decimals, ',') LOOP
    IF jsonb_typeof(row_values->name) = 'number' THEN
      row_values := jsonb_set(row_values, ARRAY[name], to_jsonb(row_values->>name));
    END IF;
  END LOOP;
  RETURN row_values;
END
""",
    ),
    "trail_masked": (
        "(row_values jsonb, masked text)",
        "jsonb",
        f"""
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY string_to_array(masked, ',') LOOP
    IF row_values ? name THEN
      row_values := jsonb_set(row_values, ARRAY[name], '"{HIDDEN}"');
    END IF;
  END LOOP;
  RETURN row_values;
END
""",
    ),
    # The row's key, of whatever columns it consists.
    "trail_key": (
        "(row_values jsonb, columns text)",
        "text",
        """
BEGIN
  RETURN (SELECT string_agg(row_values->>name, '|' ORDER BY place)
          FROM unnest(string_to_array(columns, ',')) WITH ORDINALITY AS key (name, place));
END
""",
    ),
    # Arguments: key columns, masked columns, decimal columns.
    "trail_write": (
        "()",
        "trigger",
        f"""
DECLARE
  who jsonb := nullif(current_setting('{SETTING}', true), '')::jsonb;
  was jsonb;
  became jsonb;
  row_key text;
BEGIN
  IF coalesce(who->>'username', '') = '' THEN
    RAISE EXCEPTION '{NOBODY}' USING ERRCODE = '23000';
  END IF;
  IF TG_OP <> 'INSERT' THEN was := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN became := to_jsonb(NEW); END IF;
  IF TG_ARGV[2] <> '' THEN
    was := trail_values(was, TG_ARGV[2]);
    became := trail_values(became, TG_ARGV[2]);
  END IF;
  IF position(',' IN TG_ARGV[0]) = 0 THEN
    row_key := coalesce(was, became)->>TG_ARGV[0];
  ELSE
    row_key := trail_key(coalesce(was, became), TG_ARGV[0]);
  END IF;
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(key, value), jsonb_object_agg(key, became->key) INTO was, became
    FROM jsonb_each(was) WHERE value <> became->key;
    IF was IS NULL THEN RETURN NULL; END IF;
  END IF;
  IF TG_ARGV[1] <> '' THEN
    was := trail_masked(was, TG_ARGV[1]);
    became := trail_masked(became, TG_ARGV[1]);
  END IF;
  INSERT INTO {TRAIL} ({_COLUMNS})
  VALUES ({_NOW}, TG_TABLE_NAME, row_key, left(TG_OP, 1), was::text, became::text, {_WHO}, session_user);
  RETURN NULL;
END
""",
    ),
    "trail_refuse": (
        "()",
        "trigger",
        """
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = '23000';
END
""",
    ),
    # An id given by hand could stand in for an entry still to come, or replace one.
    "trail_guard": (
        "()",
        "trigger",
        f"""
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM {TRAIL} WHERE id = NEW.id;
    IF NOT FOUND THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = '23000';
END
""",
    ),
    # A seal continues the chain: the next number, the hash of the last one, an entry after the one that it seals.
    "trail_chain": (
        "()",
        "trigger",
        f"""
DECLARE last record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT seq, entry_id, hash INTO last FROM {SEALS} ORDER BY seq DESC LIMIT 1;
    IF NEW.seq = coalesce(last.seq, 0) + 1 AND NEW.previous = coalesce(last.hash, '{FIRST}')
       AND NEW.entry_id > coalesce(last.entry_id, 0) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '{SEALED}' USING ERRCODE = '23000';
END
""",
    ),
}


class Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    decimals: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, str, str]:
        masked = sorted(MASKED & set(self.columns))
        return ",".join(self.key), ",".join(masked), ",".join(self.decimals)


def tables(cursor) -> dict[str, Table]:
    """Every covered table of this schema by name, as it is now."""
    cursor.execute(
        """
        SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum),
               (SELECT array_agg(k.attname::text ORDER BY array_position(i.indkey::int2[], k.attnum))
                FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY(i.indkey)
                WHERE i.indrelid = c.oid AND i.indisprimary),
               array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.atttypid = 'numeric'::regtype)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
        GROUP BY c.oid, c.relname ORDER BY c.relname
        """
    )
    return {
        name: Table(name, tuple(columns), tuple(key or columns), tuple(decimals or ()))
        for name, columns, key, decimals in cursor.fetchall()
        if is_covered(name)
    }


def has_table(cursor, name) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [quoted(name)])
    return cursor.fetchone()[0]


def actual(cursor) -> dict[str, str]:
    """Triggers and functions as the server holds them. `A` says that no replication setting silences a trigger."""
    cursor.execute(
        """
        SELECT t.tgname || ' on ' || c.relname, t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid, true)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND t.tgname LIKE 'trail~_%' ESCAPE '~'
          AND c.relnamespace = current_schema()::regnamespace
        UNION ALL
        SELECT 'function ' || proname, prosecdef::text || ' ' || array_to_string(proconfig, ';') || ' ' || prosrc
        FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'trail~_%' ESCAPE '~'
        """
    )
    return dict(cursor.fetchall())


def fingerprint(cursor) -> str:
    """Every change of a row of the catalogue has a transaction of its own: `xmin`."""
    cursor.execute(
        """
        SELECT md5(string_agg(held, ',' ORDER BY held)) FROM (
            SELECT t.oid::text || ' ' || t.xmin::text || t.tgenabled::text AS held
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE NOT t.tgisinternal AND t.tgname LIKE 'trail~_%' ESCAPE '~'
              AND c.relnamespace = current_schema()::regnamespace
            UNION ALL
            SELECT oid::text || ' ' || xmin::text FROM pg_proc
            WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'trail~_%' ESCAPE '~') AS rows
        """
    )
    return str(cursor.fetchone()[0])


def expected(cursor) -> dict[str, str]:
    schema = _schema(cursor)
    wanted = {
        f"function {name}": f"true search_path={schema}, pg_temp;TimeZone=UTC {body}"
        for name, (_, _, body) in FUNCTIONS.items()
    }
    for trigger, table, definition in _triggers(cursor):
        wanted[f"{trigger} on {table}"] = f"A {definition}"
    return wanted


def _triggers(cursor):
    """(name, table, text as the server gives it back)."""
    for table in tables(cursor).values():
        name = _identifier(table.name)
        arguments = ", ".join(f"'{argument}'" for argument in table.arguments)
        yield _trigger("trail_write", "AFTER INSERT OR DELETE OR UPDATE", name, "ROW", f"trail_write({arguments})")
        yield _trigger("trail_truncate", "BEFORE TRUNCATE", name, "STATEMENT", f"trail_refuse('{NOT_EMPTIED}')")
        if is_clinical(table.name):
            yield _trigger("trail_keep", "BEFORE DELETE", name, "ROW", f"trail_refuse('{KEPT}')")
        if is_final(table.name):
            yield _trigger("trail_final", "BEFORE DELETE OR UPDATE", name, "ROW", f"trail_refuse('{FINAL}')")
    yield _trigger("trail_guard", "BEFORE DELETE OR UPDATE", TRAIL, "ROW", "trail_guard()")
    # An entry that a trigger writes has its number from the sequence: only others need to be looked at.
    by_hand = "WHEN (pg_trigger_depth() = 0) "
    yield _trigger("trail_guard_insert", "BEFORE INSERT", TRAIL, "ROW", "trail_guard()", by_hand)
    yield _trigger("trail_guard_all", "BEFORE TRUNCATE", TRAIL, "STATEMENT", "trail_guard()")
    if has_table(cursor, SEALS):
        yield _trigger("trail_chain", "BEFORE INSERT OR DELETE OR UPDATE", SEALS, "ROW", "trail_chain()")
        yield _trigger("trail_chain_all", "BEFORE TRUNCATE", SEALS, "STATEMENT", "trail_chain()")


def _trigger(trigger, event, table, level, call, when=""):
    text = f"CREATE TRIGGER {trigger} {event} ON {table} FOR EACH {level} {when}EXECUTE FUNCTION {call}"
    return trigger, table.strip('"'), text


def _identifier(name: str) -> str:
    """As the server writes it: quoted only where it must be."""
    return name if name.isidentifier() and name == name.lower() else quoted(name)


def _schema(cursor) -> str:
    cursor.execute("SELECT current_schema()")
    return cursor.fetchone()[0]


def drop(cursor) -> None:
    """Nothing: a table's triggers here name none of its columns, so no change of it is in their way."""


def install(cursor) -> None:
    held = actual(cursor)
    wanted = expected(cursor)
    if any(held.get(name) != text for name, text in wanted.items() if name.startswith("function ")):
        _make_functions(cursor, _schema(cursor))
    texts = {f"{trigger} on {table}": (trigger, table, text) for trigger, table, text in _triggers(cursor)}
    for name, definition in held.items():
        if not name.startswith("function ") and wanted.get(name) != definition:
            trigger, _, table = name.partition(" on ")
            cursor.execute(f"DROP TRIGGER {trigger} ON {quoted(table)}")
    for name, (trigger, table, text) in texts.items():
        if held.get(name) != wanted[name]:
            cursor.execute(text)
            cursor.execute(f"ALTER TABLE {quoted(table)} ENABLE ALWAYS TRIGGER {trigger}")


def _make_functions(cursor, schema) -> None:
    for name, (arguments, returns, body) in FUNCTIONS.items():
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {name}{arguments} RETURNS {returns} LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = {quoted(schema)}, pg_temp SET \"TimeZone\" = 'UTC' AS $trail${body}$trail$"
        )


def live_rows(cursor, table: Table) -> list[tuple[str, str]]:
    """(key, values as JSON) of every row, written as the triggers write them."""
    key, masked, decimals = table.arguments
    cursor.execute("SET LOCAL TimeZone = 'UTC'")
    cursor.execute(
        f"SELECT trail_key(to_jsonb(t), %s), trail_masked(trail_values(to_jsonb(t), %s), %s)::text "
        f"FROM {quoted(table.name)} AS t",
        [key, decimals, masked],
    )
    return cursor.fetchall()


def record_rows(cursor, table: Table, columns, op: str) -> None:
    """An entry for each row as it stands: what a migration did to it no trigger could see."""
    key, masked, decimals = table.arguments
    cursor.execute(
        f"WITH who AS (SELECT %s::jsonb AS who), "
        f"was AS (SELECT trail_values(to_jsonb(t), %s) AS row_values FROM {quoted(table.name)} AS t), "
        f"kept AS (SELECT row_values, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(row_values) "
        f"WHERE key = ANY(%s)) AS named FROM was) "
        f"INSERT INTO {TRAIL} ({_COLUMNS}) SELECT {_NOW}, %s, trail_key(row_values, %s), %s, NULL, "
        f"trail_masked(named, %s)::text, {_WHO}, session_user FROM kept, who",
        [current().as_json, decimals, list(columns), table.name, key, op, masked],
    )
