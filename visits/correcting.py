"""Correcting what was logged of a visit. What it was stays in the record, and what followed from it follows anew:
the status is computed, drafted deviations are renewed, and what a person had judged is named, to be looked at again.
"""

from django.db import transaction

from participants.models import Participant
from studytracker.dates import day_label
from studytracker.trust.acting import because
from studytracker.trust.versions import checked_reason

from . import deviations, unplanned
from . import procedures as procedures_of
from .attendance import (
    AttendanceRefused,
    check_day,
    late_by,
    late_words,
    out_of_window_words,
    window_words,
)
from .measurements import SLEDAI, facts_of, scored, tests_of
from .models import Visit, VisitProcedure
from .schedule import outside_words

FIXED_ELSEWHERE = {
    "screening": "The day of {} is the day of the screening visit: correct it with the participant's facts.",
    "baseline": "The day of {} is Day 0: correct Day 0 instead.",
}


@transaction.atomic
def correct_visit(*, visit, reason, by, at, **facts):
    """Replace facts of a logged visit: attended_on, visit_type, note and the reasons. Raises AttendanceRefused.

    Returns the visit; its `doubts` are sentences on what somebody has to look at again.
    """
    visit = _logged(visit)
    before = visit.attended_on
    for name, value in facts.items():
        setattr(visit, name, value)
    if "attended_on" in facts:
        _check_day(visit, at)
    late = _settle_reasons(visit)
    with because(checked_reason(reason)):
        visit.save(update_fields=[*facts, "out_of_window_reason", "late_entry_reason"])
        visit.doubts = _look_again(visit, before, late, by=by, at=at)
    return visit


def has_own_day(visit):
    """Whether the day of the visit was said when it was logged: that of the screening and of the infusion was not."""
    return visit.planned.kind not in FIXED_ELSEWHERE


def _logged(visit):
    """The visit as it is now, locked after its participant, as a withdrawal locks them."""
    Participant.objects.select_for_update(no_key=True).get(pk=visit.participant_id)
    visit = Visit.objects.for_page().select_for_update(of=("self",)).get(pk=visit.pk)
    if not visit.attended_on:
        raise AttendanceRefused(f"{visit} is not logged: there is nothing to correct. Nothing was changed.")
    return visit


def _check_day(visit, at):
    day, planned = visit.attended_on, visit.planned
    if not has_own_day(visit):
        raise AttendanceRefused(FIXED_ELSEWHERE[planned.kind].format(visit.code), field="attended_on")
    logged_on = visit.site.today(visit.attended_at)
    if day > logged_on:
        raise AttendanceRefused(
            f"{visit.code} was logged on {day_label(logged_on)}. It cannot have taken place after that.",
            field="attended_on",
        )
    if visit.unplanned:
        unplanned.check_day(visit, planned, day, at)
    else:
        check_day(visit, day, at)


def _settle_reasons(visit) -> int:
    """The reasons that the day needs are there, and no others. Returns the business days of a late entry, else 0."""
    if not has_own_day(visit):
        return 0
    late = late_by(visit, visit.attended_on, visit.site.today(visit.attended_at))
    if visit.days_out and not visit.out_of_window_reason:
        words = f"{window_words(visit, visit.attended_on)} Give the reason."
        raise AttendanceRefused(words, field="out_of_window_reason")
    if late and not visit.late_entry_reason:
        words = f"It was logged {late} business days after that day. Say why it was logged only then."
        raise AttendanceRefused(words, field="late_entry_reason")
    visit.out_of_window_reason = visit.out_of_window_reason if visit.days_out else ""
    visit.late_entry_reason = visit.late_entry_reason if late else ""
    return late


