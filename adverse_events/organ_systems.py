"""Under which organ system the registry's tables show a term: the dictionary's, or else what a person assigned.

The dictionary comes first: the class that the event was coded with, then the one that a loaded workbook has for the
term now, then the one that another event of the term was coded with. An assignment speaks only where all are silent,
so loading a workbook later takes its place by itself.
"""

from collections import Counter
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from studytracker.exports.registry.tables import organ_system_of, organ_systems
from studytracker.refusal import Refused
from studytracker.trust.versions import SHORTEST_REASON

from .models import AdverseEvent, DictionaryTerm, OrganSystem


class OrganSystemRefused(Refused):
    """The term cannot be put there."""


@dataclass(frozen=True)
class Placed:
    """A term of the record. `system` is empty where it has none yet; `past` holds its assignments, the last first."""

    version: str
    term: str
    events: int
    system: str
    is_from_dictionary: bool
    past: tuple[OrganSystem, ...]

    @property
    def key(self) -> str:
        return f"{self.version}:{self.term}"


class Systems:
    """Every organ system that a term has, read once. Three queries."""

    def __init__(self):
        coded = AdverseEvent.objects.standing().exclude(body_system="").order_by("-pk")
        loaded = DictionaryTerm.objects.filter(withdrawn_at=None)
        classes = [
            *coded.values_list("ctcae_version", "dictionary_term", "body_system"),
            *loaded.values_list("version", "name", "body_system"),
        ]
        self.known = {
            _key(version, term): system for version, term, name in classes if (system := organ_system_of(name))
        }
        self.assigned: dict[tuple, list[OrganSystem]] = {}
        for row in OrganSystem.objects.select_related("assigned_by").order_by("-number"):
            self.assigned.setdefault(_key(row.version, row.term), []).append(row)

    def from_dictionary(self, event) -> str:
        """As the registry words it; empty where no dictionary says, or a class that the registry does not have."""
        key = _key(event.ctcae_version, event.dictionary_term)
        return organ_system_of(event.body_system) or self.known.get(key, "")

    def past(self, event) -> list[OrganSystem]:
        return self.assigned.get(_key(event.ctcae_version, event.dictionary_term), [])

    def of(self, event) -> str:
        past = self.past(event)
        return self.from_dictionary(event) or (past[0].organ_system if past else "")


def _key(version, term) -> tuple[str, str]:
    return version, term.casefold()


def placed(events) -> list[Placed]:
    """The coded terms of the events that stand among `events`, those without an organ system first. Four queries."""
    systems = Systems()
    found = list(events.standing().exclude(dictionary_term="").order_by("dictionary_term", "pk"))
    by_key = {_key(event.ctcae_version, event.dictionary_term): event for event in found}
    counted = Counter(_key(event.ctcae_version, event.dictionary_term) for event in found)
    rows = [
        Placed(
            event.ctcae_version,
            event.dictionary_term,
            counted[key],
            systems.of(event),
            bool(systems.from_dictionary(event)),
            tuple(systems.past(event)),
        )
        for key, event in by_key.items()
    ]
    return sorted(rows, key=lambda row: (bool(row.system), row.term.casefold(), row.version))


@transaction.atomic
def assign(*, version, term, organ_system, reason="", by, at) -> OrganSystem:
    """Put a term under an organ system of the registry's list; under another one with a reason. Raises Refused."""
    if organ_system not in organ_systems():
        raise OrganSystemRefused("Choose one of the listed organ systems.", field="organ_system")
    row = _term_of_the_record(version, term)
    if row.is_from_dictionary:
        raise OrganSystemRefused(f"{row.term} has its organ system from the dictionary: {row.system}.", field="term")
    if row.past and row.system == organ_system:
        raise OrganSystemRefused(f"{row.term} is under {row.system} already. Nothing was changed.", field="term")
    if row.past and len(reason.strip()) < SHORTEST_REASON:
        words = (
            f"{row.term} is under {row.system}. Say why it is changed, in a few words: the reason stays in the record."
        )
        raise OrganSystemRefused(words, field="reason")
    facts = {"organ_system": organ_system, "reason": reason.strip(), "assigned_at": at, "assigned_by": by}
    number = row.past[0].number + 1 if row.past else 1
    try:
        with transaction.atomic():
            return OrganSystem.objects.create(version=row.version, term=row.term, number=number, **facts)
    except IntegrityError:
        words = f"Somebody else has just assigned {row.term}. Look at it again."
        raise OrganSystemRefused(words, field="term") from None


def _term_of_the_record(version, term) -> Placed:
    found = placed(AdverseEvent.objects.filter(ctcae_version=version, dictionary_term__iexact=term))
    if not found:
        raise OrganSystemRefused("Choose a term of the record.", field="term")
    return found[0]
