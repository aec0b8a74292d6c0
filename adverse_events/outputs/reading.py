"""From the record to the plain rows the outputs count: a few queries, whatever the number of rows."""

from dataclasses import replace

from django.db.models import Count, Prefetch

from adverse_events.course import worsened
from adverse_events.models import SERIOUSNESS, AdverseEvent, GradeEpisode
from adverse_events.summary import is_related
from adverse_events.timing import Emergence, emergence
from adverse_events.wording import infused_local, label
from participants.models import LabResult, Participant
from studytracker import protocol
from studytracker.trust.subjects import covered
from visits.models import Deviation, Visit

from .rows import Departure, Event, Lab, Person, Trial, Visited

MODIFIED = ("dose_reduced", "dose_rate_reduced", "dose_increased", "drug_interrupted")
EVENTS, VISITS, DEPARTURES, LABS = "events", "visits", "departures", "labs"
EVERYTHING = frozenset({EVENTS, VISITS, DEPARTURES, LABS})


def read(sites, wanted=EVERYTHING, today=None) -> Trial:
    """The rows of `sites` that an output rests on: people always, the rest as `wanted`. Columns as in the protocol."""
    sites = tuple(rules.code for rules in protocol.current().sites if rules.code in sites)
    people = list(
        Participant.objects.filter(site__in=sites)
        .for_listing()
        .annotate(stops=Count("infusion__interruptions"))
        .order_by("number")
    )
    people.sort(key=lambda row: sites.index(row.site_id))
    events = _events(sites) if EVENTS in wanted else []
    visits = _visits(sites) if VISITS in wanted else []
    departures = _departures(sites) if DEPARTURES in wanted else []
    labs = _labs(sites) if LABS in wanted else []
    last, done = _attended(visits)
    return Trial(
        sites=sites,
        people=tuple(
            replace(_person(row), last_seen_on=last.get(row.pk), completed_on=done.get(row.pk)) for row in people
        ),
        events=tuple(_event(row) for row in events),
        visits=tuple(_visit(row) for row in visits if not row.unplanned),
        departures=tuple(_departure(row) for row in departures),
        labs=tuple(_lab(row) for row in labs),
        covers=tuple(covered(row) for rows in (visits, departures, labs) for row in rows),
        today=today or {},
    )


def _events(sites):
    """Those that stand, in the order of the listings' sites and people."""
    episodes = Prefetch("grade_episodes", GradeEpisode.objects.filter(withdrawn_at=None))
    found = AdverseEvent.objects.filter(site__in=sites).standing().for_listing().prefetch_related(episodes)
    return list(found.order_by("site", "participant__number", "number"))


def _visits(sites):
    found = Visit.objects.filter(site__in=sites).select_related("participant__infusion")
    return list(found.order_by("site", "participant__number", "order"))


def _departures(sites):
    found = Deviation.objects.filter(site__in=sites, voided_at=None).exclude(participant=None).for_listing()
    return list(found.order_by("site", "participant__number", "number"))


def _labs(sites):
    found = LabResult.objects.standing().filter(site__in=sites, standard_value__isnull=False)
    found = found.select_related("participant__infusion")
    return list(found.order_by("site", "participant__number", "test", "collected", "pk"))


def _attended(visits):
    """({participant's key: last day attended}, {participant's key: the day the follow-up ended})."""
    last, done = {}, {}
    for visit in visits:
        if on := visit.attended_on:
            last[visit.participant_id] = max(on, last.get(visit.participant_id, on))
            if not visit.unplanned and visit.planned.end_of_follow_up:
                done[visit.participant_id] = on
    return last, done


def _person(row) -> Person:
    infusion, enrolled = row.infused, row.enrolled
    treated = {}
    if infusion:
        treated = {
            name: getattr(infusion, name)
            for name in ("infused_on", "started_at", "stopped_at", "weight_kg", "planned_cells", "delivered_cells")
        } | {"volume_ml": infusion.volume_ml, "lot": infusion.lot, "interruptions": row.stops}
    return Person(
        identifier=row.identifier,
        site=row.site_id,
        age=row.age,
        sex=row.sex,
        screened_on=row.screened_on,
        screen_failed_on=row.screen_failed_on,
        screen_failed_criteria=row.screen_failed_criteria,
        enrolled_on=enrolled and enrolled.enrolled_on,
        withdrawn_on=row.withdrawn_on,
        withdrawn_reason=row.withdrawn_reason_words,
        left_for_event=row.withdrawn_reason == "adverse_event",
        left_by_death=row.withdrawn_reason == "death",
        covers=tuple(covered(part) for part in (row, enrolled, infusion) if part),
        **treated,
    )


def _event(row) -> Event:
    began = emergence(row.started, row.started_time, infused_local(row), worsened(row, list(row.grade_episodes.all())))
    return Event(
        key=str(row),
        participant=row.participant.identifier,
        site=row.site_id,
        term=row.term,
        dictionary_term=row.dictionary_term,
        body_system=row.body_system,
        grade=row.grade,
        is_serious=row.is_serious,
        is_fatal=row.is_fatal or row.sponsor_is_fatal,
        is_related=is_related(row),
        causality=label(row, "causality", row.causality),
        withdrawn_drug=row.action_taken == "drug_withdrawn",
        modified_drug=row.action_taken in MODIFIED,
        is_counted=began not in (None, Emergence.NO),
        is_open=bool(row.open_answers),
        began=row.started.earliest,
        began_by=row.started.latest,
        reasons=tuple(getattr(row, name) or getattr(row, f"sponsor_{name}") for name, _ in SERIOUSNESS),
        covers=(covered(row), *(covered(episode) for episode in row.grade_episodes.all())),
        record=row,
    )


def _visit(row) -> Visited:
    left_on = row.participant.withdrawn_on
    left = left_on and row.closes_on and left_on <= row.closes_on
    return Visited(
        participant=row.participant.identifier,
        site=row.site_id,
        order=row.order,
        code=row.code,
        name=row.planned.name,
        attended_on=row.attended_on,
        out=row.days_out,
        is_missed=bool(row.missed_at),
        is_applicable=not (row.dropped_in or left),
        closes_on=row.closes_on,
    )


def _departure(row) -> Departure:
    return Departure(
        key=str(row),
        participant=row.participant.identifier,
        site=row.site_id,
        category=row.category_words,
        severity=row.severity,
        happened_on=row.happened_on,
        description=row.description,
        stage=row.stage,
        visit=row.visit.code if row.visit else "",
    )


def _lab(row) -> Lab:
    try:
        name = row.planned.name
    except protocol.UnknownCode:
        name = row.test
    return Lab(
        participant=row.participant.identifier,
        site=row.site_id,
        test=row.test,
        name=name,
        unit=row.standard_unit,
        collected=row.collected,
        collected_at=row.collected_at,
        value=row.standard_value,
        low=row.low,
        high=row.high,
        flag=row.flag,
        visit=row.visit_code,
        version=row.protocol_version,
        key=str(row.pk).zfill(12),
        comparator=row.comparator,
    )
