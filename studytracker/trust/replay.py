"""Playing the trail back: from nothing to every row as it stands, with each difference named."""

import json
from collections import defaultdict
from typing import NamedTuple

from django.db import connections

from . import triggers
from .models import Entry
from .snapshot import snapshot


class Difference(NamedTuple):
    table: str
    key: str
    column: str
    words: str

    def __str__(self):
        return f"{self.table} {self.key}{f' {self.column}' if self.column else ''}: {self.words}"


class Result(NamedTuple):
    entries: int
    rows: int
    differences: list[Difference]


def verify(alias="default") -> Result:
    """Reads trail and rows in one snapshot, while others write."""
    connection = connections[alias]
    with snapshot(alias), connection.cursor() as cursor:
        replay = Replay({name: table.key for name, table in triggers.tables(connection).items()})
        for entry in Entry.objects.using(alias).order_by("id").iterator(2000):
            replay.play(entry)
        rows = 0
        for name, table in triggers.tables(connection).items():
            live = {key: json.loads(text) for key, text in triggers.dialect(connection).live_rows(cursor, table)}
            rows += len(live)
            replay.compare(name, live)
    return Result(replay.count, rows, replay.differences)


class Replay:
    """The rows of every table as the entries played so far say, and what does not fit."""

    def __init__(self, keys: dict[str, tuple[str, ...]]):
        self.keys = keys
        self.tables: dict[str, dict[str, dict]] = defaultdict(dict)
        self.differences: list[Difference] = []
        self.count = 0

    def play(self, entry: Entry):
        self.count += 1
        rows = self.tables[entry.table]
        old, new = (json.loads(text) if text else {} for text in (entry.old, entry.new))
        self._compare_with_entry(entry, rows.get(entry.row_id), old)
        row = rows.pop(entry.row_id, {}) if entry.op != Entry.Op.INSERT else {}
        if entry.op != Entry.Op.DELETE:
            row |= new
            rows[self._key(entry, row)] = row

    def _key(self, entry, row) -> str:
        """A change of the key moves the row."""
        columns = self.keys.get(entry.table, ())
        if all(column in row for column in columns) and columns:
            return "|".join(str(row[column]) for column in columns)
        return entry.row_id

    def _compare_with_entry(self, entry, row, old):
        """What an entry found must be what the entries before it left: else something happened in between."""
        if entry.op == Entry.Op.INSERT:
            if row is not None:
                self._say(entry.table, entry.row_id, "", f"entry {entry.id} adds a row that was there already")
        elif row is None:
            self._say(entry.table, entry.row_id, "", f"entry {entry.id} changes a row that nothing added")
        else:
            for column, value in old.items():
                if column in row and row[column] != value:
                    words = f"entry {entry.id} found {_words(value)} where the trail had {_words(row[column])}"
                    self._say(entry.table, entry.row_id, column, words)

    def compare(self, table, live):
        replayed = self.tables[table]
        for key in sorted(replayed.keys() - live.keys()):
            self._say(table, key, "", "the trail has this row, the table has not")
        for key in sorted(live.keys() - replayed.keys()):
            self._say(table, key, "", "the table has this row, the trail has not")
        for key in sorted(live.keys() & replayed.keys()):
            for column, value in live[key].items():
                if column not in replayed[key]:
                    self._say(table, key, column, f"the row holds {_words(value)}, the trail nothing")
                elif replayed[key][column] != value:
                    words = f"the row holds {_words(value)}, the trail says {_words(replayed[key][column])}"
                    self._say(table, key, column, words)

    def _say(self, *facts):
        self.differences.append(Difference(*facts))


def _words(value) -> str:
    return json.dumps(value, ensure_ascii=False)
