"""What every builder of a dataset needs: the trial, its subjects with their reference dates, values in SDTM's form."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from zoneinfo import ZoneInfo

from studytracker import protocol
from studytracker.dates import PartialDate, study_day

from ..privacy import Level, Pseudonyms, Subject

SCREENING, TREATMENT, FOLLOW_UP = "SCREENING", "TREATMENT", "FOLLOW-UP"
NOT_TOLD = "TEXT NOT EXPORTED"
DATED = {Level.CODED, Level.SHIFTED, Level.IDENTIFIED}
WITH_TEXT = {Level.CODED, Level.IDENTIFIED}


@dataclass(frozen=True)
class SdtmSubject:
    """One participant as a subject. `subject` gives the shift and the code; dates here are as recorded."""

    row: object
    subject: Subject
    usubjid: str
    siteid: str
    consented_on: date
    last_on: date

    @property
    def day0(self) -> date | None:
        return self.subject.day0


@dataclass(frozen=True)
class SdtmTrial:
    """The participants of an export, at its privacy level."""

    participants: tuple
    level: str
    pseudonyms: Pseudonyms
    sites: tuple[str, ...]
    at: datetime
    facts: dict = field(default_factory=dict)

    @property
    def rules(self):
        return protocol.current()

    @property
    def study(self) -> str:
        return self.rules.registry.id

    @cached_property
    def subjects(self) -> dict[int, SdtmSubject]:
        return {row.pk: self._subject(row) for row in self.participants}

    def _subject(self, row) -> SdtmSubject:
        zone = row.site.zone
        subject = Subject(row.pk, row.identifier, row.infused_on, zone)
        told = self.level != Level.STUDY_DAY
        code = row.identifier if told else self.pseudonyms.code(subject)
        site = f"{self.sites.index(row.site_id) + 1:02d}" if told else "XX"
        consent = min((each.signed_on for each in row.consents.all()), default=row.screened_on)
        last = self.facts["last_days"].get(row.pk, consent)
        return SdtmSubject(row, subject, f"{self.study}-{code}", site, consent, last)

    def dtc(self, subject: SdtmSubject, value, clock: time | None = None) -> str:
        """ISO 8601 on the site's clock, to the precision known; empty where the level tells no dates."""
        if value in (None, "") or self.level not in DATED:
            return ""
        if self.level == Level.SHIFTED:
            if isinstance(value, PartialDate) and not value.is_full:
                return ""
            value = self._moved(subject, value)
        if isinstance(value, datetime):
            return f"{value.astimezone(subject.subject.zone):%Y-%m-%dT%H:%M}"
        text = value.iso if isinstance(value, PartialDate) else value.isoformat()
        is_full = not isinstance(value, PartialDate) or value.is_full
        return f"{text}T{clock:%H:%M}" if clock and is_full else text

    def _moved(self, subject, value):
        shift = self.pseudonyms.shift(subject.subject)
        return PartialDate.of(value.earliest + shift) if isinstance(value, PartialDate) else value + shift

    def dy(self, subject: SdtmSubject, value) -> int | None:
        """The study day of a full date of somebody infused, else None."""
        day = as_day(value, subject.subject.zone)
        return study_day(day, subject.day0) if day and subject.day0 else None

    def text(self, value: str) -> str:
        """Free text, where the level lets it out."""
        return value if self.level in WITH_TEXT else ""


def as_day(value, zone: ZoneInfo) -> date | None:
    if isinstance(value, datetime):
        return value.astimezone(zone).date()
    if isinstance(value, PartialDate):
        return value.earliest if value.is_full else None
    return value


def epoch(subject: SdtmSubject, value, *, before_dose: bool = False) -> str:
    """The period a date lies in; empty before consent, and where what is known of it spans two periods."""
    if isinstance(value, PartialDate) and not value.is_full:
        periods = {_period(subject, day, False) for day in (value.earliest, value.latest)}
        return periods.pop() if len(periods) == 1 else ""
    day = as_day(value, subject.subject.zone)
    return _period(subject, day, before_dose) if day else ""


def _period(subject, day, before_dose) -> str:
    if day < subject.consented_on:
        return ""
    if subject.day0 is None or day < subject.day0 or (day == subject.day0 and before_dose):
        return SCREENING
    return TREATMENT if day == subject.day0 else FOLLOW_UP
