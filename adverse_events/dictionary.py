"""The dictionary that events are coded with: what a version offers, and loading NCI's workbook."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from django.db import transaction

from .models import DictionaryTerm, MeddraCode
from .workbook import Row

STARTER_FILE = Path(__file__).parent / "starter_terms.txt"
OFFERED = 20


@dataclass(frozen=True)
class Coded:
    """A term as an event stores it. `grades` is empty where nobody can say which ones the term has."""

    name: str
    body_system: str = ""
    grades: tuple[int, ...] = ()


@cache
def starter_terms() -> tuple[str, ...]:
    """Plain names, without code, class or text: enough to log an event before a workbook is loaded."""
    lines = STARTER_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def is_loaded(version: str) -> bool:
    return DictionaryTerm.objects.in_use(version).exists()


def names(version: str) -> list[str]:
    """Every term that may be chosen."""
    loaded = list(DictionaryTerm.objects.in_use(version).values_list("name", flat=True))
    return loaded or list(starter_terms())


def find(version: str, name: str) -> Coded | None:
    """The term of that name, whatever its case."""
    term = DictionaryTerm.objects.in_use(version).filter(name__iexact=name).first()
    if term:
        return Coded(term.name, term.body_system, term.grades)
    if is_loaded(version):
        return None
    return next((Coded(each) for each in starter_terms() if each.casefold() == name.casefold()), None)


def search(version: str, words: str) -> list[str]:
    """Terms that hold every word, those that begin with the first one first."""
    wanted = words.casefold().split()
    held = [name for name in names(version) if all(word in name.casefold() for word in wanted)]
    return sorted(held, key=lambda name: (not name.casefold().startswith(wanted[0]) if wanted else 0, name))[:OFFERED]


def nearest(version: str, words: str) -> list[str]:
    """What may have been meant by a name that is no term."""
    by_folded = {name.casefold(): name for name in names(version)}
    close = get_close_matches(words.casefold(), by_folded, n=3, cutoff=0.6)
    return [by_folded[each] for each in close] or search(version, words)[:3]


@dataclass(frozen=True)
class Loaded:
    """How many terms a workbook brought, changed and no longer has."""

    version: str
    new: int
    changed: int
    withdrawn: int
    unchanged: int
    codes: int


@transaction.atomic
def load(version: str, rows: list[Row], *, at, with_codes=False) -> Loaded:
    """Make the terms of `version` those of the workbook. Events keep the words they were coded with.

    MedDRA codes are licensed (ICH): they are stored only `with_codes`, which is the site's own act.
    """
    standing = {term.name.casefold(): term for term in DictionaryTerm.objects.filter(version=version)}
    new, changed, unchanged = [], [], 0
    for row in rows:
        term = standing.pop(row.name.casefold(), None)
        facts = _facts(row)
        if term is None:
            new.append(DictionaryTerm(version=version, loaded_at=at, **facts))
        elif term.withdrawn_at or any(getattr(term, name) != value for name, value in facts.items()):
            changed.append(_changed(term, facts, at))
        else:
            unchanged += 1
    gone = [term for term in standing.values() if not term.withdrawn_at]
    DictionaryTerm.objects.bulk_create(new)
    DictionaryTerm.objects.bulk_update(changed, [*_facts(rows[0]), "loaded_at", "withdrawn_at"], batch_size=200)
    DictionaryTerm.objects.filter(pk__in=[term.pk for term in gone]).update(withdrawn_at=at)
    codes = _load_codes(version, rows) if with_codes else 0
    return Loaded(version, len(new), len(changed), len(gone), unchanged, codes)


def _facts(row: Row) -> dict:
    grades = {f"grade_{number}": text for number, text in enumerate(row.grades, 1)}
    return {
        "name": row.name,
        "body_system": row.body_system,
        "definition": row.definition,
        "note": row.note,
        **grades,
    }


def _changed(term, facts, at):
    for name, value in facts.items():
        setattr(term, name, value)
    term.loaded_at, term.withdrawn_at = at, None
    return term


def _load_codes(version, rows) -> int:
    by_name = {term.name: term for term in DictionaryTerm.objects.in_use(version).select_related("meddra")}
    wanted = {by_name[row.name]: row.code for row in rows if row.code}
    for term, code in wanted.items():
        if getattr(term, "meddra", None) is None or term.meddra.code != code:
            MeddraCode.objects.update_or_create(term=term, defaults={"code": code})
    return len(wanted)


def texts(version: str, name: str) -> DictionaryTerm | None:
    """The loaded term with its grade texts, or None."""
    return DictionaryTerm.objects.in_use(version).filter(name__iexact=name.strip()).first() if name.strip() else None
