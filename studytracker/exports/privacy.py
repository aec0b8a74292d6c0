"""What each privacy level does with each kind of column: one table, read by files, preview, dictionary and tests.

Six participants at two named sites: a date, or an age, can name a person. Under the safe harbour of
45 CFR 164.514(b)(2) every part of a date but the year is an identifier, and ages over 89 are pooled.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import TextChoices

from studytracker.dates import PartialDate, study_day

from .datasets import Column, Kind

OLDEST_TOLD = 89
AGE_BAND = 10
LONGEST_SHIFT = 364
NOT_DOSED = "no study day: not infused"


class Level(TextChoices):
    STUDY_DAY = "study_day", "Study days only"
    CODED = "coded", "Coded, with dates"
    SHIFTED = "shifted", "Shifted dates"
    IDENTIFIED = "identified", "As recorded"


class Subject(NamedTuple):
    """Whose row it is. `day0` is the date of the infusion, or None."""

    pk: int | None
    identifier: str
    day0: date | None
    zone: ZoneInfo


@dataclass(frozen=True)
class Pseudonyms:
    """Codes for one export, and the days by which a participant's dates move in every export."""

    export: str
    participants: tuple[int, ...]

    @property
    def in_order(self) -> list[int]:
        """Participants in the order of their codes: the order of the record would tell the sites apart."""
        return list(self._codes)

    @cached_property
    def _codes(self) -> dict[int, str]:
        ranked = sorted(self.participants, key=lambda pk: _secret(f"code:{self.export}:{pk}"))
        return {pk: f"P{number:03d}" for number, pk in enumerate(ranked, 1)}

    def code(self, subject: Subject) -> str:
        return self._codes.get(subject.pk, "")

    def shift(self, subject: Subject) -> timedelta:
        number = int.from_bytes(_secret(f"shift:{subject.pk}")[:8])
        return timedelta(days=-(1 + number % LONGEST_SHIFT))


def _secret(words: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), f"studytracker export {words}".encode(), hashlib.sha256)


class Action(NamedTuple):
    """What happens to a column: `words` for the reader, `apply(value, subject, pseudonyms)` for each value."""

    words: str
    apply: Callable


def _as_it_is(value, subject, pseudonyms):
    return value


def _code(value, subject, pseudonyms):
    return pseudonyms.code(subject)


def _study_day(value, subject, pseudonyms):
    """A whole number, or in words why there is none: never a blank that reads like "not recorded"."""
    if value in (None, ""):
        return None
    if isinstance(value, datetime):
        value = value.astimezone(subject.zone).date()
    if isinstance(value, PartialDate):
        if not value.is_full:
            return f"no study day: known to the {'month' if value.month else 'year'} only"
        value = value.earliest
    return study_day(value, subject.day0) if subject.day0 else NOT_DOSED


def _shifted(value, subject, pseudonyms):
    if value in (None, ""):
        return None
    if isinstance(value, PartialDate):
        if not value.is_full:
            return f"not shifted: known to the {'month' if value.month else 'year'} only"
        return PartialDate.of(value.earliest + pseudonyms.shift(subject))
    return value + pseudonyms.shift(subject)


def _band(value, subject, pseudonyms):
    if value is None:
        return None
    if value > OLDEST_TOLD:
        return f"{OLDEST_TOLD + 1} or over"
    start = value // AGE_BAND * AGE_BAND
    return f"{start} to {min(start + AGE_BAND - 1, OLDEST_TOLD)}"


def _pooled(value, subject, pseudonyms):
    return f"{OLDEST_TOLD + 1} or over" if value is not None and value > OLDEST_TOLD else value


SHUFFLED = {"study_day"}  # levels whose rows stand in the order of the codes
KEPT = Action("as recorded", _as_it_is)
LEFT_OUT = None
_CODE = Action("a code made for this export", _code)
_DAY = Action("study day (infusion = 1, no day 0)", _study_day)
_SHIFT = Action("moved by the participant's own secret number of days", _shifted)
_BAND = Action(f"bands of {AGE_BAND} years", _band)
_POOLED = Action(f"over {OLDEST_TOLD} pooled", _pooled)
_SAFE = {Kind.NUMBER: KEPT, Kind.CODE: KEPT, Kind.FLAG: KEPT}

ACTIONS: dict[str, dict[Kind, Action | None]] = {
    Level.STUDY_DAY: {
        **_SAFE,
        Kind.PARTICIPANT: _CODE,
        Kind.SITE: LEFT_OUT,
        Kind.PERSON: LEFT_OUT,
        Kind.DATE: _DAY,
        Kind.PARTIAL_DATE: _DAY,
        Kind.INSTANT: _DAY,
        Kind.STAMP: LEFT_OUT,
        Kind.TEXT: LEFT_OUT,
        Kind.ORDER: LEFT_OUT,
        Kind.AGE: _BAND,
    },
    Level.CODED: {
        **_SAFE,
        Kind.PARTICIPANT: KEPT,
        Kind.SITE: KEPT,
        Kind.PERSON: LEFT_OUT,
        Kind.DATE: KEPT,
        Kind.PARTIAL_DATE: KEPT,
        Kind.INSTANT: KEPT,
        Kind.STAMP: KEPT,
        Kind.TEXT: KEPT,
        Kind.ORDER: KEPT,
        Kind.AGE: _POOLED,
    },
    Level.SHIFTED: {
        **_SAFE,
        Kind.PARTICIPANT: KEPT,
        Kind.SITE: KEPT,
        Kind.PERSON: LEFT_OUT,
        Kind.DATE: _SHIFT,
        Kind.PARTIAL_DATE: _SHIFT,
        Kind.INSTANT: _SHIFT,
        Kind.STAMP: LEFT_OUT,
        Kind.TEXT: LEFT_OUT,
        Kind.ORDER: LEFT_OUT,
        Kind.AGE: _POOLED,
    },
    Level.IDENTIFIED: {kind: KEPT for kind in Kind},
}

ABOUT = {
    Level.STUDY_DAY: "No date, site, account or free text. Dates become study days, ages bands, and participants "
    "get a code made for this export.",
    Level.CODED: "Contains dates and the study's own participant codes, sites and free text. Accounts are left out.",
    Level.SHIFTED: "Every date of a participant moves by one secret number of days, the same in every export. "
    "Intervals stay true; weekday, season and the order between participants do not. No free text.",
    Level.IDENTIFIED: "Everything as recorded, with accounts. Needs a permission of its own and a reason.",
}


def kept(columns: Iterable[Column], level: str) -> list[tuple[Column, Action]]:
    return [(column, action) for column in columns if (action := ACTIONS[level][column.kind])]


def left_out(columns: Iterable[Column], level: str) -> list[Column]:
    return [column for column in columns if not ACTIONS[level][column.kind]]
