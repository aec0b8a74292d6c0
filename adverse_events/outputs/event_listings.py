"""The listings of events: of all, of the serious ones, of deaths, and of terms beside their codes. One class each."""

from adverse_events import footnotes
from adverse_events.tables import AdverseEventTable, SeriousEventTable
from studytracker import protocol
from studytracker.dates import study_day

from .event_tallies import named, system
from .listings import BEFORE, Listing, Words, shown, who
from .reading import EVENTS
from .tables import Output

FIRST_NOTE = (
    "Treatment “Before the infusion”: the event began before it, or nobody was infused; the tables do not count it."
)


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
        return shown(self.value_study_day(record)) or "*"

    def render_dose_days(self, record):
        return shown(self.value_dose_days(record))

    def render_dose_hours(self, record):
        return shown(self.value_dose_hours(record))

    def render_dose_minutes(self, record):
        return shown(self.value_dose_minutes(record))

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
        return shown(record.participant.infused_on)


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
