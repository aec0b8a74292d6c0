"""Stopping rules over the record: switched, evaluated with each change, replayed as of any instant, and tripped."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from participants.holds import open_hold
from participants.models import Day0Correction, Infusion
from studytracker import protocol
from studytracker.access.people import system
from studytracker.protocol.models import Slot
from studytracker.refusal import Refused

from . import stopping
from .models import AdverseEvent, Assessment, GradeEpisode, RuleSwitch, Trip, TripEvidence
from .timekeeping import related

# Later than every row: a clock that runs ahead must not hide one.
ALWAYS = datetime.max.replace(tzinfo=UTC)
CAUSE = "stopping_rule"  # a code of the protocol's hold causes


class RuleRefused(Refused):
    """The rule cannot be switched like this."""


@dataclass(frozen=True)
class Record:
    """Everything stopping rules read, loaded once; `as_of` gives the events and infusions known at an instant."""

    infusions: tuple
    corrections: dict
    events: tuple
    assessments: dict
    episodes: dict

    @classmethod
    def load(cls):
        """Five queries, over both sites: a rule counts across the trial whoever asks.

        Of the events only those whose grade ever reached that of a rule, in people who were infused.
        """
        lowest = min((rule.grade_at_least for rule in protocol.current().stopping_rules), default=6)
        ever = GradeEpisode.objects.filter(event=OuterRef("pk"), grade__gte=lowest)
        severe = AdverseEvent.objects.filter(Q(grade__gte=lowest) | Exists(ever), participant__infusion__isnull=False)
        return cls(
            tuple(Infusion.objects.select_related("participant").order_by("pk")),
            _grouped(Day0Correction.objects.order_by("corrected_at", "pk"), "infusion_id"),
            tuple(severe.select_related("participant").order_by("pk")),
            _grouped(Assessment.objects.filter(event__in=severe).order_by("event", "number"), "event_id"),
            _grouped(GradeEpisode.objects.filter(event__in=severe).order_by("event", "pk"), "event_id"),
        )

    def as_of(self, at: datetime) -> tuple[list[stopping.Treated], list[stopping.Event]]:
        treated = [
            stopping.Treated(infusion.participant.identifier, self._day0(infusion, at))
            for infusion in self.infusions
            if infusion.recorded_at <= at
        ]
        known = (event for event in self.events if event.reported_at <= at)
        return treated, [self._event(event, at) for event in known if event.voided_at is None or event.voided_at > at]

    def _day0(self, infusion, at):
        """Day 0 as it was recorded at that instant."""
        later = [each for each in self.corrections.get(infusion.pk, ()) if each.corrected_at > at]
        return later[0].from_on if later else infusion.infused_on

    def _event(self, event, at):
        judged = [each for each in self.assessments.get(event.pk, ()) if each.made_at <= at]
        now = judged[-1] if judged else event
        course = tuple(
            (each.grade, each.since)
            for each in self.episodes.get(event.pk, ())
            if each.recorded_at <= at and (each.withdrawn_at is None or each.withdrawn_at > at)
        )
        if not course and now.grade is not None:
            course = ((now.grade, event.started),)
        return stopping.Event(
            participant=event.participant.identifier,
            label=str(event),
            course=course,
            related=related(protocol.version(event.protocol_version), now),
            serious=now.is_serious,
            key=event.pk,
        )


def _grouped(rows, name):
    groups = defaultdict(list)
    for row in rows:
        groups[getattr(row, name)].append(row)
    return dict(groups)


def switches(at: datetime | None = None) -> dict[str, RuleSwitch]:
    """{rule: its last switch up to `at`}. One query."""
    rows = RuleSwitch.objects.order_by("switched_at", "pk")
    return {row.rule_id: row for row in rows if at is None or row.switched_at <= at}


def runs(rule, switched) -> bool:
    return switched[rule.id].is_on if rule.id in switched else rule.switched_on


def evaluate_all(*, by, at):
    """Evaluate each rule that is on over the record as it stands, and open a hold for one that trips anew."""
    switched = switches()
    on = [rule for rule in protocol.current().stopping_rules if runs(rule, switched)]
    if not on:
        return
    # One after the other: two writes at once must not both miss the other's event.
    list(Slot.objects.select_for_update().order_by("number"))
    treated, events = Record.load().as_of(ALWAYS)
    for rule in on:
        evaluation = stopping.evaluate(rule, treated, events)
        if evaluation.is_tripped:
            _trip(evaluation, by, at)


def running() -> list[stopping.Evaluation]:
    """How each rule that is on stands now. One query where none is."""
    switched = switches()
    on = [rule for rule in protocol.current().stopping_rules if runs(rule, switched)]
    if not on:
        return []
    treated, events = Record.load().as_of(ALWAYS)
    return [stopping.evaluate(rule, treated, events) for rule in on]


def _trip(evaluation, by, at):
    """Open the hold, unless every event that counts has tripped the rule before."""
    rule = evaluation.rule
    before = set(TripEvidence.objects.filter(trip__rule_id=rule.id).values_list("event", flat=True))
    if all(each.event.key in before for each in evaluation.evidence):
        return
    trip = Trip.objects.filter(rule_id=rule.id, hold__lifted_at=None).first() or _open_trip(evaluation, by, at)
    listed = set(trip.evidence.values_list("event", flat=True))
    TripEvidence.objects.bulk_create(
        TripEvidence(trip=trip, event_id=each.event.key, words=_evidence_words(each), counted_at=at)
        for each in evaluation.evidence
        if each.event.key not in listed
    )


def _open_trip(evaluation, by, at):
    rule = evaluation.rule
    text = f"{evaluation.words}. Rule {rule.id}: {rule.text}"[:500]
    hold = open_hold(cause=CAUSE, text=text, by=by, at=at, reference=rule.id)
    return Trip.objects.create(
        rule_id=rule.id,
        protocol_version=protocol.current().version,
        words=evaluation.words,
        hold=hold,
        tripped_at=at,
        tripped_by=by,
    )


def _evidence_words(evidence):
    return "; ".join((evidence.words, *evidence.doubts))[:300]


@transaction.atomic
def switch(*, rule_id, is_on, reason, by, at):
    """Switch a rule of the protocol on or off. Switched on, it is evaluated at once over everything on record."""
    try:
        rule = protocol.current().stopping_rule(rule_id)
    except protocol.UnknownCode as unknown:
        raise RuleRefused(str(unknown)) from None
    if runs(rule, switches()) == is_on:
        raise RuleRefused(f"Rule {rule.id} is {'on' if is_on else 'off'} already. Nothing was changed.")
    made = RuleSwitch.objects.create(rule_id=rule.id, is_on=is_on, reason=reason, switched_at=at, switched_by=by)
    evaluate_all(by=by, at=at)
    return made


def look(at):
    """Evaluated in each sweep too, for whatever changed outside the reporting functions."""
    if any(evaluation.is_tripped for evaluation in running()):
        with transaction.atomic():
            evaluate_all(by=system(), at=at)
