"""What may leave: each app names its datasets, each column says what kind of fact it holds.

An app's `datasets.py` holds plain `Dataset` objects; `settings.DATASETS` names them in the order of the export page.
The kind of a column decides what each privacy level does with it (`privacy.py`), so a new column cannot slip through.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from studytracker.access.grants import Permission


class Kind(StrEnum):
    """What a column holds, in the sense of 45 CFR 164.514(b)(2): whether it can lead to a person, and how."""

    PARTICIPANT = "the participant's identifier"
    SITE = "a site"
    PERSON = "an account"
    DATE = "a date"
    PARTIAL_DATE = "a date known in part"
    INSTANT = "when something happened"
    STAMP = "when something was recorded"
    TEXT = "free text"
    AGE = "an age in years"
    ORDER = "an order between participants"
    NUMBER = "a number"
    CODE = "a code"
    FLAG = "yes or no"


@dataclass(frozen=True)
class Column:
    """`source` is a lookup from the dataset's model, such as `visit__code`.

    `besides` are (code, label) that a column of a vocabulary holds beside the protocol's own terms.
    """

    name: str
    label: str
    source: str
    kind: Kind
    unit: str = ""
    vocabulary: str = ""
    besides: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Dataset:
    """`rows()` gives every row in a stable order; sites and columns are chosen by the reader.

    `participant` is the lookup to the participant: "" where the row is one, None where it belongs to none.
    `site` is the lookup to the site's code; `within(rows, sites)` keeps the rows of those sites where no lookup leads
    there. `levels` names the privacy levels at which the rows may leave at all (empty: all of them), `needs` what a
    person must hold at a site besides the right to export.
    """

    name: str
    title: str
    rows: Callable[[], QuerySet]
    columns: tuple[Column, ...]
    participant: str | None = "participant"
    site: str = "site"
    within: Callable[[QuerySet, tuple[str, ...]], QuerySet] | None = None
    levels: frozenset[str] = frozenset()
    needs: Permission = Permission.EXPORT

    def at_sites(self, sites) -> QuerySet:
        sites = tuple(sorted(sites))
        return self.within(self.rows(), sites) if self.within else self.rows().filter(**{f"{self.site}__in": sites})

    def leaves_at(self, level: str) -> bool:
        return not self.levels or level in self.levels

    def from_participant(self, lookup: str) -> str:
        return f"{self.participant}__{lookup}" if self.participant else lookup


@cache
def all_datasets() -> dict[str, Dataset]:
    """By name, in the order of the settings."""
    found = (import_string(path) for path in settings.DATASETS)
    return {dataset.name: dataset for dataset in found}


def field_of(model: type[models.Model], source: str) -> models.Field:
    """The field at the end of a lookup such as `visit__code` or `site_id`."""
    *path, last = source.split("__")
    for name in path:
        model = model._meta.get_field(name).related_model
    if last == "pk":
        return model._meta.pk
    try:
        field = model._meta.get_field(last)
    except FieldDoesNotExist:
        field = next(each for each in model._meta.concrete_fields if each.attname == last)
    return field.target_field if field.is_relation else field
