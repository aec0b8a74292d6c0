"""The eligibility worksheet: every criterion judged by what is on record, and when this person can be treated.

Pure: `judge(evidence, baseline=…)` reads no clock and no database.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from studytracker.dates import day_label

from . import course_findings, lab_findings, prednisone
from .eligibility import PASSING, WAITING, Assessment, assess
from .findings import NOT_MET, PRESENT, UNKNOWN, Finding, Moment

# How each input of the protocol's criteria is found. What is not here is judged by a person.
FINDERS = {
    "age_years": lab_findings.age,
    "ana_titer_denominator": lab_findings.ana,
    "anti_dsdna": lab_findings.anti_dsdna,
    "sledai_total": lab_findings.sledai,
    "egfr": lab_findings.limit,
    "wbc": lab_findings.limit,
    "hemoglobin": lab_findings.limit,
    "platelets": lab_findings.limit,
    "ast_times_uln": lab_findings.times_high,
    "alt_times_uln": lab_findings.times_high,
    "hiv": lab_findings.positive,
    "hepatitis_b": lab_findings.positive,
    "hepatitis_c": lab_findings.positive,
    "pregnancy_test": lab_findings.pregnancy,
    "nephritis_therapy_started_on": course_findings.nephritis_therapy,
    "consent": course_findings.consent,
    "nephritis_on_dialysis": course_findings.dialysis,
    "malignancy_on": course_findings.history_span,
    "breast_feeding": course_findings.current,
    "renal_transplantation": course_findings.ever,
    "zoster_on": course_findings.history_span,
    "infection_hospitalization_on": course_findings.history_span,
    "substance_abuse_on": course_findings.history_span,
    "iv_antibiotic_on": course_findings.medicine_span,
    "prednisone_mg_per_kg_per_day": prednisone.finding,
    "immunosuppressant_change_on": course_findings.medicine_change,
    "experimental_agent_on": course_findings.medicine_span,
    "belimumab_on": course_findings.medicine_span,
    "rituximab_on": course_findings.medicine_span,
    "b_cell_depleting_on": course_findings.medicine_span,
}
RESULT_WORDS = {
    "met": "✓ Met",
    "absent": "✓ Not excluded",
    "not_applicable": "– Not applicable",
    NOT_MET: "✕ Not met",
    PRESENT: "✕ Excluded",
    UNKNOWN: "? Unknown",
}
BLOCKING = (PRESENT, NOT_MET, WAITING)


@dataclass(frozen=True)
class Row:
    """One part of one criterion: what the record says, what a person answered, and what counts."""

    criterion: object
    part: object
    finding: Finding | None  # None: never computed
    answer: object | None  # the CriterionAnswer
    result: str | None  # the answer code that counts, `waiting`, or None while there is none
    note: str = ""

    @property
    def is_computed(self):
        """Nobody needs to answer: the record decides."""
        return self.part.decided == "computed" and self.finding is not None and self.finding.result is not None

    @property
    def proposal(self) -> str | None:
        """What the record proposes to a part that a person decides."""
        return self.finding.result if self.finding and self.part.decided == "mixed" else None

    @property
    def result_words(self) -> str:
        """A sign and words: never a colour alone."""
        if self.result == WAITING:
            return f"→ Not yet: from {day_label(self.finding.free_from)}"
        if self.result is None:
            return "? Investigator" if self.part.decided == "judged" else "… Not answered"
        return RESULT_WORDS[self.result]

    @property
    def result_class(self) -> str:
        passing = "passes" if self.result in PASSING else "open"
        return {PRESENT: "fails", NOT_MET: "fails", WAITING: "waits"}.get(self.result, passing)

    @property
    def is_overridden(self):
        return bool(self.answer and self.proposal and self.answer.answer != self.proposal)

    @property
    def is_assumed(self):
        return self.part.is_assumed("anchor") if self.part.anchor else False


@dataclass(frozen=True)
class Worksheet:
    rows: tuple[Row, ...]
    assessment: Assessment
    moment: Moment
    earliest_on: date | None  # the earliest Baseline that no look-back forbids
    driver: Row | None  # the row that decides it
    latest_on: date  # the last Baseline this screening serves
    never: tuple[Row, ...]  # what no waiting helps against on this screening

    def of(self, part_id: str) -> Row:
        return next(row for row in self.rows if row.part.id == part_id)

    @property
    def is_eligible(self):
        return self.assessment.is_eligible

    @property
    def open_judgements(self):
        return [row for row in self.rows if row.part.decided != "computed" and row.result is None]

    @property
    def by_criterion(self):
        """[(verdict, rows)] in the order of the protocol."""
        return [
            (verdict, [row for row in self.rows if row.criterion.id == verdict.criterion.id])
            for verdict in self.assessment.verdicts
        ]

    @property
    def headline(self) -> str:
        if self.is_eligible:
            return f"Eligible for a Baseline on {day_label(self.moment.baseline)}"
        return "Not eligible" if self.never else "Not eligible yet"

    @property
    def rescreen_on(self) -> date | None:
        """The first Screening that leaves behind what forbids this one; None where that helps nothing."""
        days = [row.finding.free_from if row.finding and row.finding.by_rescreening else None for row in self.never]
        return max(days) if days and None not in days else None

    @property
    def fits(self):
        return self.earliest_on is not None and self.earliest_on <= self.latest_on


def judge(evidence, *, baseline: date, is_day: bool = False) -> Worksheet:
    """The worksheet for a Baseline on that day: planned, or (`is_day`) the very day of the infusion."""
    moment = Moment(evidence.screened_on, baseline, is_day)
    rows = _rows(evidence, moment)
    never = tuple(row for row in rows if row.result in (PRESENT, NOT_MET) and _blocks_alone(row, rows))
    floor = max(evidence.screened_on + timedelta(days=1), baseline)
    earliest_on, driver = (None, None) if never else _earliest(evidence, floor)
    return Worksheet(
        rows=rows,
        assessment=assess(evidence.rules.criteria, {row.part.id: row.result for row in rows if row.result}),
        moment=moment,
        earliest_on=earliest_on,
        driver=driver,
        latest_on=_latest(evidence),
        never=never,
    )


def _blocks_alone(row, rows):
    """Of an inclusion where one part is enough, a failing part forbids nothing while another may still do."""
    if row.criterion.is_exclusion or row.criterion.combine != "any":
        return True
    others = [each for each in rows if each.criterion is row.criterion and each is not row]
    return all(each.result == NOT_MET for each in others)


def _rows(evidence, moment):
    return tuple(
        row_of(criterion, part, evidence, moment)
        for criterion in evidence.rules.criteria
        if criterion.answered
        for part in criterion.parts
    )


def row_of(criterion, part, evidence, moment) -> Row:
    find = FINDERS.get(part.input)
    finding = find(criterion, part, evidence, moment) if find and part.decided != "judged" else None
    answer = evidence.answers.get(part.id)
    result, note = _result(part, finding, answer)
    if result == PRESENT and finding and finding.runs_out:
        result = WAITING
    return Row(criterion, part, finding, answer, result, note)


def _result(part, finding, answer):
    """What counts: the record where it decides, the person's answer where a person does."""
    found = finding.result if finding else None
    if answer is None:
        proposed = f"Proposed: {found.replace('_', ' ')}." if found and part.decided == "mixed" else ""
        return (found, "") if part.decided == "computed" else (None, proposed)
    if found is None:
        return (None if finding and finding.again else answer.answer), ""
    if part.decided == "computed":
        differs = answer.answer != found and f"Answered {answer.answer} by hand; the record decides."
        return found, differs or ""
    if answer.answer == found or answer.overrides == found:
        return answer.answer, ""
    said = answer.answer.replace("_", " ")
    return UNKNOWN, f"Answered {said} before the record proposed {found.replace('_', ' ')}: answer again."


