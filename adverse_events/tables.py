import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html

from studytracker.dates import study_day
from studytracker.web.templatetags.tracker import grade_chip

from . import footnotes
from .timing import days_from_infusion, duration, since_dose
from .wording import ANSWER, infused_local, label, moment

NO_WRAP = {"td": {"class": "text-nowrap"}}


def on_paper(header, **kwargs):
    """A column of the files, and not of the page."""
    return tables.Column(verbose_name=header, visible=False, orderable=False, empty_values=(), **kwargs)


def on_screen(**kwargs):
    """A column of the page, and not of the files."""
    return tables.Column(exclude_from_export=True, empty_values=(), **kwargs)


class AdverseEventTable(tables.Table):
    """AEL02_ED, for a single dose, as files and on paper; the columns of the review board on the page.

    It is put in order by what has one: the participant, the dates and the grade. Words and answers are filtered
    by, and no reader wants them by the alphabet. An index serves each order with each filter (models/event.py).
    """

    caption = "Adverse events (ICH E3 16.2.7.1)"
    footnotes = (
        footnotes.DAY_NOTE,
        footnotes.PARTIAL_NOTE,
        footnotes.OUTCOME_NOTE,
        footnotes.ACTION_NOTE,
        footnotes.CODING_NOTE,
    )
    paper_columns = 15

    treatment = on_paper("Treatment")
    participant = tables.Column(
        accessor="participant__identifier",
        verbose_name="Center/Participant ID",
        order_by=("site", "participant", "started"),
        linkify=lambda record, table: table.address_of(record),
        attrs=NO_WRAP,
    )
    age_sex = tables.Column(empty_values=(), orderable=False, verbose_name="Age/Sex/Race", attrs=NO_WRAP)
    coded = on_paper("Adverse Event Dictionary Term (CTCAE)")
    study_day = on_paper("Study Day of Onset")
    dose_days = on_paper("Time from Last Dose to Onset, days")
    dose_hours = on_paper("Time from Last Dose to Onset, hrs")
    dose_minutes = on_paper("Time from Last Dose to Onset, mins")
    number = on_screen(
        orderable=False,
        verbose_name="AE",
        linkify=lambda record: reverse("event", args=[record.participant.identifier, record.number]),
    )
    term = on_screen(accessor="term", orderable=False, verbose_name="Dictionary term / reported term")
    started = on_screen(
        accessor="started", order_by="started", verbose_name="Start (study day, infusion = 1)", attrs=NO_WRAP
    )
    ended = on_screen(accessor="ended", order_by="ended", verbose_name="End", attrs=NO_WRAP)
    duration = tables.Column(empty_values=(), orderable=False, verbose_name="AE Duration in Days")
    is_serious = tables.Column(orderable=False, verbose_name="Serious")
    grade = tables.Column(empty_values=(), order_by="grade_order", verbose_name="Most Extreme Intensity (CTCAE grade)")
    causality = tables.Column(empty_values=(), orderable=False, verbose_name="Caused by Study Drug")
    outcome = tables.Column(empty_values=(), orderable=False, verbose_name="Outcome (1)")
    treated = tables.Column(empty_values=(), orderable=False, verbose_name="Treatment for AE")
    action = tables.Column(empty_values=(), orderable=False, verbose_name="Action Taken (2)")
    from_dose = on_screen(orderable=False, verbose_name="Days from infusion (D0)", attrs=NO_WRAP)
    voided = tables.Column(accessor="voided_reason", orderable=False, verbose_name="Voided, because")
    # ICH E3 16.2.7 asks for these too; they have no column on paper.
    site = on_paper("Site", accessor="site_id")
    event_number = on_paper("AE", accessor="number")
    reported = on_paper("Reported term", accessor="term")
    body_system = on_paper("System organ class")
    version = on_paper("CTCAE version", accessor="ctcae_version")
    onset = on_paper("Onset")
    resolution = on_paper("End")
    day_range = on_paper("Days from infusion")
    causality_words = on_paper("Related to the cells", accessor="causality")
    sponsor_words = on_paper("Related to the cells (sponsor)", accessor="sponsor_causality")
    outcome_words = on_paper("Outcome", accessor="outcome")
    related_infusion = on_paper("Related to the infusion procedure", accessor="is_related_to_infusion")
    related_disease = on_paper("Related to the disease", accessor="is_related_to_disease")
    related_medicine = on_paper("Related to a background medicine", accessor="is_related_to_medicine")
    related_other = on_paper("Related to something else", accessor="is_related_to_other")
    related_text = on_paper("What else it is related to", accessor="related_to_text")
    of_interest = on_paper("Event of special interest", accessor="special_interest")

    class Meta:
        empty_text = "No events."
        row_attrs = {"class": lambda record: "voided" if record.voided_at else None}

    def __init__(self, *args, today, **kwargs):
        self.today = today
        self.shown = None
        super().__init__(*args, **kwargs)

    def is_repeat(self, record):
        """A participant is printed once for each run of rows. Each row asks twice, so the row itself is kept."""
        if self.shown is None or self.shown[0] != record.pk:
            before = self.shown and self.shown[1]
            self.shown = (record.pk, record.participant_id, before == record.participant_id)
        return self.shown[2]

    def address_of(self, record):
        return None if self.is_repeat(record) else reverse("participant", args=[record.participant.identifier])

    def _once(self, record, text):
        """Visually blank where the row before said it already; there for those who listen, and in every file."""
        return format_html('<span class="visually-hidden">{}</span>', text) if self.is_repeat(record) else text

    def render_participant(self, record):
        return self._once(record, record.participant.identifier)

    def value_participant(self, record):
        return record.participant.identifier

    def render_treatment(self, record):
        return record.participant.protocol.treatment.arm if record.participant.infused else ""

    def value_age_sex(self, record):
        person = record.participant
        return "/".join([str(person.age), person.sex, getattr(person, "race", "") or "–"])

    def render_age_sex(self, record):
        return self._once(record, self.value_age_sex(record))

    def render_coded(self, record):
        return record.dictionary_term or record.term

    def render_term(self, record):
        same = record.dictionary_term.casefold() in ("", record.term.casefold())
        return record.term if same else f"{record.dictionary_term} / {record.term}"

    def value_study_day(self, record):
        """CDISC study day; empty for a partial date or without an infusion."""
        day0 = record.participant.infused_on
        return study_day(record.started.earliest, day0) if day0 and record.started.is_full else None

    def render_study_day(self, record):
        return self.value_study_day(record)

    def _since_dose(self, record):
        return since_dose(record.started, record.started_time, infused_local(record))

    def value_dose_days(self, record):
        return self._since_dose(record).days

    def value_dose_hours(self, record):
        return self._since_dose(record).hours

    def value_dose_minutes(self, record):
        return self._since_dose(record).minutes

    render_dose_days, render_dose_hours, render_dose_minutes = value_dose_days, value_dose_hours, value_dose_minutes

    def render_number(self, record):
        return record.number

    def render_started(self, record):
        day = self.value_study_day(record)
        return f"{record.started}{'*' if day is None else f' ({day})'}"

    def render_ended(self, record):
        return "Ongoing" if record.is_ongoing else str(record.ended or "")

    def value_duration(self, record):
        """End minus start plus one; empty unless both are full dates."""
        days = duration(record.started, record.ended)
        return days.first if days and record.started.is_full and record.ended.is_full else None

    def render_duration(self, record):
        days = duration(record.started, record.ended)
        return "" if days is None else f"{days}{'' if self.value_duration(record) else '**'}"

    def value_is_serious(self, value):
        return "Yes" if value else "No"

    def render_is_serious(self, value, record):
        return f"Yes ({footnotes.reason_numbers(record)})" if value else "No"

    def render_grade(self, record):
        return grade_chip(record.grade, record.is_serious)

    def value_grade(self, record):
        return record.grade

    def render_causality(self, record):
        return label(record, "causality", record.causality)

    def value_causality(self, record):
        """Yes or No, as the protocol counts each degree; empty while it is not answered."""
        terms = {term.code: term.related for term in record.participant.protocol.terms("causality")}
        return ANSWER[terms.get(record.causality)]

    def render_causality_words(self, record):
        return label(record, "causality", record.causality)

    def render_sponsor_words(self, record):
        return label(record, "sponsor_causality", record.sponsor_causality)

    def value_outcome(self, record):
        return footnotes.outcome_number(record.outcome)

    def render_outcome(self, record):
        return self.value_outcome(record) or ""

    def render_outcome_words(self, record):
        return label(record, "outcome", record.outcome)

    def render_related_infusion(self, value):
        """Yes or No; empty while it is not answered. The same for everything else it may be related to."""
        return ANSWER[value]

    render_related_disease = render_related_medicine = render_related_other = render_related_infusion
    value_related_infusion = value_related_disease = value_related_medicine = render_related_infusion
    value_related_other = render_related_infusion

    def render_of_interest(self, record):
        """'Infection', 'None of these'; empty while it is not answered."""
        return label(record, "special_interest", record.special_interest)

    def render_treated(self, record):
        return ANSWER[record.is_treated]

    def value_action(self, record):
        return footnotes.action_number(record.action_taken)

    def render_action(self, record):
        return self.value_action(record) or ""

    def render_from_dose(self, record):
        """Protocol days from the infusion; a range where the onset is known in part, never a false point."""
        day0 = record.participant.infused_on
        return str(days_from_infusion(record.started, day0, self.today[record.site_id])) if day0 else ""

    render_day_range = render_from_dose

    def render_onset(self, record):
        return moment(record.started, record.started_time)

    def render_resolution(self, record):
        return "Ongoing" if record.is_ongoing else moment(record.ended, record.ended_time)

    value_onset, value_resolution = render_onset, render_resolution


class SeriousEventTable(AdverseEventTable):
    """AEL03: the listing without the column Serious, with the date of the dose and the reasons."""

    caption = "Serious adverse events (ICH E3 16.2.7.1, serious)"
    footnotes = (*AdverseEventTable.footnotes, footnotes.REASON_NOTE)
    paper_columns = 13

    dosed = on_paper("Date of First Study Drug Administration")
    reasons = tables.Column(
        empty_values=(), orderable=False, verbose_name="Reason Classified as Serious (3)", accessor="pk"
    )
    dose_days = dose_hours = dose_minutes = None
    is_serious = None

    class Meta(AdverseEventTable.Meta):
        sequence = (
            *("treatment", "participant", "age_sex", "coded", "number", "term", "dosed", "study_day"),
            *("started", "ended", "duration", "grade", "causality", "outcome", "treated", "action", "reasons"),
            "...",
        )

    def render_dosed(self, record):
        return record.participant.infused_on

    value_dosed = render_dosed

    def render_reasons(self, record):
        return footnotes.reason_numbers(record)

    value_reasons = render_reasons
