"""One row as it was, rebuilt from its entries in the trail."""

import json
from typing import NamedTuple

from .models import Entry
from .wording import instant


class Step(NamedTuple):
    """A change of the row: who, when and why, in words."""

    entry: Entry
    values: dict  # the whole row after it, by column

    def __str__(self):
        entry = self.entry
        role = f" ({entry.role})" if entry.role else ""
        return f"{entry.username}{role}, {instant(entry.at)}{f': {entry.reason}' if entry.reason else ''}"


class Past:
    def __init__(self, entries):
        self.steps, values = [], {}
        for entry in entries:
            values = values | json.loads(entry.new or "{}")
            self.steps.append(Step(entry, values))

    @classmethod
    def of(cls, row):
        """One query."""
        return cls(Entry.objects.filter(table=row._meta.db_table, row_id=str(row.pk)).order_by("id"))

    @property
    def latest(self) -> dict:
        return self.steps[-1].values if self.steps else {}

    def at_version(self, version: int) -> dict:
        """The row as it was left at that version; empty where the trail knows none."""
        found = [step.values for step in self.steps if step.values.get("version", 1) <= version]
        return found[-1] if found else {}

    def changes_after(self, version: int) -> list[Step]:
        return [step for step in self.steps if step.values.get("version", 1) > version]
