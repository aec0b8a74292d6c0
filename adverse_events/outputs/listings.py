"""The listings of people, deviations and results: one class each. Those of events are in `event_listings`."""

from datetime import date

import django_tables2
from django.utils.html import format_html

from adverse_events import footnotes
from studytracker import protocol
from studytracker.dates import PartialDate, protocol_day, study_day
from studytracker.protocol.grading import Reading, suggest
from studytracker.protocol.measures import plain

from .lab_tallies import is_baseline
from .people_tallies import delivered_percent
from .reading import DEPARTURES, LABS, VISITS
from .tables import Output

BEFORE = "Before the infusion"


class Words(django_tables2.Column):
    def __init__(self, header, *, once=False, wraps=False, **kwargs):
        self.once = once
        if once and not wraps:
            kwargs["attrs"] = {"td": {"class": "text-nowrap"}}
        super().__init__(verbose_name=header, orderable=False, empty_values=(), **kwargs)

    def render(self, value, record, bound_column):
        text = shown(value)
        if isinstance(value, date | PartialDate):
            return format_html('<span class="text-nowrap">{}</span>', text)
        if self.once and bound_column.name in record.get("repeated", ()):
            return format_html('<span class="visually-hidden">{}</span>', text)
        return text

    def value(self, value):
        return str(value) if isinstance(value, PartialDate) else value


def shown(value):
    return "" if value is None else str(PartialDate.of(value) if isinstance(value, date) else value)


class Listing(Output, django_tables2.Table):
    """`lines` gives dicts by the names of the columns, with their `key`."""

    @classmethod
    def of(cls, trial):
        rows = list(cls.lines(trial))
        once = [name for name, column in cls.base_columns.items() if getattr(column, "once", False)]
        before = {}
        for row in rows:
            row["repeated"] = _repeated(row, before, once)
            before = row
        return cls(rows)

    @staticmethod
    def lines(trial):
        raise NotImplementedError


def _repeated(row, before, once):
    """The key columns that say the same as the row above, up to the first that differs."""
    found = []
    for name in once:
        if row[name] != before.get(name):
            break
        found.append(name)
    return found


def who(trial):
    """{identifier: age/sex/race}."""
    return {person.identifier: f"{person.age}/{person.sex}/–" for person in trial.people}


class DispositionListing(Listing):
    code = "disposition-listing"
    caption = "Disposition by participant (ICH E3 16.2.1)"
    wanted = frozenset({VISITS})
    footnotes = (
        "Reason of a screen failure: criteria as numbered in the protocol, I for inclusion, E for exclusion.",
    )

    participant = Words("Center/Participant ID", once=True)
    age_sex = Words("Age/Sex/Race")
    screened = Words("Screened")
    enrolled = Words("Enrolled")
    infused = Words("Infused")
    last_seen = Words("Last visit attended")
    status = Words("Status")
    since = Words("Date of it")
    reason = Words("Reason")

    class Meta:
        empty_text = "Nobody was screened."

    @staticmethod
    def lines(trial):
        for person in trial.people:
            status, since, reason = _status(person)
            yield {
                "key": person.identifier,
                "participant": person.identifier,
                "age_sex": who(trial)[person.identifier],
                "screened": person.screened_on,
                "enrolled": person.enrolled_on,
                "infused": person.infused_on,
                "last_seen": person.last_seen_on,
                "status": status,
                "since": since,
                "reason": reason,
            }


def _status(person):
    if person.withdrawn_on:
        return "Withdrawn", person.withdrawn_on, person.withdrawn_reason
    if person.screen_failed_on:
        return "Screen failure", person.screen_failed_on, person.screen_failed_criteria
    if person.completed_on and person.infused_on:
        return "Follow-up completed", person.completed_on, ""
    if person.infused_on:
        return "In follow-up", None, ""
    return ("Enrolled" if person.enrolled_on else "In screening"), None, ""


