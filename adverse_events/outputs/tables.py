"""The tables: leading columns of words, then n (%) for each site and for all. One class each."""

import django_tables2
from django.utils.html import format_html

from studytracker import protocol

from . import conduct_tallies, event_tallies, lab_tallies, people_tallies
from .reading import DEPARTURES, EVENTS, LABS, VISITS
from .rows import Trial
from .tallies import Cell, Line, groups, sizes

SMALL_N = "Small N: read counts, not percentages."
FEW = 20  # below this many in all the note stands
INFUSED = "N: participants whose infusion started."
SCREENED = "N: participants screened."
COUNTED = (
    "Events that began, or became worse, at or after the start of the infusion, and those of which nobody can tell "
    "that they did not. Earlier events, and those of people not infused, are in the listing alone: {left} here."
)
SOC_NOTE = "Terms and system organ classes are those of CTCAE as loaded by this site, not of MedDRA."
SINGLE_DOSE = "Single infusion: withdrawal or modification can only mean that the infusion was stopped or interrupted."
SPREAD_NOTE = "Median (least; most) of the values on record."


class LabelColumn(django_tables2.Column):
    """Words that lead a row. Where the row above says the same they are there, and not seen."""

    def __init__(self, place, **kwargs):
        self.place = place
        super().__init__(orderable=False, empty_values=(), **kwargs)

    def render(self, value, record):
        if self.place < record["repeats"]:
            return format_html('<span class="visually-hidden">{}</span>', value)
        if self.place == 0 and record["indent"]:
            return format_html('<span class="indent-{}">{}</span>', record["indent"], value)
        return value

    def value(self, value, record):
        return f"{'  ' * record['indent'] if self.place == 0 else ''}{value}"


class CellColumn(django_tables2.Column):
    """n with its percentage in small print."""

    def __init__(self, **kwargs):
        attrs = {"td": {"class": "cell-n"}, "th": {"class": "cell-n"}}
        super().__init__(orderable=False, empty_values=(), attrs=attrs, **kwargs)

    def render(self, value):
        if isinstance(value, Cell) and value.small:
            return format_html("{} <small>{}</small>", value.count, value.small)
        return str(value)

    def value(self, value):
        return value.count if isinstance(value, Cell) and not value.small else str(value)


class Output:
    """What every output says of itself; `wanted` are the rows it rests on, besides people."""

    code: str
    caption: str
    wanted: frozenset = frozenset()
    footnotes: tuple[str, ...] = ()
    is_of_events = False  # it can be narrowed to some events
    paper_columns: int | None = None

    @classmethod
    def of(cls, trial: Trial):
        raise NotImplementedError


class TallyTable(Output, django_tables2.Table):
    """`tally` gives the lines; `population` those of whom N counts."""

    headers: tuple[str, ...] = ("What is counted",)

    @staticmethod
    def tally(trial) -> list[Line]:
        raise NotImplementedError

    @staticmethod
    def population(trial):
        return trial.infused

    @classmethod
    def of(cls, trial):
        people = cls.population(trial)
        columns = [(f"label_{place}", LabelColumn(place, verbose_name=name)) for place, name in enumerate(cls.headers)]
        for place, (group, size) in enumerate(zip(groups(trial), sizes(trial, people), strict=True)):
            columns.append((f"cell_{place}", CellColumn(verbose_name=f"{group.name} (N={size})")))
        lines = list(_records(cls.tally(trial)))
        table = cls(lines, extra_columns=columns, empty_text="Nothing to count.")
        table.footnotes = (*cls.footnotes, *cls.notes(trial), *([SMALL_N] if len(people) < FEW else []))
        return table

    @classmethod
    def notes(cls, trial) -> list[str]:
        """Footnotes with numbers in them."""
        return []


def _records(lines):
    before: tuple[str, ...] = ()
    for line in lines:
        repeats = 0
        while repeats < len(line.labels) - 1 and line.labels[: repeats + 1] == before[: repeats + 1]:
            repeats += 1
        before = line.labels
        labels = {f"label_{place}": words for place, words in enumerate(line.labels)}
        cells = {f"cell_{place}": cell for place, cell in enumerate(line.cells)}
        yield {"key": line.key, "indent": line.indent, "repeats": repeats} | labels | cells


class EventTally(TallyTable):
    wanted = frozenset({EVENTS})
    is_of_events = True

    @classmethod
    def notes(cls, trial):
        return [INFUSED, COUNTED.format(left=len(trial.events) - len(trial.counted))]


class SafetySummary(EventTally):
    code = "overview"
    caption = "Safety summary (AET01)"
    footnotes = (SINGLE_DOSE, "Deaths: infused people with a fatal event, whenever it began, or who left by death.")
    tally = staticmethod(event_tallies.overview)


class EventsByTerm(EventTally):
    code = "by-term"
    caption = "Adverse events by system organ class and term (AET02)"
    footnotes = (
        SOC_NOTE,
        "Multiple occurrences of one term in one participant count once in its row, and separately in rows of events.",
    )
    tally = staticmethod(event_tallies.by_term)


