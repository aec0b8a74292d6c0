"""What happened to the rows under a signature since it was given, told from the trail."""

import json
from typing import NamedTuple

from django.db.models import Q

from . import as_of
from .models import Entry
from .subjects import Covered
from .wording import Line, instant, lines, record_name


class Change(NamedTuple):
    """One entry of the trail that made a signature stale."""

    entry: Entry
    at: str  # in the reader's zone, with its offset
    who: str
    record: str
    lines: list[Line]
    reason: str

    def __str__(self):
        what = self.entry.get_op_display().lower()
        return f"{self.record} {what} by {self.who}, {self.at}{f': {self.reason}' if self.reason else ''}"


def changes(signatures, rows_now: list[Covered]):
    """(signature, its Changes, oldest first) for each of `signatures`, which are of one subject. One query."""
    if not signatures:
        return
    then = {signature.pk: _rows(signature) for signature in signatures}
    everything = {(row.table, row.row_id) for rows in [*then.values(), rows_now] for row in rows}
    entries = _entries(everything)
    there_now = {(row.table, row.row_id) for row in rows_now}
    for signature in signatures:
        signed = {(row.table, row.row_id): row for row in then[signature.pk]}
        yield signature, [_told(entry, signed) for entry in entries if _touches(entry, signature, signed, there_now)]


def _touches(entry, signature, signed, there_now) -> bool:
    place = entry.table, entry.row_id
    row = signed.get(place)
    if row is None:  # not part of it then: does it belong to it now?
        return place in there_now and (entry.id > signature.entry_number or entry.op == Entry.Op.INSERT)
    if entry.id <= signature.entry_number:
        return False
    return not row.columns or entry.op != Entry.Op.UPDATE or bool(set(row.columns) & json.loads(entry.new).keys())


def _rows(signature) -> list[Covered]:
    return [
        Covered(table, row_id, tuple(columns)) for table, row_id, columns in json.loads(signature.document)["rows"]
    ]


def _entries(rows) -> list[Entry]:
    tables = {table for table, _ in rows}
    wanted = Q(pk__in=[])
    for table in tables:
        wanted |= Q(table=table, row_id__in=[key for name, key in rows if name == table])
    found = Entry.objects.filter(wanted).order_by("id")
    point = as_of.current()  # as it stood then, nothing later had happened yet
    return list(found.filter(id__lte=point.entry) if point else found)


def _told(entry, signed) -> Change:
    role = f" ({entry.role})" if entry.role else ""
    columns = getattr(signed.get((entry.table, entry.row_id)), "columns", ())
    return Change(
        entry,
        instant(entry.at),
        f"{entry.username}{role}",
        record_name(entry.table),
        # A row that is new, or gone, has all its values to tell: its own history does.
        lines(entry, columns) if entry.op == Entry.Op.UPDATE else [],
        entry.reason,
    )
