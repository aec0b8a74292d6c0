"""A schema editor that leaves the triggers right after every operation, whatever it did to the tables.

SQLite rebuilds a table for most changes and drops its triggers in silence; others fail because a trigger names a
column. So all triggers go before the outermost operation and are written anew from the columns there are after it.
"""

from functools import wraps

from studytracker.trust import triggers
from studytracker.trust.coverage import SEALS, TRAIL

OPERATIONS = (
    *("create_model", "delete_model", "add_field", "remove_field", "alter_field"),
    *("alter_db_table", "alter_db_table_comment", "alter_db_tablespace"),
    *("alter_unique_together", "alter_index_together"),
    *("add_index", "remove_index", "rename_index", "add_constraint", "remove_constraint"),
)


class TrailStays(Exception):
    """Nothing takes the audit trail away: not even its own migration, backwards."""


def guarded(editor_class):
    """The class, with each public operation on tables wrapped."""
    stock = {name: getattr(editor_class, name) for name in OPERATIONS if hasattr(editor_class, name)}
    wrapped = {name: _wrapped(method) for name, method in stock.items()}
    return type(editor_class.__name__, (editor_class,), {**wrapped, "in_operation": False})


def _wrapped(stock):
    @wraps(stock)
    def operation(self, *args, **kwargs):
        if self.in_operation or self.collect_sql:
            return stock(self, *args, **kwargs)
        self.in_operation = True
        try:
            return _between_triggers(self.connection, stock, self, *args, **kwargs)
        finally:
            self.in_operation = False

    return operation


def _between_triggers(connection, stock, editor, *args, **kwargs):
    if stock.__name__ == "delete_model" and args[0]._meta.db_table in (TRAIL, SEALS):
        raise TrailStays("The audit trail and its seals cannot be removed. Keep their tables, and go back no further.")
    before = triggers.tables(connection) if triggers.has_trail(connection) else None
    if before is not None:
        triggers.drop(connection)
    result = stock(editor, *args, **kwargs)
    if triggers.has_trail(connection):
        triggers.install(connection)
        triggers.record_migrated(connection, before, _altered(stock.__name__, args))
    return result


def _altered(name, args) -> set[tuple[str, str]]:
    """alter_field may fill in values: a column that becomes required gets its default."""
    if name != "alter_field":
        return set()
    model, _, new_field = args[:3]
    return {(model._meta.db_table, new_field.column)}
