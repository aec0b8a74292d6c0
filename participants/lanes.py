"""What this room shows on a participant's timeline: medicines, disease activity and laboratory flags."""

from studytracker.dates import day_label
from studytracker.protocol.measures import plain

from .models import LabResult, Medication, SledaiScore
from .timeline import Lane, Mark


def medicines(participant, user, today):
    """Each course, from its first possible to its last possible day. One query."""
    marks = []
    for row in Medication.objects.of(participant):
        row.participant = participant
        first = row.started.earliest if row.started else participant.screened_on
        last = today if row.is_ongoing or row.ended is None else row.ended.latest
        vague = not (row.started and row.started.is_full) or not (row.is_ongoing or (row.ended and row.ended.is_full))
        dose = f" {plain(row.dose)} {row.dose_unit}" if row.dose is not None else ""
        ends = "ongoing" if row.is_ongoing else f"to {row.ended or 'an unknown day'}"
        words = f"{row.drug}, {row.amount}: from {row.started or 'an unknown day'} {ends}"
        marks.append(Mark(first, max(first, last), f"{row.drug}{dose}", words, "cm", row.is_ongoing, vague))
    return Lane("Medicines", "Medicines", marks)


def activity(participant, user, today):
    """SLEDAI totals. One query."""
    marks = [
        Mark(row.assessed_on, row.assessed_on, str(row.total), f"{row.total} on {day_label(row.assessed_on)}", "lb")
        for row in SledaiScore.objects.of(participant)
        if row.total is not None
    ]
    return Lane("SLEDAI", "SLEDAI", marks)


def flags(participant, user, today):
    """Laboratory results outside their limits. One query."""
    marks = []
    for row in LabResult.objects.of(participant).filter(flag__in=["LOW", "HIGH"]):
        row.participant = participant
        words = f"{row.planned.name} {row.reported} on {row.collected}: {row.flag.lower()}"
        label = f"{row.test} {row.flag[0]}"
        marks.append(
            Mark(row.collected.earliest, row.collected.latest, label, words, "lb", False, not row.collected.is_full)
        )
    return Lane("Labs", "Labs outside limits", marks)
