"""What is on record of a participant that a criterion may be judged by, read in a fixed number of queries."""

from dataclasses import dataclass, field, replace
from datetime import date

from django.db.models import Case, CharField, F, SmallIntegerField, Value, When
from django.db.models.functions import Cast, Coalesce

from studytracker.protocol import Protocol

from .models import (
    Consent,
    CriterionAnswer,
    LabResult,
    ListTaken,
    MedicalHistory,
    Medication,
    SledaiItem,
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
    scores: tuple[SledaiScore, ...] = ()  # each with `recorded_items`
    lists_taken: tuple[ListTaken, ...] = ()
    answers: dict[str, CriterionAnswer] = field(default_factory=dict)

    def taken_on(self, subject: str) -> date | None:
        """The day up to which the list was asked for in full."""
        return max((each.complete_on for each in self.lists_taken if each.subject == subject), default=None)

    def until(self, day: date | None) -> "Evidence":
        """Without what began later than that day; None leaves all."""
        dated = ("consents", "labs", "weights", "medications", "histories", "scores", "lists_taken")
        return replace(self, **{name: tuple(r for r in getattr(self, name) if _is_before(r, day)) for name in dated})

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
    """Evidence by participant key, in six queries however many there are. `until` leaves out what began later."""
    found = {each.pk: each for each in participants}
    kept = {
        "labs": _by_participant(found, LabResult.objects.standing()),
        "weights": _by_participant(found, VitalSign.objects.standing().filter(test="WEIGHT")),
        "medications": _by_participant(found, Medication.objects.standing()),
        "histories": _by_participant(found, MedicalHistory.objects.standing()),
        **_dated(found),
    }
    answers = _by_participant(found, CriterionAnswer.objects.select_related("answered_by"))
    return {
        pk: Evidence(
            rules=participant.protocol,
            screened_on=participant.screened_on,
            age=participant.age,
            sex=participant.sex,
            answers={answer.part: answer for answer in answers[pk]},
            **{name: tuple(rows[pk]) for name, rows in kept.items()},
        ).until(until)
        for pk, participant in found.items()
    }


def _dated(found):
    """SLEDAI scores with their items, lists taken and consents in one query: each is a word, a day and an instant."""
    no_total, nowhere = Value(-1, SmallIntegerField()), Value("", CharField())

    def columns(queryset, kind, word, day, instant, *, total=no_total, visit=nowhere, source=nowhere):
        return (
            queryset.filter(participant__in=list(found))
            .order_by()
            .annotate(kind=Value(kind, CharField()), points=total, at_visit=visit, document=source)
            .values_list("kind", "pk", "participant", word, day, instant, "points", "at_visit", "document")
        )

    scored = {"visit": F("visit_code"), "source": F("source")}
    total = Coalesce(F("total"), no_total)
    scores = columns(
        SledaiScore.objects.standing(), "scores", "variant", "assessed_on", "recorded_at", total=total, **scored
    )
    points = Case(When(is_present=True, then=F("weight")), default=Value(0), output_field=SmallIntegerField())
    items = columns(
        SledaiItem.objects.filter(score__in=SledaiScore.objects.standing()),
        *("items", "code", "score__assessed_on", "score__recorded_at"),
        total=points,
        source=Cast("score", CharField()),
    )
    lists = columns(ListTaken.objects.standing(), "lists_taken", "subject", "complete_on", "recorded_at")
    consents = columns(Consent.objects.all(), "consents", "form_version", "signed_on", "signed_at")
    rows = {kind: {pk: [] for pk in found} for kind in _MADE}
    together = scores.union(items, lists, consents, all=True)
    for kind, pk, person, *facts in sorted(together, key=lambda row: (row[4], row[1])):
        rows[kind][person].append(_MADE[kind](pk, found[person], *facts))
    for person, its_items in rows.pop("items").items():
        for score in rows["scores"][person]:
            score.recorded_items = [item for item in its_items if item.score_id == score.pk]
    return rows


def _score(pk, participant, variant, day, instant, points, visit, document):
    return SledaiScore(
        pk=pk,
        participant=participant,
        variant=variant,
        assessed_on=day,
        total=None if points < 0 else points,
        visit_code=visit,
        source=document,
    )


def _item(pk, participant, code, day, instant, points, visit, score):
    return SledaiItem(
        pk=pk, participant=participant, score_id=int(score), code=code, is_present=points > 0, weight=points
    )


def _list(pk, participant, subject, day, *_):
    return ListTaken(pk=pk, participant=participant, subject=subject, complete_on=day)


def _consent(pk, participant, version, day, instant, *_):
    return Consent(pk=pk, participant=participant, form_version=version, signed_on=day, signed_at=instant)


_MADE = {"scores": _score, "items": _item, "lists_taken": _list, "consents": _consent}


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
