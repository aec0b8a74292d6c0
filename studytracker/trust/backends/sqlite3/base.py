"""Django's SQLite, with the function that tells the triggers who is writing."""

from django.db.backends.sqlite3 import base

from studytracker.trust.acting import for_sqlite

from ..schema import guarded


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = guarded(base.DatabaseWrapper.SchemaEditorClass)

    def get_new_connection(self, conn_params):
        connection = super().get_new_connection(conn_params)
        connection.create_function("trail_context", 1, for_sqlite)
        return connection
