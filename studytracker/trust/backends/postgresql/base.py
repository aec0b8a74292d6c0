"""Django's PostgreSQL, telling the server who is writing before the first write of each transaction.

The context is local to a transaction, so a pooled connection never carries it to somebody else.
"""

import re

from django.db import transaction
from django.db.backends.postgresql import base

from studytracker.trust.acting import current
from studytracker.trust.postgres import SETTING

from ..schema import guarded

_START = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*([a-z]+)", re.IGNORECASE | re.DOTALL)
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "COPY", "CALL", "DO"})
_READS = frozenset({"SELECT", "VALUES", "SHOW", "EXPLAIN", "DECLARE", "FETCH", "CLOSE"})
_NEUTRAL = frozenset({"SAVEPOINT", "RELEASE"})
_TELL = f"SELECT set_config('{SETTING}', %s, true)"
NOTHING, UNKNOWN = "", None


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = guarded(base.DatabaseWrapper.SchemaEditorClass)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.told = NOTHING  # what the server holds in the running transaction
        self.execute_wrappers.append(self._with_context)

    def _with_context(self, execute, sql, params, many, context):
        verb = _verb(sql)
        if verb in _READS | _NEUTRAL:
            return execute(sql, params, many, context)
        if verb not in _WRITES:
            self.told = UNKNOWN  # ROLLBACK TO and the like take settings back
            return execute(sql, params, many, context)
        if self.get_autocommit():
            if current() is None:
                return execute(sql, params, many, context)
            with transaction.atomic(using=self.alias):
                self._tell()
                return execute(sql, params, many, context)
        self._tell()
        return execute(sql, params, many, context)

    def _tell(self):
        context = current()
        wanted = context.as_json if context else NOTHING
        if self.told == wanted:
            return
        # Not through a cursor of Django's: this is no query of the page.
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(_TELL, [wanted])
        self.told = wanted

    def connect(self):
        self.told = NOTHING
        super().connect()

    def _commit(self):
        super()._commit()
        self.told = NOTHING

    def _rollback(self):
        self.told = NOTHING
        super()._rollback()

    def _savepoint_rollback(self, sid):
        self.told = UNKNOWN
        super()._savepoint_rollback(sid)


def _verb(sql) -> str:
    found = _START.match(sql if isinstance(sql, str) else str(sql))
    return found[1].upper() if found else ""
