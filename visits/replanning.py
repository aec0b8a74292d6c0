"""A corrected Day 0: what has not happened is planned anew from it, what has happened stays."""

from typing import NamedTuple

from django.db import transaction

from studytracker.dates import day_label

from .models import Visit, WindowMove
from .schedule import Window, windows


class Move(NamedTuple):
    visit: Visit
    old: Window
    new: Window
    why_kept: str  # empty for a visit that moves


def preview(participant, day0) -> list[Move]:
    """Every visit with a window, as it stands and as Day 0 on `day0` would have it. Changes nothing. One query."""
    spans = windows(participant.protocol, day0)
    moves = []
    for visit in participant.visits.filter(closes_on__isnull=False, code__in=spans).order_by("order"):
        visit.participant = participant
        old = Window(visit.target_on, visit.opens_on, visit.closes_on)
        moves.append(Move(visit, old, spans[visit.code], _why_kept(visit)))
    return moves


def reasons_against(participant, day0) -> list[str]:
    """Follow-up that took place cannot come before the infusion it follows."""
    too_early = participant.visits.filter(attended_on__lte=day0).order_by("order")
    return [
        f"{participant} attended {visit.code} on {day_label(visit.attended_on)}: "
        f"the infusion cannot be on {day_label(day0)}. Check the day, or that visit."
        for visit in too_early
        if visit.code in participant.protocol.follow_up_codes
    ]


@transaction.atomic
def replan(correction, *, by, at):
    """Move the windows of what has not happened, and the baseline visit, which is the infusion itself."""
    participant, day0 = correction.infusion.participant, correction.to_on
    moved = [move for move in preview(participant, day0) if not move.why_kept and move.old != move.new]
    for visit, _old, new, _ in moved:
        visit.target_on, visit.opens_on, visit.closes_on = new
        if visit.planned.kind == "baseline":
            visit.attended_on = day0
    visits = [move.visit for move in moved]
    Visit.objects.bulk_update(visits, ["target_on", "opens_on", "closes_on", "attended_on"])
    return WindowMove.objects.bulk_create(
        WindowMove(
            correction=correction,
            visit=move.visit,
            **{f"old_{name}": day for name, day in move.old._asdict().items()},
            **{f"new_{name}": day for name, day in move.new._asdict().items()},
        )
        for move in moved
    )


def _why_kept(visit):
    if visit.dropped_in:
        return f"no visit of protocol {visit.dropped_in}"
    if visit.missed_at:
        return f"marked missed: {visit.missed_reason}"
    if visit.attended_on and visit.planned.kind != "baseline":
        return f"attended {day_label(visit.attended_on)}"
    return ""
