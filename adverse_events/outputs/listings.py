"""The listings: one line an event, a death, a participant, a deviation, a result. One class each."""

from datetime import date

import django_tables2
from django.utils.html import format_html

from adverse_events import footnotes
from adverse_events.tables import AdverseEventTable, SeriousEventTable
from studytracker import protocol
from studytracker.dates import PartialDate, protocol_day, study_day
from studytracker.protocol.grading import Reading, suggest
from studytracker.protocol.measures import plain

from .reading import DEPARTURES, EVENTS, LABS, VISITS
from .tables import Output
from .tallies import delivered_percent, is_baseline, named, system

BEFORE = "Before the infusion"
FIRST_NOTE = (
    "Treatment “Before the infusion”: the event began before it, or nobody was infused; the tables do not count it."
)


class Words(django_tables2.Column):
    def __init__(self, header, *, once=False, wraps=False, **kwargs):
        self.once = once
        if once and not wraps:
            kwargs["attrs"] = {"td": {"class": "text-nowrap"}}
        super().__init__(verbose_name=header, orderable=False, empty_values=(), **kwargs)

    def render(self, value, record, bound_column):
        text = _shown(value)
        if isinstance(value, date | PartialDate):
            return format_html('<span class="text-nowrap">{}</span>', text)
        if self.once and bound_column.name in record.get("repeated", ()):
            return format_html('<span class="visually-hidden">{}</span>', text)
        return text

    def value(self, value):
        return str(value) if isinstance(value, PartialDate) else value


def _shown(value):
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


class OfEvents(Output):
    """An existing listing of events, in the columns and the order of the standard one."""

    wanted = frozenset({EVENTS})
    is_of_events = True

    @classmethod
    def chosen(cls, trial):
        return trial.events

    @classmethod
    def of(cls, trial):
        people = {person.identifier: person for person in trial.people}
        numbers = {person.identifier: place for place, person in enumerate(trial.people)}
        events = sorted(cls.chosen(trial), key=lambda event: in_order(event, people[event.participant], numbers))
        table = cls([event.record for event in events], today=trial.today, orderable=False)
        table.counted = {event.record.pk for event in events if event.is_counted}
        groups = [(event.is_counted, event.participant) for event in events]
        table.repeats = {
            event.record.pk
            for event, group, above in zip(events[1:], groups[1:], groups, strict=False)
            if group == above
        }
        for place, name in enumerate(table.sequence):
            (table.columns.show if place in cls.places(table) else table.columns.hide)(name)
        table.footnotes = (*cls.footnotes, FIRST_NOTE)
        return table

    @classmethod
    def places(cls, table):
        """Which columns stand on paper: the first of those that files hold."""
        held = [
            place for place, name in enumerate(table.sequence) if not table.columns[name].column.exclude_from_export
        ]
        return held[: cls.paper_columns]

    def is_repeat(self, record):
        """Keys are printed once for a participant in a treatment."""
        return record.pk in self.repeats

    def value_treatment(self, record):
        return record.participant.protocol.treatment.arm if record.pk in self.counted else BEFORE

    def render_treatment(self, record):
        return self._once(record, self.value_treatment(record))

    # On paper these columns hold what the files hold.
    def render_is_serious(self, value):
        return self.value_is_serious(value)

    def render_grade(self, record):
        return self.value_grade(record) or ""

    def render_causality(self, record):
        return self.value_causality(record)

    def render_study_day(self, record):
        return _shown(self.value_study_day(record)) or "*"

    def render_dose_days(self, record):
        return _shown(self.value_dose_days(record))

    def render_dose_hours(self, record):
        return _shown(self.value_dose_hours(record))

    def render_dose_minutes(self, record):
        return _shown(self.value_dose_minutes(record))

    def address_of(self, record):
        return None


