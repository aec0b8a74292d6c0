"""Rows that nobody overwrites unseen, and that nobody changes without saying why.

A model that is edited inherits Versioned. Its `save()` updates the row only while it still is at the version that was
read, in the UPDATE itself, and raises Overtaken otherwise; what was recorded is replaced only with a reason in force
(`with because(reason):`), as ICH E6(R3) 4.2.2 wants. For forms see `studytracker.web.editing`.
"""

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import F

from studytracker.refusal import Refused

from .acting import current

UNANSWERED = (None, "", False)
SHORTEST_REASON = 5


class Overtaken(Refused):
    """Somebody saved the row after it was read: nothing is saved over it.

    A caller that knows better than the trail of `row` gives `fields`, (label, was, theirs, yours), and what the form
    has `seen` from now on, by name of its boxes.
    """

    def __init__(self, row, fields=(), seen=None):
        self.row, self.fields, self.seen = row, fields, seen or {}
        super().__init__("Nothing is saved yet: somebody else changed this after you opened it.")


class ReasonNeeded(Refused):
    """What was recorded is being replaced, and nobody said why."""


def checked_reason(text: str, *, field="reason") -> str:
    """The reason on one line. Raises ReasonNeeded where it says nothing."""
    words = " ".join(text.split())
    if len(words) < SHORTEST_REASON:
        raise ReasonNeeded("Say why it is changed, in a few words: the reason stays in the record.", field=field)
    return words


class VersionedQuerySet(models.QuerySet):
    def update(self, **changes):
        """Counts as a version too, so that a form opened before knows."""
        if issubclass(self.model, Versioned) and "version" not in changes:
            changes["version"] = F("version") + 1
        return super().update(**changes)

    update.alters_data = True


class Versioned(models.Model):
    """What was answered is replaced only with a reason; not stamps, nor the fields that FOLLOW from others."""

    version = models.PositiveIntegerField(default=1, editable=False)

    objects = VersionedQuerySet.as_manager()

    FOLLOWS: tuple[str, ...] = ()

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db, field_names, values):
        row = super().from_db(db, field_names, values)
        row._stored = dict(zip(field_names, values, strict=True))
        return row

    def refresh_from_db(self, using=None, fields=None, from_queryset=None):
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        self._remember([field.attname for field in self._concrete() if not fields or field.name in fields])

    def save_base(self, *args, **kwargs):
        super().save_base(*args, **kwargs)
        names = kwargs.get("update_fields")
        self._remember([field.attname for field in self._concrete() if names is None or _named(field, names)])

    def _concrete(self):
        return [field for field in self._meta.concrete_fields if not field.generated]

    def _remember(self, names):
        stored = self.__dict__.setdefault("_stored", {})
        stored.update({name: self.__dict__[name] for name in [*names, "version"] if name in self.__dict__})

    def _do_update(self, base_qs, using, pk_val, values, *rest):
        """Where the version is still the one read; one more if anything differs, so that no change is no entry."""
        values = [value for value in values if value[0].name != "version"]
        changed = [field for field, _, value in values if self._differs(field)]
        self._refuse_without_reason(changed)
        if changed:
            values.append((self._meta.get_field("version"), None, self.version + 1))
        done = super()._do_update(base_qs.filter(version=self.version), using, pk_val, values, *rest)
        if not done and base_qs.filter(pk=pk_val).exists():
            raise Overtaken(self)
        if done and changed:
            self.version += 1
        return done

    def _differs(self, field):
        stored = self.__dict__.get("_stored", {})
        return field.attname not in stored or stored[field.attname] != getattr(self, field.attname)

    def _refuse_without_reason(self, changed):
        context = current()
        if context and context.reason:
            return
        replaced = [field for field in changed if self._is_replaced(field)]
        if replaced:
            words = ", ".join(str(field.verbose_name) for field in replaced)
            raise ReasonNeeded(f"Say why: what was recorded is replaced ({words}).", field="reason")

    def _is_replaced(self, field):
        if field.name in self.FOLLOWS or self._is_of_an_act(field):
            return False
        return self.__dict__.get("_stored", {}).get(field.attname) not in UNANSWERED

    def _is_of_an_act(self, field):
        """Half of a pair such as `logged_at` and `logged_by`: not answered by a person, but stamped."""
        names = {each.name for each in self._meta.concrete_fields}
        act, _, half = field.name.rpartition("_")
        return half in ("at", "by") and {f"{act}_at", f"{act}_by"} <= names


def _named(field, names):
    return field.name in names or field.attname in names


def claim(row, version: int) -> None:
    """Hold the row for the rest of the transaction, if it still is at `version`. Raises Overtaken."""
    rows = type(row)._base_manager.filter(pk=row.pk, version=version)
    if not models.QuerySet.update(rows, version=version):
        raise Overtaken(row)


def is_versioned(model) -> bool:
    try:
        model._meta.get_field("version")
    except FieldDoesNotExist:
        return False
    return issubclass(model, Versioned)
