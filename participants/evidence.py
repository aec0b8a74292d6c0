"""What is on record of a participant that a criterion may be judged by, read in a fixed number of queries."""

from dataclasses import dataclass, field
from datetime import date

from studytracker.protocol import Protocol

from .models import (
    Consent,
    CriterionAnswer,
    LabResult,
    ListTaken,
    MedicalHistory,
    Medication,
    SledaiScore,
    VitalSign,
)


@dataclass(frozen=True)
class Evidence:
    """The facts of one participant. Rows are model instances; nothing here asks the database again."""

    rules: Protocol
    screened_on: date
    age: int
    sex: str
    consents: tuple[Consent, ...] = ()
    labs: tuple[LabResult, ...] = ()
    weights: tuple[VitalSign, ...] = ()
    medications: tuple[Medication, ...] = ()
    histories: tuple[MedicalHistory, ...] = ()
    scores: tuple[SledaiScore, ...] = ()
    lists_taken: tuple[ListTaken, ...] = ()
    answers: dict[str, CriterionAnswer] = field(default_factory=dict)

    def taken_on(self, subject: str) -> date | None:
        """The day up to which the list was asked for in full."""
        return max((each.complete_on for each in self.lists_taken if each.subject == subject), default=None)

    @property
    def screening_code(self) -> str:
        return next(visit.code for visit in self.rules.visits if visit.kind == "screening")

    def screening_labs(self, test: str) -> list[LabResult]:
        """The results of the test that belong to this screening, oldest first: those of the screening visit, and
        those collected on or after consent that belong to no other visit.
        """
        since = min((consent.signed_on for consent in self.consents), default=self.screened_on)
        code = self.screening_code
        return [
            row
            for row in self.labs
            if row.test == test and (row.visit_code == code or not row.visit_code and row.collected.earliest >= since)
        ]


def of(participant, *, until: date | None = None) -> Evidence:
    return of_many([participant], until=until)[participant.pk]


def of_many(participants, *, until: date | None = None) -> dict[int, Evidence]:
    """Evidence by participant key, in eight queries however many there are. `until` leaves out what began later."""
    found = {each.pk: each for each in participants}
    kept = {
        "labs": _by_participant(found, LabResult.objects.standing()),
        "weights": _by_participant(found, VitalSign.objects.standing().filter(test="WEIGHT")),
        "medications": _by_participant(found, Medication.objects.standing()),
        "histories": _by_participant(found, MedicalHistory.objects.standing()),
        "scores": _by_participant(found, SledaiScore.objects.standing()),
        "lists_taken": _by_participant(found, ListTaken.objects.standing()),
        "consents": _by_participant(found, Consent.objects.all()),
    }
    answers = _by_participant(found, CriterionAnswer.objects.select_related("answered_by"))
    return {
        pk: Evidence(
            rules=participant.protocol,
            screened_on=participant.screened_on,
            age=participant.age,
            sex=participant.sex,
            answers={answer.part: answer for answer in answers[pk]},
            **{name: tuple(row for row in rows[pk] if _is_before(row, until)) for name, rows in kept.items()},
        )
        for pk, participant in found.items()
    }


def _by_participant(found, queryset):
    rows = {pk: [] for pk in found}
    for row in queryset.filter(participant__in=list(found)):
        row.participant = found[row.participant_id]
        rows[row.participant_id].append(row)
    return rows


def _is_before(row, until):
    """Whether the fact may have begun by that day."""
    if until is None:
        return True
    began = next(
        (
            getattr(row, name)
            for name in ("collected", "measured_on", "started", "assessed_on", "complete_on", "signed_on")
            if hasattr(row, name)
        ),
        None,
    )
    return began is None or getattr(began, "earliest", began) <= until