def in_order(event, person, numbers):
    """J&J LSFAE01: treatment, participant, missing start day first, start day, time, term, reported term."""
    row = event.record
    day = study_day(row.started.earliest, person.infused_on) if person.infused_on and row.started.is_full else None
    time = row.started_time.isoformat() if row.started_time else ""
    treatment = 0 if event.is_counted else 1
    starts = (day is not None, day or 0, row.started.iso, time)
    return treatment, numbers[event.participant], *starts, named(event).casefold(), event.term.casefold()


class EventListing(OfEvents, AdverseEventTable):
    code = "events"
    caption = "Adverse events, single dose (AEL02_ED, ICH E3 16.2.7.1)"
    footnotes, paper_columns = AdverseEventTable.footnotes, AdverseEventTable.paper_columns

    class Meta(AdverseEventTable.Meta):
        pass


class SeriousListing(OfEvents, SeriousEventTable):
    code = "serious-events"
    caption = "Serious adverse events, with reasons (AEL03)"
    footnotes, paper_columns = SeriousEventTable.footnotes, SeriousEventTable.paper_columns

    class Meta(SeriousEventTable.Meta):
        pass

    @classmethod
    def chosen(cls, trial):
        return tuple(event for event in trial.events if event.is_serious)

    def render_dosed(self, record):
        return _shown(record.participant.infused_on)


def who(trial):
    """{identifier: age/sex/race}."""
    return {person.identifier: f"{person.age}/{person.sex}/–" for person in trial.people}


class Deaths(Listing):
    code = "deaths"
    caption = "Deaths (AEL04)"
    wanted = frozenset({EVENTS})
    footnotes = (
        footnotes.DAY_NOTE,
        "Day of death: the end of the fatal event where it is a full date, else the day of leaving.",
        "Whether there was an autopsy is not recorded here.",
    )

    treatment = Words("Treatment")
    participant = Words("Center/Participant ID", once=True)
    age_sex = Words("Age/Sex/Race", once=True)
    dosed = Words("Date of First Study Drug Administration")
    last_day = Words("Day of Last Study Drug Administration")
    death_day = Words("Day of Death")
    cause = Words("Cause of Death")
    autopsy = Words("Autopsy Performed?")

    class Meta:
        empty_text = "No deaths."

    @staticmethod
    def lines(trial):
        for person in trial.people:
            fatal = [event for event in trial.events if event.participant == person.identifier and event.is_fatal]
            if not fatal and not person.left_by_death:
                continue
            on = _died_on(person, fatal)
            yield {
                "key": person.identifier,
                "treatment": protocol.current().treatment.arm if person.infused_on else "",
                "participant": person.identifier,
                "age_sex": who(trial)[person.identifier],
                "dosed": person.infused_on,
                "last_day": 1 if person.infused_on else None,
                "death_day": study_day(on, person.infused_on) if on and person.infused_on else None,
                "cause": "; ".join(named(event) for event in fatal) or "No fatal event on record",
                "autopsy": "Not recorded",
            }


def _died_on(person, fatal):
    ends = [event.record.ended for event in fatal if event.record and event.record.ended]
    if ends and ends[0].is_full:
        return ends[0].earliest
    return person.withdrawn_on if person.left_by_death else None


class CodingCheck(Listing):
    code = "coding"
    caption = "Dictionary terms and investigator-specified terms (AEL01_NOLLT)"
    wanted = frozenset({EVENTS})
    is_of_events = True
    footnotes = (footnotes.CODING_NOTE,)

    soc = Words("System Organ Class (CTCAE)", once=True, wraps=True)
    coded = Words("Preferred Term (CTCAE)", once=True, wraps=True)
    reported = Words("Investigator-Specified Term")

    class Meta:
        empty_text = "No events."

    @staticmethod
    def lines(trial):
        terms = {(system(event), event.dictionary_term or "Not coded", event.term) for event in trial.events}
        for soc, coded, reported in sorted(terms, key=lambda each: tuple(words.casefold() for words in each)):
            yield {"key": " / ".join((soc, coded, reported)), "soc": soc, "coded": coded, "reported": reported}


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
    lot = Words("Lot")
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