def _earliest(evidence, floor):
    """The first day from `floor` on that no look-back counted from Baseline forbids, and the row that decides it.

    A partial date is read as its worst day. What is unknown without a clock, or not answered, delays nothing here.
    """
    day, driver = floor, None
    while True:
        rows = [row for row in _rows(evidence, Moment(evidence.screened_on, day)) if _runs(row)]
        if any(row.finding.free_from is None and row.result in BLOCKING for row in rows):
            return None, next(row for row in rows if row.finding.free_from is None and row.result in BLOCKING)
        later = [row for row in rows if row.finding.free_from and row.finding.free_from > day]
        if not later:
            return day, driver
        driver = max(later, key=lambda row: row.finding.free_from)
        day = driver.finding.free_from


def _runs(row):
    """Whether a look-back of this row, counted from Baseline, stands in the way or may do so."""
    return (
        row.finding is not None
        and row.finding.result in (PRESENT, UNKNOWN)
        and row.result not in PASSING
        and not row.finding.by_rescreening
        and (row.part.anchor == "baseline" or row.part.recheck == "baseline")
        and row.part.look_back is not None
    )


def _latest(evidence):
    """The last Baseline for which the screening visit still lies in its window (a placeholder of the protocol)."""
    planned = next(visit for visit in evidence.rules.visits if visit.kind == "screening")
    return evidence.screened_on - timedelta(days=planned.opens)
