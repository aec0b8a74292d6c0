"""Reading many tables as they were at one instant, while others write."""

from contextlib import contextmanager

from django.db import connections, transaction


@contextmanager
def snapshot(alias="default"):
    """Everything read inside is of one instant. Inside a transaction already, that transaction decides."""
    connection = connections[alias]
    if connection.in_atomic_block:
        yield connection
    elif connection.vendor == "sqlite":
        with _deferred(connection):
            yield connection
    else:
        with transaction.atomic(using=alias), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection


@contextmanager
def _deferred(connection):
    """Not `atomic`, which takes the write lock at once: nobody need wait for a reader."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
