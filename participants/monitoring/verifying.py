"""Source verification: a value compared with its document, until the trail says that the value changed."""

import json
from collections import defaultdict
from typing import NamedTuple

from django.db import transaction

from studytracker.refusal import Refused
from studytracker.trust.models import Entry
from studytracker.trust.wording import instant

from .models import Verification
from .records import of_participants


class VerifyRefused(Refused):
    """Nothing is marked."""


class ChangedMeanwhile(VerifyRefused):
    """What was compared is not what there is now."""

    def add_to(self, form):
        super().add_to(form)
        form.is_overtaken = True


class Mark(NamedTuple):
    """A verification; `changed_by` is the entry that changed the value since, None while it stands."""

    row: Verification
    changed_by: Entry | None

    @property
    def stands(self):
        return self.changed_by is None and self.row.voided_at is None

    @property
    def words(self):
        row, entry = self.row, self.changed_by
        if row.voided_at:
            return f"taken back: {row.voided_reason}"
        if entry:
            return f"no longer: {entry.username} changed the value, {instant(entry.at)}"
        return f"verified by {row.verified_by.get_username()}, {instant(row.verified_at.isoformat())}"


def marks(verifications) -> list[Mark]:
    """Each of these with what voided it, oldest first. One query, besides reading them."""
    rows = list(verifications.select_related("verified_by").order_by("pk"))
    if not rows:
        return []
    entries = Entry.objects.filter(
        table__in={row.table for row in rows},
        row_id__in={row.row_id for row in rows},
        id__gt=min(row.entry_number for row in rows),
    ).order_by("id")
    changes = defaultdict(list)
    for entry in entries:
        for column in json.loads(entry.new or "{}"):
            changes[entry.table, entry.row_id, column].append(entry)
    return [Mark(row, _first_after(row, changes[row.table, row.row_id, row.column])) for row in rows]


def _first_after(row, entries):
    return next((entry for entry in entries if entry.id > row.entry_number), None)


def of_record(record) -> dict[str, Mark]:
    """The newest mark of each column."""
    found = Verification.objects.filter(table=record.table, row_id=record.row_id)
    return {mark.row.column: mark for mark in marks(found)}


def last_entry(record) -> int:
    """The record's own last entry. What is written to the row later has a higher one: the row's lock sees to it."""
    found = Entry.objects.filter(table=record.table, row_id=record.row_id)
    return found.order_by("-id").values_list("id", flat=True).first() or 0


@transaction.atomic
def verify(*, record, columns, seen, by, at) -> list[Verification]:
    """Mark the values of `columns` as compared with their source, as they stood at the record's entry `seen`.

    `record` has to be read in this request, before the call: a change that is not in it is refused here, and one
    that is saved later voids the marks by itself.
    """
    last = last_entry(record)  # before looking for changes, so that none falls between the two
    if not set(columns) <= set(record.due):
        raise VerifyRefused("Choose among the values shown: one of these has no source, or is empty now.")
    if changed := set(columns) & _changed_since(record, seen):
        names = ", ".join(record.value(column).name for column in sorted(changed))
        raise ChangedMeanwhile(f"Nothing is marked: meanwhile somebody changed {names}. Compare it anew.")
    held = {column for column, mark in of_record(record).items() if mark.stands}
    return Verification.objects.bulk_create(
        Verification(
            participant=record.participant,
            site_id=record.participant.site_id,
            table=record.table,
            row_id=record.row_id,
            column=column,
            value=record.value(column).words[:2000],
            entry_number=last,
            verified_at=at,
            verified_by=by,
        )
        for column in columns
        if column not in held
    )


def _changed_since(record, seen) -> set[str]:
    entries = Entry.objects.filter(table=record.table, row_id=record.row_id, id__gt=seen)
    return {column for entry in entries for column in json.loads(entry.new or "{}")}


class Progress(NamedTuple):
    verified: int
    due: int

    @property
    def percent(self):
        return round(100 * self.verified / self.due) if self.due else None


def by_record(people) -> list[tuple]:
    """(record, its Progress) for every record of `people`. Two queries and one for each kind of record."""
    held = {
        (mark.row.table, mark.row.row_id, mark.row.column)
        for mark in marks(Verification.objects.filter(participant__in=people))
        if mark.stands
    }
    found = []
    for record in of_participants(people):
        due = record.due
        verified = sum((record.table, record.row_id, column) in held for column in due)
        found.append((record, Progress(verified, len(due))))
    return found


def progress(people) -> dict[int, Progress]:
    """By the participant's key."""
    totals = {person.pk: Progress(0, 0) for person in people}
    for record, each in by_record(people):
        total = totals[record.participant.pk]
        totals[record.participant.pk] = Progress(total.verified + each.verified, total.due + each.due)
    return totals
