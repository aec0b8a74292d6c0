"""Which visits are told of, at which stage and to whom: the queryset, and what is asked again before sending."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from conftest import NOW, TODAY, staged
from participants.screening import withdraw
from studytracker.outbox.ledger import matters
from studytracker.outbox.models import Notice
from studytracker.outbox.sweeping import sweep
from visits.attendance import attend, miss
from visits.models import Visit
from visits.reminders import due, still_due

DAY0 = date(2025, 1, 1)  # W1: 6 to 10 January, target the 8th


def stages(visit, at):
    """{recipient: (stage, turn)} of one visit."""
    return {
        matter.recipient_id: (matter.stage, matter.turn) for matter in matters(due(at)) if matter.object_id == visit.pk
    }


def noon(day):
    return datetime.combine(day, time(12), ZoneInfo("America/New_York"))


@staged
def week_1(musc, chair):
    return musc.infused(DAY0, screened_before=10).visits.get(code="W1")


@pytest.mark.parametrize(
    ("days", "coordinator_is_at", "investigator_is_at", "chair_is_at"),
    [
        (-5, None, None, None),
        (-4, ("opens", 0), None, None),
        (-3, ("opens", 0), None, None),
        (-2, ("due", 0), None, None),
        (-1, ("late", 0), None, None),
        (0, ("late", 0), None, None),
        (1, ("overdue-1", 0), None, None),
        (6, ("overdue-1", 0), None, None),
        (7, ("overdue-1", 0), ("investigator", 0), None),
        (8, ("overdue-again", 0), ("investigator", 0), None),
        (14, ("overdue-again", 0), ("investigator", 0), None),
        (15, ("overdue-again", 1), ("investigator", 0), None),
        (21, ("overdue-again", 1), ("investigator", 1), ("chair", 0)),
        (49, ("overdue-again", 5), ("investigator", 3), ("chair", 1)),
        (400, ("overdue-again", 56), ("investigator", 28), ("chair", 13)),
    ],
)
def test_each_person_hears_the_furthest_stage_by_days_after_the_last_day(
    week_1, coordinator, investigator, chair, days, coordinator_is_at, investigator_is_at, chair_is_at
):
    assert (week_1.opens_on, week_1.target_on, week_1.closes_on) == (
        date(2025, 1, 6),
        date(2025, 1, 8),
        date(2025, 1, 10),
    )
    expected = {
        coordinator.pk: coordinator_is_at,
        investigator.pk: investigator_is_at,
        chair.pk: chair_is_at,
    }
    found = stages(week_1, noon(week_1.closes_on + timedelta(days=days)))
    assert found == {person: stage for person, stage in expected.items() if stage}


def test_the_day_is_the_site_s_own(week_1, coordinator):
    """23:30 in New York is the next day in UTC."""
    at = datetime(2025, 1, 10, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    assert stages(week_1, at)[coordinator.pk] == ("late", 0)
    assert stages(week_1, at + timedelta(minutes=30))[coordinator.pk] == ("overdue-1", 0)


def test_the_queryset_and_the_question_before_sending_agree_on_every_day(week_1, coordinator, investigator, chair):
    for days in range(-10, 60):
        at = noon(week_1.closes_on + timedelta(days=days))
        found = {(week_1.pk, stage) for stage, _ in stages(week_1, at).values()}
        assert found <= set(still_due({(week_1.pk, stage) for stage in ALL_STAGES}, at))
        assert bool(still_due({(week_1.pk, "opens")}, at)) is (days >= -4)


ALL_STAGES = ("opens", "due", "late", "overdue-1", "overdue-again", "investigator", "chair")


def test_what_is_recorded_ends_every_stage(week_1, coordinator):
    at, matter = noon(week_1.closes_on + timedelta(days=30)), (week_1.pk, "overdue-again")
    assert list(still_due({matter}, at)) == [matter]
    miss(visit=week_1, reason="Illness", by=coordinator, at=at)
    assert (stages(week_1, at), still_due({matter}, at)) == ({}, {})


def test_somebody_who_left_is_not_reminded_of(musc, coordinator):
    """The visit whose window had closed before is asked for still."""
    participant = musc.infused(TODAY - timedelta(days=18))
    w1, w4 = (participant.visits.get(code=code) for code in ("W1", "W4"))
    withdraw(participant=participant, withdrawn_on=TODAY, reason="pregnancy", note="", by=coordinator, at=NOW)
    later = NOW + timedelta(days=60)
    assert (bool(stages(w1, later)), stages(w4, later)) == (True, {})


def test_the_line_names_the_identifier_and_the_visit_and_leads_to_the_log(week_1):
    [line] = still_due({(week_1.pk, "opens")}, noon(week_1.closes_on)).values()
    assert (line.text, line.path) == ("MUSC-001 W1", "/visits/MUSC-001/W1/log/")


def test_a_stage_the_protocol_dropped_is_told_as_long_as_there_is_something_to_do(week_1, coordinator):
    at = noon(week_1.closes_on)
    assert list(still_due({(week_1.pk, "overdue-14")}, at)) == [(week_1.pk, "overdue-14")]
    attend(visit=week_1, attended_on=week_1.target_on, late_entry_reason="Note found", by=coordinator, at=at)
    assert still_due({(week_1.pk, "overdue-14")}, at) == {}


def test_the_sweep_takes_the_same_few_statements_however_many_visits(
    musc, emory, django_assert_max_num_queries, chair
):
    for _ in range(3):
        musc.infused(DAY0, screened_before=10)
    sweep(NOW)
    assert Notice.objects.count() > Visit.objects.filter(closes_on__lt=TODAY).count()
    Notice.objects.untold().update(mail=None)
    with django_assert_max_num_queries(30):
        sweep(NOW)