def _look_again(visit, before, late, *, by, at) -> list[str]:
    if not has_own_day(visit):
        return []
    out = out_of_window_words(visit) if visit.days_out else ""
    judged = deviations.renew(visit, deviations.OUT_OF_WINDOW, out, by=by, at=at)
    judged += deviations.renew(visit, deviations.LATE_ENTRY, late_words(visit, late) if late else "", by=by, at=at)
    if visit.attended_on == before:
        return _judged_words(judged)
    judged += _renew_procedures(visit, by=by, at=at)
    vitals, labs = facts_of(visit)
    if held := len(vitals) + len(labs):
        what = "1 value" if held == 1 else f"{held} values"
        return [
            *_judged_words(judged),
            f"{what} of this visit keep the day under which they were recorded, {day_label(before)}: void what is "
            "wrong under “Results, medicines, history” and enter it anew.",
        ]
    return _judged_words(judged)


def _judged_words(judged):
    return [
        f"{each} ({each.category_words}) was judged on what was recorded before: look at it again." for each in judged
    ]


def _renew_procedures(visit, *, by, at):
    if not visit.needs_procedures:
        return []
    why = {each.code: each.not_done_reason for each in visit.procedures.all()}
    words = procedures_of.not_done_words(visit, why)
    return deviations.renew(visit, procedures_of.category_of(visit), words, by=by, at=at)


def move_screening_visit(participant, doubts, *, by, at):
    """The screening visit was attended on the corrected day of screening."""
    visit = Visit.objects.for_page().get(participant=participant, code__in=_codes(participant, "screening"))
    visit.participant = participant
    visit.attended_on = participant.screened_on
    if visit.opens_on is None:
        visit.target_on = participant.screened_on
    visit.save(update_fields=["attended_on", "target_on"])
    out = outside_words(visit) if visit.days_out else ""
    judged = deviations.renew(visit, deviations.OUT_OF_WINDOW, out, by=by, at=at)
    doubts += _judged_words(judged + _renew_procedures(visit, by=by, at=at))


def _codes(participant, kind):
    return [planned.code for planned in participant.protocol.visits if planned.kind == kind]


def renew_dose(infusion, words, doubts, *, by, at):
    """The delivered dose was corrected: `words` say how it departs, empty where it is in its tolerance."""
    participant = infusion.participant
    visit = Visit.objects.for_page().get(participant=participant, code__in=_codes(participant, "baseline"))
    doubts += _judged_words(deviations.renew(visit, deviations.DOSE, words, by=by, at=at))


@transaction.atomic
def correct_procedure(*, procedure, reason, by, at, **facts):
    """Replace what was recorded of one procedure: is_done, not_done_reason, finding. Raises AttendanceRefused.

    Returns the procedure; its `doubts` are sentences on what somebody has to look at again.
    """
    visit = _logged(procedure.visit)
    procedure = VisitProcedure.objects.select_for_update().get(pk=procedure.pk)
    procedure.visit = visit
    for name, value in facts.items():
        setattr(procedure, name, value)
    if procedure.is_done:
        procedure.not_done_reason = ""
    else:
        procedure.finding = ""
        _check_not_done(procedure)
    with because(checked_reason(reason)):
        procedure.save(update_fields=["is_done", "not_done_reason", "finding"])
        procedure.doubts = _judged_words(_renew_procedures(visit, by=by, at=at))
    return procedure


def _check_not_done(procedure):
    """Not done has a reason, and no values."""
    if not procedure.not_done_reason:
        raise AttendanceRefused(f"{procedure.name}: say why it was not done.", field="not_done_reason")
    visit = procedure.visit
    vitals, labs = facts_of(visit)
    held = {fact.test for fact in (*vitals, *labs)}
    planned = visit.rules.procedure(procedure.code)
    found = [test.name for test in tests_of(visit.rules, planned) if test.code in held]
    if procedure.code == SLEDAI and scored(visit):
        found.append("SLEDAI worksheet")
    if found:
        raise AttendanceRefused(
            f"There are values of {procedure.name} at this visit: {', '.join(found)}. Void them first, "
            "or leave it done.",
            field="is_done",
        )
