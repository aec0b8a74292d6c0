"""Django's SQLite, with the function that tells the triggers who is writing."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.sqlite3 import base

from studytracker.trust.acting import for_sqlite

from ..schema import guarded


class SchemaEditor(guarded(base.DatabaseWrapper.SchemaEditorClass)):
    def __exit__(self, exc_type, exc_value, traceback):
        """After an error Django's checks foreign keys first, which fails too and hides what went wrong."""
        if exc_type is None:
            return super().__exit__(exc_type, exc_value, traceback)
        try:
            BaseDatabaseSchemaEditor.__exit__(self, exc_type, exc_value, traceback)
        finally:
            self.connection.enable_constraint_checking()


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor

    def get_new_connection(self, conn_params):
        connection = super().get_new_connection(conn_params)
        connection.create_function("trail_context", 1, for_sqlite)
        return connection
