"""What can be signed: the kinds of it, and a snapshot of one as canonical JSON."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

from studytracker.access.grants import Permission
from studytracker.dates import PartialDate

SCHEMA_VERSION = 1


class UnknownSubject(LookupError):
    """There is nothing of that name to sign."""


class Covered(NamedTuple):
    """A row under a signature: a later change of it, or of the columns named, makes the signature stale."""

    table: str
    row_id: str
    columns: tuple[str, ...] = ()


def covered(row, *columns) -> Covered:
    """`columns` are names of columns (`site_id`, not `site`); none means every one."""
    return Covered(row._meta.db_table, str(row.pk), tuple(sorted(columns)))


@dataclass(frozen=True)
class Snapshot:
    """One subject as it stands. `facts` are what the page shows and the person signs: dicts, lists and plain values,
    taken from stored rows alone, so that nothing but a change of them changes the hash.
    """

    title: str
    facts: object
    rows: list[Covered]
    # The site at which the signer holds the permission. None: a signer needs it at every site of the trial.
    site: str | None = None
    filter: str = ""  # which rows a listing shows, in words
    # What is still to be answered: it can be signed only by somebody who accepts each, and they are kept.
    open_items: list[str] = field(default_factory=list)
    # What it cannot be signed without, whoever accepts what: sentences that say what is missing and what to do.
    refusals: list[str] = field(default_factory=list)
    url: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of subject. `snapshot(key)` gives the Snapshot as it stands now, or raises UnknownSubject."""

    name: str
    snapshot: Callable[[str], Snapshot]
    meanings: tuple[str, ...]
    permission: Permission = Permission.SIGN


def kind_named(name: str) -> Kind:
    if name not in settings.SIGNED_KINDS:
        raise UnknownSubject(name)
    return import_string(settings.SIGNED_KINDS[name])


def document(kind: str, key: str, snapshot: Snapshot) -> str:
    """Canonical JSON: keys in order, no blanks, dates as ISO, decimals as text with all their places."""
    whole = {
        "schema": SCHEMA_VERSION,
        "kind": kind,
        "key": key,
        "title": snapshot.title,
        "site": snapshot.site,
        "filter": snapshot.filter,
        "open": snapshot.open_items,
        "facts": snapshot.facts,
        "rows": sorted(snapshot.rows),
    }
    return canonical(whole)


def canonical(value) -> str:
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False
    )


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value):
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, PartialDate):
        return value.iso
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be signed: give text, numbers, dates or decimals.")
