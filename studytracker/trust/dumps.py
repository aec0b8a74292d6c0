"""The whole database into one file and out of one, with each database's own means, and a scratch place for it."""

import os
import sqlite3
import subprocess
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from django.db import connections
from django.db.utils import DatabaseError
from psycopg.conninfo import make_conninfo

from studytracker.refusal import Refused
from studytracker.running.postgres_programs import find_programs

SCRATCH = "scratch"
FILES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}


class DumpFailed(Refused):
    """The database was not written or not read back; the sentence says why."""


def dump(connection, file: Path) -> None:
    """Write what `connection` sees into the file. Call it within snapshot(): the file is of that instant."""
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(file)) as copy:
            connection.connection.backup(copy)  # reads through the open snapshot; nobody waits
            copy.execute("PRAGMA journal_mode=DELETE")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        name = cursor.fetchone()[0]
    _run(connection, "pg_dump", "--format=custom", f"--snapshot={name}", f"--file={file}")


def load(connection, file: Path) -> None:
    """Put a dump into the database of `connection`, which must be empty: whole or not at all."""
    if is_in_use(connection):
        raise DumpFailed("There are tables in this database already. Restore into an empty one; nothing was changed.")
    connection.close()
    if connection.vendor == "sqlite":
        place = Path(connection.settings_dict["NAME"])
        for left in ("-wal", "-shm", ""):
            Path(f"{place}{left}").unlink(missing_ok=True)
        place.write_bytes(file.read_bytes())
        place.chmod(0o600)
        return
    how = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    _run(connection, "pg_restore", *how, str(file))


def is_in_use(connection) -> bool:
    with connection.cursor() as cursor:
        return bool(connection.introspection.table_names(cursor))


@contextmanager
def scratch(connection):
    """A connection to an empty database of the same kind, gone afterwards. PostgreSQL: on the same server."""
    with tempfile.TemporaryDirectory(prefix="studytracker-restore-") as folder:
        name = str(Path(folder, "restored.sqlite3"))
        if connection.vendor == "postgresql":
            name = f"studytracker_restore_{uuid4().hex[:12]}"
            _on_server(connection, f"CREATE DATABASE {name} TEMPLATE template0")
        connections[SCRATCH] = type(connections[connection.alias])({**connection.settings_dict, "NAME": name}, SCRATCH)
        try:
            yield connections[SCRATCH]
        finally:
            connections[SCRATCH].close()
            del connections[SCRATCH]
            if connection.vendor == "postgresql":
                _on_server(connection, f"DROP DATABASE {name} WITH (FORCE)")


def _on_server(connection, statement):
    try:
        with connection._nodb_cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        raise DumpFailed(
            f"No scratch database to restore into: {str(error).splitlines()[0]}. "
            "The account that takes backups needs the right CREATEDB."
        ) from None


def _run(connection, program, *arguments):
    folder = find_programs(program, program, oldest=connection.pg_version // 10000)
    if folder is None:
        raise DumpFailed(f"{program} of version {connection.pg_version // 10000} or newer was not found here.")
    where, password = _where(connection)
    done = subprocess.run(
        [folder / program, f"--dbname={where}", *arguments],
        env={**os.environ, "PGPASSWORD": password},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise DumpFailed(f"{program} failed: {done.stderr.strip() or 'it gave no reason'}")


def _where(connection) -> tuple[str, str]:
    """How libpq finds the database, and the password apart: other people on the machine see a command's words."""
    known = {"dbname", "user", "host", "port", "service", "sslmode", "sslrootcert", "sslcert", "sslkey", "options"}
    given = connection.get_connection_params()
    where = {name: value for name, value in given.items() if name in known and value}
    return make_conninfo(**where), given.get("password") or ""