class EventsByGrade(EventTally):
    code = "by-grade"
    caption = "Adverse events by highest CTCAE grade (AET04)"
    headers = ("System organ class", "Term", "Highest grade")
    footnotes = (SOC_NOTE, "A participant counts once, at the highest grade of the term, or of the class in Overall.")
    tally = staticmethod(event_tallies.by_grade)

    @classmethod
    def notes(cls, trial):
        versions = sorted({event.record.ctcae_version for event in trial.counted if event.record})
        graded_by = f"Grades by CTCAE {', '.join(versions)}. " if versions else ""
        return [
            *super().notes(trial),
            f"{graded_by}Events without a grade, left out: {event_tallies.ungraded(trial)}.",
        ]


class EventsByRelatedness(EventTally):
    code = "by-relatedness"
    caption = "Adverse events by relatedness"
    headers = ("Related to the cells, by the investigator", "Counted")
    footnotes = ("Which answers count as related is said by the protocol file.",)
    tally = staticmethod(event_tallies.by_relatedness)


class ScreenedTally(TallyTable):
    @staticmethod
    def population(trial):
        return trial.people

    @classmethod
    def notes(cls, trial):
        return [SCREENED]


class Disposition(ScreenedTally):
    code = "disposition"
    caption = "Disposition (ICH E3 16.2.1)"
    wanted = frozenset({VISITS})
    tally = staticmethod(people_tallies.disposition)


class ScreenFailures(ScreenedTally):
    code = "screen-failures"
    caption = "Reasons for screen failure"
    headers = ("Criterion",)
    footnotes = ("Somebody who failed several criteria stands in the row of each.",)
    tally = staticmethod(people_tallies.screen_failures)


class Enrolment(ScreenedTally):
    code = "enrolment"
    caption = "Enrolment by site and month"
    headers = ("Month", "Step")
    tally = staticmethod(people_tallies.enrolment)


class Demographics(TallyTable):
    code = "demographics"
    caption = "Demographic and baseline characteristics (ICH E3 16.2.4)"
    footnotes = (INFUSED, SPREAD_NOTE, "Race is not recorded here.")
    tally = staticmethod(people_tallies.demographics)


class Exposure(TallyTable):
    code = "exposure"
    caption = "Exposure and time in follow-up (ICH E3 16.2.5)"
    wanted = frozenset({VISITS})
    footnotes = (INFUSED, SPREAD_NOTE)
    tally = staticmethod(people_tallies.exposure)


class VisitCompliance(TallyTable):
    code = "visit-compliance"
    caption = "Visit compliance"
    headers = ("Visit", "State")
    wanted = frozenset({VISITS})
    footnotes = (
        INFUSED,
        "Not recorded: still ahead, or overdue. Not applicable: left before the window closed, or no visit any more.",
    )
    tally = staticmethod(conduct_tallies.compliance)


class DataQuality(TallyTable):
    """For the board's packet: what is expected depends on the day."""

    code = "data-quality"
    caption = "Data quality by site"
    wanted = frozenset({VISITS, EVENTS})
    footnotes = (INFUSED, "Expected by the day of the cut-off at each site.")
    tally = staticmethod(conduct_tallies.data_quality)


class PrimaryOutcome(EventTally):
    """For the board's packet: the primary safety outcome so far."""

    code = "primary-safety"
    caption = "Primary safety outcome so far"

    @staticmethod
    def tally(trial):
        return event_tallies.primary(trial, protocol.current().primary_safety)

    @classmethod
    def notes(cls, trial):
        rule = protocol.current().primary_safety
        return [
            *super().notes(trial),
            f"Counting: {rule.counting}. An onset known in part counts if it may lie in it.",
        ]


class DeviationTally(ScreenedTally):
    code = "deviations"
    caption = "Protocol deviations by category (ICH E3 16.2.2)"
    headers = ("Category", "Counted")
    wanted = frozenset({DEPARTURES})
    footnotes = ("Voided deviations, and those of the trial that are about no participant, are left out.",)
    tally = staticmethod(conduct_tallies.departures)


class LabShifts(TallyTable):
    code = "lab-shifts"
    caption = "Laboratory shifts from baseline to the worst result after the infusion"
    headers = ("Test", "Baseline", "Worst after")
    wanted = frozenset({LABS})
    footnotes = (
        INFUSED,
        "Low, normal and high by the range of the laboratory on that day. Baseline: the last result at or before the "
        "infusion; one of its day without a time is taken for one before. A date known in part that could be either "
        "counts nowhere. Rows of zero are left out.",
    )
    tally = staticmethod(lab_tallies.shifts)


class LabSummary(TallyTable):
    code = "lab-summary"
    caption = "Laboratory results by visit"
    headers = ("Test", "Visit")
    wanted = frozenset({LABS, VISITS})
    footnotes = (
        "Number of results, " + SPREAD_NOTE[0].lower() + SPREAD_NOTE[1:],
        "Results given as < or > are left out.",
    )
    tally = staticmethod(lab_tallies.lab_summary)