class ExposureListing(Listing):
    code = "exposure-listing"
    caption = "Exposure by participant (ICH E3 16.2.5)"

    participant = Words("Center/Participant ID", once=True)
    dosed = Words("Date of the infusion")
    lot = Words("Lot", attrs={"td": {"class": "text-nowrap"}})
    weight = Words("Weight (kg)")
    planned = Words("Cells planned")
    given = Words("Cells given")
    percent = Words("Given of planned (%)")
    volume = Words("Volume (mL)")
    minutes = Words("Minutes")
    interruptions = Words("Interruptions")

    class Meta:
        empty_text = "Nobody was infused."

    @staticmethod
    def lines(trial):
        for person in trial.infused:
            lasted = person.stopped_at and person.started_at and person.stopped_at - person.started_at
            percent = delivered_percent(person)
            yield {
                "key": person.identifier,
                "participant": person.identifier,
                "dosed": person.infused_on,
                "lot": person.lot,
                "weight": person.weight_kg,
                "planned": person.planned_cells,
                "given": person.delivered_cells,
                "percent": percent if percent is None else round(percent, 1),
                "volume": person.volume_ml,
                "minutes": int(lasted.total_seconds()) // 60 if lasted else None,
                "interruptions": person.interruptions,
            }


class DeviationListing(Listing):
    code = "deviation-listing"
    caption = "Protocol deviations by participant (ICH E3 16.2.2)"
    wanted = frozenset({DEPARTURES})

    participant = Words("Center/Participant ID", once=True)
    number = Words("Deviation")
    visit = Words("Visit")
    category = Words("Category")
    happened = Words("Date happened")
    description = Words("Description")
    severity = Words("Minor or major")
    stage = Words("Stage")

    class Meta:
        empty_text = "No deviations."

    @staticmethod
    def lines(trial):
        for row in trial.departures:
            yield {
                "key": row.key,
                "participant": row.participant,
                "number": row.key.removeprefix(row.participant).strip(),
                "visit": row.visit,
                "category": row.category,
                "happened": row.happened_on,
                "description": row.description,
                "severity": row.severity.capitalize() or "Not classified",
                "stage": row.stage,
            }


class LabAbnormalities(Listing):
    code = "lab-abnormalities"
    caption = "Laboratory abnormalities of CTCAE grade 1 or more (LBL02A)"
    wanted = frozenset({LABS})
    footnotes = (
        "NCI CTCAE grade is displayed as abnormal high (H) or low (L) followed by the grade.",
        "The grade is that which the number alone suggests. " + footnotes.DAY_NOTE,
    )

    treatment = Words("Treatment")
    test = Words("Lab Test (Unit)")
    participant = Words("Center/Participant ID")
    day = Words("Study Day")
    on = Words("Date")
    since = Words("Days Since Last Dose")
    result = Words("Result")
    limits = Words("Lab Normal Range")
    grade = Words("CTCAE Grade")

    class Meta:
        empty_text = "No result of grade 1 or more."

    @staticmethod
    def lines(trial):
        people = {person.identifier: person for person in trial.people}
        places = {person.identifier: place for place, person in enumerate(trial.people)}
        found = []
        for lab in trial.labs:
            person = people[lab.participant]
            grade = _suggested(lab, person, trial.labs)
            if grade:
                found.append((lab.name, places[lab.participant], lab.collected.iso, lab.key, lab, person, grade))
        for _, _, _, _, lab, person, grade in sorted(found, key=lambda each: each[:4]):
            yield _abnormal(lab, person, grade)


def _suggested(lab, person, labs):
    """'H1', 'L2', or empty."""
    before = [
        each
        for each in labs
        if each.participant == lab.participant and each.test == lab.test and is_baseline(each, person)
    ]
    first = max(before, key=lambda each: (each.collected.latest, each.key), default=None)
    baseline = first and Reading(first.value, first.low, first.high)
    hint = suggest(protocol.version(lab.version), lab.test, Reading(lab.value, lab.low, lab.high), baseline)
    return hint.flag if hint else ""


def _abnormal(lab, person, grade):
    day0, full = person.infused_on, lab.collected.is_full
    after = is_baseline(lab, person) is False
    return {
        "key": f"{lab.participant} {lab.test} {lab.key}",
        "treatment": protocol.current().treatment.arm if after else BEFORE,
        "test": f"{lab.name} ({lab.unit})" if lab.unit else lab.name,
        "participant": lab.participant,
        "day": study_day(lab.collected.earliest, day0) if day0 and full else None,
        "on": lab.collected,
        "since": protocol_day(lab.collected.earliest, day0) if after and full else None,
        "result": f"{lab.comparator}{plain(lab.value)}",
        "limits": f"{plain(lab.low) if lab.low is not None else ''}–{plain(lab.high) if lab.high is not None else ''}",
        "grade": grade,
    }
