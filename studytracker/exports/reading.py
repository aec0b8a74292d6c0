"""A dataset's rows within sites and at a privacy level, read in one snapshot of the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import CharField, QuerySet
from django.db.models.functions import Cast

from studytracker.protocol.models import Site
from studytracker.web.modelfields import PartialDateModelField

from .datasets import Column, Dataset, field_of
from .privacy import KEPT, SHUFFLED, Action, Pseudonyms, Subject, kept

CHUNK = 2000
PARTICIPANTS_AT_ONCE = 200


def batched(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


@contextmanager
def snapshot():
    """Everything read inside is of one moment, and on SQLite nobody waits: `atomic` would take the write lock."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


@dataclass(frozen=True)
class Extract:
    """One dataset as it leaves. Reading `rows()` runs one query, in chunks."""

    dataset: Dataset
    columns: tuple[tuple[Column, Action], ...]
    queryset: QuerySet
    pseudonyms: Pseudonyms
    zones: dict[str, ZoneInfo]
    is_shuffled: bool = False

    @property
    def header(self) -> list[str]:
        return [column.name for column, action in self.columns]

    @property
    def is_plain(self) -> bool:
        """Nothing is done to any value or to the order of the rows."""
        return not self.is_shuffled and all(action is KEPT for _, action in self.columns)

    @property
    def plain(self) -> QuerySet:
        """The values as they leave where nothing is done to them: dates known in part as the text they are kept as."""
        return self.queryset.values_list(*(self._as_kept(column.source) for column, _ in self.columns))

    def _as_kept(self, source: str):
        is_partial = isinstance(field_of(self.queryset.model, source), PartialDateModelField)
        return Cast(source, CharField()) if is_partial else source

    def count(self) -> int:
        return self.queryset.count()

    def rows(self, limit: int | None = None) -> Iterator[list | tuple]:
        if self.is_plain:
            yield from islice(self.plain.iterator(chunk_size=CHUNK), limit)
            return
        for values in islice(self._values(), limit):
            subject = self._subject(*values[: len(self._about_subject)])
            facts = values[len(self._about_subject) :]
            yield [
                action.apply(value, subject, self.pseudonyms)
                for (column, action), value in zip(self.columns, facts, strict=True)
            ]

    def _values(self) -> Iterator[tuple]:
        lookups = [*self._about_subject, *(column.source for column, action in self.columns)]
        found = self.queryset.values_list(*lookups)
        if not self.is_shuffled or self.dataset.participant is None:
            yield from found.iterator(chunk_size=CHUNK)
            return
        place = {pk: number for number, pk in enumerate(self.pseudonyms.in_order)}
        for some in batched(self.pseudonyms.in_order, PARTICIPANTS_AT_ONCE):
            theirs = found.filter(**{f"{self.dataset.from_participant('pk')}__in": some})
            yield from sorted(theirs, key=lambda values: place[values[0]])

    @property
    def _about_subject(self) -> list[str]:
        if self.dataset.participant is None:
            return []
        return [
            self.dataset.from_participant(each) for each in ("pk", "identifier", "infusion__infused_on", "site_id")
        ]

    def _subject(self, pk=None, identifier="", day0=None, site=None) -> Subject:
        return Subject(pk, identifier, day0, self.zones.get(site, ZoneInfo("UTC")))


def extract(dataset: Dataset, *, sites, level: str, pseudonyms: Pseudonyms) -> Extract:
    zones = {site.code: site.zone for site in Site.objects.all()}
    return Extract(
        dataset, tuple(kept(dataset.columns, level)), dataset.at_sites(sites), pseudonyms, zones, level in SHUFFLED
    )
