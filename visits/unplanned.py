"""Visits outside the schedule: unscheduled ones, each with its own number, and the early termination."""

from django.db import transaction

from participants.models import Participant
from studytracker.dates import day_label

from . import procedures as procedures_of
from .attendance import AttendanceRefused, check_not_ahead, draft_late_entry, needs_late_reason
from .models import Visit

UNSCHEDULED, EARLY_TERMINATION = "unscheduled", "early_termination"


def reasons_against(participant, planned, visits=None) -> list[str]:
    """Why no such visit can be logged now; empty when it can. One query, unless the participant's visits are given."""
    if planned.kind != EARLY_TERMINATION:
        return []
    if not participant.withdrawn_on:
        return [f"{participant} has not left the study. Record the withdrawal first, then its last visit."]
    if not participant.infused:
        return [f"{participant} left before the infusion: there is no follow-up to end early."]
    if any(visit.unplanned == planned.code for visit in visits or participant.visits.all()):
        return [f"{participant} has an early-termination visit already."]
    return []


@transaction.atomic
def log(*, participant, kind, attended_on, visit_type, note, procedures, measured=None, late_entry_reason="", by, at):
    """Log a visit that no schedule planned. `kind` is its code in the protocol. Raises AttendanceRefused.

    It has no window and is done as soon as it is logged; `note` says why it took place.
    """
    Participant.objects.select_for_update().get(pk=participant.pk)
    participant = Participant.objects.for_listing().select_related("site").get(pk=participant.pk)
    planned = participant.protocol.unplanned_visit(kind)
    visit = Visit(participant=participant, site=participant.site, unplanned=kind)
    for reason in reasons_against(participant, planned):
        raise AttendanceRefused(reason)
    check_day(visit, planned, attended_on, at)
    late = needs_late_reason(visit, attended_on, at, late_entry_reason)
    visit.code = _code(participant, planned)
    visit.order = len(participant.protocol.visits) + participant.visits.count()
    visit.attended_on, visit.attended_at, visit.attended_by = attended_on, at, by
    visit.visit_type, visit.note = visit_type, note
    visit.late_entry_reason = late_entry_reason if late else ""
    visit.save()
    procedures_of.record(visit=visit, procedures=procedures, measured=measured, by=by, at=at)
    if late:
        draft_late_entry(visit, late, by=by, at=at)
    return visit


def _code(participant, planned):
    if not planned.numbered_as:
        return planned.code
    return f"{planned.numbered_as}{participant.visits.filter(unplanned=planned.code).count() + 1}"


def check_day(visit, planned, attended_on, at):
    participant = visit.participant
    check_not_ahead(visit.site, attended_on, at)
    if attended_on < participant.screened_on:
        raise AttendanceRefused(
            f"{day_label(attended_on)} is before the screening visit on {day_label(participant.screened_on)}.",
            field="attended_on",
        )
    left_on = participant.withdrawn_on
    if left_on and attended_on > left_on and planned.kind == UNSCHEDULED:
        raise AttendanceRefused(
            f"{participant} left the study on {day_label(left_on)}. "
            "A visit after that day is logged as early termination.",
            field="attended_on",
        )
