"""Chaining the entries of the trail, each to the hash of the one before, outside the transactions that wrote them.

The sealer takes entries in the order of their numbers and never goes back. So it waits for what is still being
written: an entry without a seal before a sealed one can then only have been put there afterwards.
"""

import time
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Max

from .acting import instant
from .coverage import FIRST, TRAIL
from .models import Anchor, Entry, Seal
from .verifier import entry_digest, seal_hash

BATCH = 1000
LOCK = 7_021_003  # any number of ours: one sealer at a time
PATIENCE_SECONDS = 5


class Head(NamedTuple):
    """The end of the chain: whoever keeps `text` can prove later that nothing before it was changed."""

    seq: int
    hash: str
    entry_id: int
    at: str

    @property
    def text(self):
        return f"{self.seq}:{self.hash}"


def head() -> Head | None:
    """One query; None before the first seal."""
    last = Seal.objects.values_list("seq", "hash", "entry_id", "at").first()
    return Head(*last) if last else None


def head_at(entry: int) -> Head | None:
    """The last seal of an entry up to `entry`, whatever was sealed since. One query."""
    last = Seal.objects.filter(entry_id__lte=entry).values_list("seq", "hash", "entry_id", "at").first()
    return Head(*last) if last else None


def seal(at: datetime) -> int:
    """Seal every entry that is settled. Returns how many. Any number at once does no harm."""
    settled, count = settled_up_to(), 0
    while made := _seal_some(settled, at):
        count += made
    return count


def unsealed() -> int:
    """How many entries wait for their seal. A writer that never ends its transaction holds them up."""
    last = head()
    return Entry.objects.filter(id__gt=last.entry_id if last else 0).count()


def anchor(at: datetime) -> Anchor | None:
    """The head that is told on this day (UTC), noted once a day. None while nothing is sealed."""
    last = head()
    if last is None:
        return None
    facts = {"seq": last.seq, "hash": last.hash, "told_at": at}
    return Anchor.objects.get_or_create(day=at.date(), defaults=facts)[0]


@transaction.atomic
def _seal_some(settled, at) -> int:
    _take_turns()
    last = head() or Head(0, FIRST, 0, "")
    entries = Entry.objects.filter(id__gt=last.entry_id, id__lte=settled).order_by("id")[:BATCH]
    seals, seq, previous = [], last.seq, last.hash
    for entry in entries.values():
        seq += 1
        value = seal_hash(seq, entry["id"], instant(at), previous, entry_digest(entry))
        seals.append(Seal(seq=seq, entry_id=entry["id"], at=instant(at), previous=previous, hash=value))
        previous = value
    Seal.objects.bulk_create(seals)
    return len(seals)


def _take_turns():
    """On PostgreSQL a statement of its own: what follows then sees what the sealer before committed."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def settled_up_to() -> int:
    """A number up to which no further entry can appear.

    On SQLite one writes at a time, so numbers appear in their order. On PostgreSQL whoever holds a number up to the
    highest that can be seen holds a lock on the trail until the end of the transaction: wait until those have ended.
    Where one does not end in time, 0, and the next sealer tries again.
    """
    highest = Entry.objects.aggregate(Max("id"))["id__max"] or 0
    if connection.vendor != "postgresql":
        return highest
    writing, deadline = _writers(), time.monotonic() + PATIENCE_SECONDS
    while writing & _writers():
        if time.monotonic() > deadline:
            return 0
        time.sleep(0.02)
    return highest


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT virtualtransaction FROM pg_locks WHERE relation = %s::regclass AND mode = 'RowExclusiveLock' "
            "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND pid IS DISTINCT FROM pg_backend_pid()",
            [TRAIL],
        )
        return {name for (name,) in cursor.fetchall()}
