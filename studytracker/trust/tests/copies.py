"""A database of its own for one test, copied from the migrated one, guards and all."""

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connections


@contextmanager
def private_copy(connection):
    """Every connection of the alias, in whatever thread, leads to the copy meanwhile."""
    settings = connections.settings[connection.alias]
    origin, copy = settings["NAME"], f"{settings['NAME']}_copy"
    make, remove = {"sqlite": (_copy_file, _remove_file), "postgresql": (_copy_database, _drop_database)}[
        connection.vendor
    ]
    connections.close_all()
    make(connection, origin, copy)
    settings["NAME"] = connection.settings_dict["NAME"] = copy
    try:
        yield
    finally:
        connections.close_all()
        settings["NAME"] = connection.settings_dict["NAME"] = origin
        remove(connection, copy)


def _copy_file(connection, origin, copy):
    """Through SQLite itself: while anybody holds the file open, part of it is in the write-ahead log."""
    _remove_file(connection, copy)
    with closing(sqlite3.connect(origin)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _remove_file(connection, copy):
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)


def _copy_database(connection, origin, copy):
    _drop_database(connection, copy)
    quoted = connection.ops.quote_name
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [origin])
        cursor.execute(f"CREATE DATABASE {quoted(copy)} TEMPLATE {quoted(origin)}")


def _drop_database(connection, copy):
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(copy)} WITH (FORCE)")
