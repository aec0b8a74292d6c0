"""The safety review: what is new since a reviewer last signed, looked at row by row, and the listing that is signed.

The signature is that of `studytracker.trust.signatures`, over every event of one site as recorded, voided ones too.
"""

import json
from dataclasses import dataclass, field
from itertools import groupby

from django.db import transaction
from django.db.models import Max

from studytracker.access.grants import Permission
from studytracker.protocol.models import Site
from studytracker.trust.models import Entry, Signature
from studytracker.trust.subjects import Kind, Snapshot, UnknownSubject, covered
from studytracker.trust.wording import Line, lines

from .models import JUDGED, AdverseEvent, ReviewMark

KIND = "safety-review"
NEW, CHANGED, VOIDED, SAME = "new", "changed", "voided", "same"
# What stands in the listing, besides what is judged.
LISTED = ("number", "term", "started", "ended", "is_ongoing", "action_taken", "voided_at", "voided_reason")
TABLE = AdverseEvent._meta.db_table


@dataclass
class Looked:
    """An event on the board: what it is since the last review, in which fields, and whether it was looked at."""

    event: AdverseEvent
    what: str = SAME
    lines: list[Line] = field(default_factory=list)
    last_entry: int = 0
    is_marked: bool = False


def snapshot(key: str) -> Snapshot:
    """Every event of the site `key`, in the order of the listing."""
    if not Site.objects.filter(code=key).exists():
        raise UnknownSubject(key)
    events = list(_events([key]))
    return Snapshot(
        title=f"Safety review, {key}",
        site=key,
        facts=[_facts(event) for event in events],
        rows=[covered(event) for event in events],
        open_items=[f"{event}: {', '.join(event.open_answers)}" for event in events if event.open_answers],
    )


REVIEW = Kind(
    "Safety review",
    snapshot,
    ("I reviewed these events and see no concern", "I reviewed these events; action is needed as commented"),
    Permission.SIGN,
)


def _events(sites):
    found = AdverseEvent.objects.filter(site__in=sites).for_listing()
    return found.order_by("site", "participant__number", "started", "number")


def _facts(event) -> dict:
    facts = {name: getattr(event, name) for name in (*LISTED, *JUDGED)}
    return {"participant": event.participant.identifier, **facts}


def last_reviews(sites, reviewer) -> dict[str, Signature | None]:
    """The reviewer's own last signature at each site, without what was signed. One query."""
    found = Signature.objects.filter(kind=KIND, key__in=sites, signed_by=reviewer).order_by("number")
    return dict.fromkeys(sites) | {signature.key: signature for signature in found.defer("document")}


def board(sites, reviewer, last=None) -> list[Looked]:
    """Every event of the sites, with what happened to it since the reviewer's last signature (`last`) at its site."""
    last = last_reviews(sites, reviewer) if last is None else last
    since = {site: review.entry_number if review else 0 for site, review in last.items()}
    events = list(_events(sites))
    told = _entries_by_event(events, min(since.values(), default=0))
    marks = dict(
        ReviewMark.objects.filter(marked_by=reviewer, event__site__in=sites)
        .values("event")
        .annotate(seen=Max("entry_number"))
        .values_list("event", "seen")
    )
    return [
        _looked(event, [entry for entry in told.get(str(event.pk), []) if entry.id > since[event.site_id]], marks)
        for event in events
    ]


def changed_between(sites, since: int, upto: int) -> list[Looked]:
    """The events that are new, changed or voided after entry `since`, by entry `upto`; for the board's packet."""
    events = list(_events(sites))
    told = _entries_by_event(events, since, upto)
    looked = [_looked(event, told.get(str(event.pk), []), {}) for event in events]
    return [each for each in looked if each.what != SAME]


def _entries_by_event(events, since, upto=None) -> dict[str, list[Entry]]:
    keys = [str(event.pk) for event in events]
    found = Entry.objects.filter(table=TABLE, row_id__in=keys, id__gt=since).order_by("row_id", "id")
    if upto is not None:
        found = found.filter(id__lte=upto)
    return {key: list(entries) for key, entries in groupby(found, lambda entry: entry.row_id)}


def _looked(event, entries, marks) -> Looked:
    if not entries:
        return Looked(event)
    last = entries[-1].id
    is_marked = marks.get(event.pk, 0) >= last
    if entries[0].op == Entry.Op.INSERT:
        return Looked(event, VOIDED if event.voided_at else NEW, [], last, is_marked)
    changed = _together(entries)
    if event.voided_at and "voided_at" in json.loads(entries[-1].new):
        what, shown = VOIDED, changed
    else:
        what, shown = (CHANGED, changed) if changed else (SAME, [])
    return Looked(event, what, shown, last, is_marked)


BOOKKEEPING = {"version", "completed_at", "completed_by_id", "updated_at", "voided_by_id", "voided_at"}


def _together(entries) -> list[Line]:
    """From what it was before the first entry to what it is after the last: a value put back is no change."""
    old, new = {}, {}
    for entry in entries:
        for name, value in json.loads(entry.old or "{}").items():
            old.setdefault(name, value)
        new |= json.loads(entry.new or "{}")
    names = [name for name in new if old.get(name) != new[name] and name not in BOOKKEEPING]
    merged = Entry(
        table=TABLE,
        old=json.dumps({name: old.get(name) for name in names}),
        new=json.dumps({name: new[name] for name in names}),
    )
    return lines(merged)


@transaction.atomic
def mark(*, event, entry_number, by, at) -> ReviewMark:
    """The reviewer has seen the event as of this audit entry. Marking twice is marking once."""
    made, _ = ReviewMark.objects.get_or_create(
        event=event, marked_by=by, entry_number=entry_number, defaults={"marked_at": at}
    )
    return made


def data_as_of() -> int:
    return Entry.objects.aggregate(last=Max("id"))["last"] or 0
