"""Stopping rules against a brute-force oracle, live on the record, and replayed day by day."""

import os
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from adverse_events import rule_board, rules, stopping, trip_reminders, voiding, watching
from adverse_events.assessing import assess
from adverse_events.models import Trip, TripEvidence
from adverse_events.reporting import report
from adverse_events.rules import RuleRefused
from conftest import NOW, staged
from participants.holds import lift_hold
from participants.models import Hold
from studytracker import protocol
from studytracker.dates import PartialDate
from studytracker.protocol.safety import StoppingRule

DAY0 = date(2025, 5, 31)
SHIPPED = protocol.current().stopping_rule("S1")


def rule(**differing):
    facts = {"id": "T1", "switched_on": True, "text": "A test", "participants": 2, "grade_at_least": 3}
    facts |= {"related": True, "within_days": 28} | differing
    return StoppingRule(**facts)


def event(participant="A", grade=3, since="2025-06-02", related=True, serious=False):
    return stopping.Event(participant, "AE", ((grade, PartialDate.parse(since)),), related, serious)


TWO = [stopping.Treated("A", DAY0), stopping.Treated("B", DAY0)]


@pytest.mark.parametrize(
    ("events", "affected", "more"),
    [
        ([], 0, 2),
        ([event()], 1, 1),
        ([event(), event()], 1, 1),
        ([event(), event("B")], 2, 0),
        ([event(), event("C")], 1, 1),
        ([event(), event("B", grade=2)], 1, 1),
        ([event(), event("B", related=False)], 1, 1),
        ([event(), event("B", related=None)], 2, 0),
        ([event(), event("B", since="2025-06-28")], 2, 0),
        ([event(), event("B", since="2025-06-29")], 1, 1),
        ([event(), event("B", since="2025-05-31")], 2, 0),
        ([event(), event("B", since="2025-05-30")], 1, 1),
        ([event(), event("B", since="2025-06")], 2, 0),
        ([event(), event("B", since="2025-07")], 1, 1),
        ([event(), event("B", since="2025")], 2, 0),
    ],
)
def test_the_example_counts_distinct_participants_in_the_window(events, affected, more):
    found = stopping.evaluate(SHIPPED, TWO, events)
    assert (len(found.affected), found.more_needed, found.is_tripped) == (affected, more, more == 0)


def test_doubts_are_counted_and_said():
    (found,) = stopping.evaluate(SHIPPED, TWO, [event(since="2025-06", related=None)]).evidence
    assert found.doubts == (
        "since UN-JUN-2025 is known in part and may lie in the window",
        "causality is not answered and counts as related",
    )
    (certain,) = stopping.evaluate(SHIPPED, TWO, [event()]).evidence
    assert certain.doubts == ()


def test_an_event_that_worsens_counts_from_the_day_it_reached_the_grade():
    mild, severe = (1, PartialDate(2025, 6, 2)), (3, PartialDate(2025, 7, 20))
    late = stopping.Event("A", "AE", (mild, severe), True, False)
    assert stopping.evaluate(SHIPPED, TWO, [late]).affected == ()
    before = stopping.Event("A", "AE", ((1, PartialDate(2025, 5, 1)), (3, PartialDate(2025, 6, 5))), True, False)
    assert stopping.evaluate(SHIPPED, TWO, [before]).affected == ("A",)


@pytest.mark.parametrize(
    ("affected", "treated", "more"),
    [(0, 2, 2), (2, 2, 1), (0, 3, 1), (1, 3, 0), (1, 4, 1), (2, 4, 0), (2, 6, 0), (1, 6, 1)],
)
def test_a_rate_is_judged_once_enough_are_treated(affected, treated, more):
    """A third of those treated, once three are: 1 of 3, 2 of 4 to 6."""
    third = rule(participants=None, percent=33, minimum_treated=3)
    assert stopping.more_needed(third, affected, treated) == (more if treated >= 3 else max(1 - affected, 1))


# --- the oracle: day by day, participant by participant, by other means ------------------------------------------

DAYS = st.integers(-40, 80).map(lambda days: DAY0 + timedelta(days=days))


@st.composite
def partial(draw):
    day = draw(DAYS)
    known = draw(st.sampled_from(["day", "month", "year"]))
    if known == "day":
        return PartialDate.of(day)
    return PartialDate(day.year, day.month if known == "month" else None)


PEOPLE = "ABCDEF"
EVENTS = st.builds(
    stopping.Event,
    participant=st.sampled_from(PEOPLE),
    label=st.just("AE"),
    course=st.lists(st.tuples(st.integers(1, 5), partial()), max_size=3).map(tuple),
    related=st.sampled_from([True, False, None]),
    serious=st.booleans(),
)
TREATED = st.lists(
    st.builds(stopping.Treated, participant=st.sampled_from(PEOPLE), infused_on=DAYS),
    max_size=6,
    unique_by=lambda each: each.participant,
)
BOUNDS = st.one_of(
    st.fixed_dictionaries({"participants": st.integers(1, 4)}),
    st.fixed_dictionaries(
        {"participants": st.none(), "percent": st.integers(1, 100), "minimum_treated": st.integers(1, 6)}
    ),
)
RULES = st.builds(
    lambda bound, **facts: rule(**bound, **facts),
    bound=BOUNDS,
    grade_at_least=st.integers(1, 5),
    related=st.booleans(),
    serious=st.booleans(),
    within_days=st.integers(1, 60),
)


def possible_days(since):
    day, last = since.earliest, since.latest
    while day <= last:
        yield day
        day += timedelta(days=1)


def affected_by_force(rule, treated, events):
    hit = set()
    for someone in treated:
        window = {someone.infused_on + timedelta(days=number) for number in range(rule.within_days + 1)}
        for each in events:
            if each.participant != someone.participant:
                continue
            if rule.related and each.related not in (True, None):
                continue
            if rule.serious and not each.serious:
                continue
            for grade, since in each.course:
                if grade in range(rule.grade_at_least, 6) and window & set(possible_days(since)):
                    hit.add(someone.participant)
    return hit


def trips_by_force(rule, affected, treated):
    if rule.participants:
        return affected >= rule.participants
    return treated >= rule.minimum_treated and affected * 100 >= rule.percent * treated


@settings(max_examples=int(os.environ.get("ORACLE_EXAMPLES", "150")), deadline=None)
@given(RULES, TREATED, st.lists(EVENTS, max_size=10))
def test_rules_equal_the_brute_force_oracle(rule, treated, events):
    found = stopping.evaluate(rule, treated, events)
    affected = affected_by_force(rule, treated, events)
    assert set(found.affected) == affected
    assert found.is_tripped == trips_by_force(rule, len(affected), len(treated))
    if not found.is_tripped and (rule.participants or len(treated) >= rule.minimum_treated):
        counts = range(len(affected), len(affected) + 200)
        assert found.more_needed == next(
            count - len(affected) for count in counts if trips_by_force(rule, count, len(treated))
        )


def test_the_oracle_would_notice_a_window_one_day_too_long():
    """The negative control of the property above."""
    treated, events = [stopping.Treated("A", DAY0)], [event(since="2025-06-29")]
    longer = rule(within_days=29)
    assert affected_by_force(rule(), treated, events) == set()
    assert set(stopping.evaluate(longer, treated, events).affected) == {"A"}


# --- on the record ------------------------------------------------------------------------------------------------


@staged
def on(trial, chair):
    rules.switch(rule_id="S1", is_on=True, reason="Agreed with the DSMB", by=chair, at=NOW - timedelta(days=60))


def severe(cast, day0=DAY0, at=NOW, **differing):
    facts = {"term": "Thrombosis", "started": PartialDate.of(day0 + timedelta(days=5)), "grade": 3}
    facts |= {"causality": "possible"} | differing
    participant = differing.pop("participant", None) or cast.infused(day0)
    facts.pop("participant", None)
    return report(participant=participant, by=cast.coordinator, at=at, **facts)


def test_a_rule_that_is_off_opens_nothing(musc, emory):
    severe(musc), severe(emory)
    assert Hold.objects.count() == Trip.objects.count() == 0


def test_the_second_event_opens_a_hold_over_both_sites_in_its_own_transaction(on, musc, emory):
    severe(musc)
    assert Hold.objects.count() == 0
    severe(emory)
    hold = Hold.objects.get()
    assert (hold.site, hold.cause, hold.opened_at, hold.opened_by) == (None, "stopping_rule", NOW, emory.coordinator)
    assert hold.text.startswith("2 of 2 treated participants: Grade 3 or higher, at least possibly related")
    evidence = TripEvidence.objects.order_by("pk").values_list("event__participant__identifier", "words")
    assert list(evidence) == [
        ("MUSC-001", "Grade 3, since 05-JUN-2025"),
        ("EMO-001", "Grade 3, since 05-JUN-2025"),
    ]


def test_a_refused_event_opens_no_hold(on, musc, emory):
    severe(musc)
    participant = emory.infused(DAY0)
    with pytest.raises(Exception, match="in the future"):
        severe(emory, participant=participant, started=PartialDate(2026, 1, 1))
    assert Hold.objects.count() == 0


def test_an_event_judged_related_later_trips_it_then(on, musc, emory):
    severe(musc)
    event = severe(emory, causality="unrelated")
    assert Hold.objects.count() == 0
    assess(event=event, causality="possible", reason="Second look", by=emory.investigator, at=NOW)
    assert Trip.objects.get().tripped_by == emory.investigator


def test_a_hold_is_lifted_once_and_the_same_events_never_trip_the_rule_again(on, musc, emory, chair):
    first = severe(musc)
    severe(emory)
    lift_hold(hold=Hold.objects.get(), reason="DSMB of 17 June: continue", by=chair, at=NOW)
    assess(event=first, grade=4, reason="Worse", by=musc.investigator, at=NOW)
    watching.look(NOW)
    assert (Hold.objects.count(), Trip.objects.count()) == (1, 1)
    another = severe(musc, participant=first.participant, term="Pneumonia")
    assert Trip.objects.order_by("pk").last().evidence.filter(event=another).exists()
    assert (Hold.objects.count(), Hold.objects.open().count(), Trip.objects.count()) == (2, 1, 2)


def test_further_events_join_the_evidence_while_the_hold_is_open(on, musc, emory):
    third = emory.infused(DAY0)
    severe(musc), severe(emory), severe(emory, participant=third)
    assert (Trip.objects.count(), TripEvidence.objects.count()) == (1, 3)


def test_a_voided_event_does_not_count(on, musc, emory):
    event = severe(musc)
    voiding.void(event=event, reason="Another participant", by=musc.coordinator, at=NOW)
    severe(emory)
    assert Hold.objects.count() == 0
    voiding.restore(event=event, reason="It was this one", by=musc.coordinator, at=NOW)
    assert Hold.objects.count() == 1


def test_an_infusion_recorded_after_its_event_trips_the_rule(on, musc, emory):
    from participants.infusion import infuse

    severe(musc)
    waiting = emory.enrolled(DAY0 - timedelta(days=5))
    severe(emory, participant=waiting)
    assert Hold.objects.count() == 0
    emory.reviewed(DAY0)
    emory.dosed(waiting, DAY0)
    infuse(participant=waiting, infused_on=DAY0, start_time=time(10), by=emory.coordinator, at=NOW)
    assert Hold.objects.count() == 1


def test_switching_a_rule_on_evaluates_what_is_on_record(musc, emory, chair):
    severe(musc), severe(emory)
    facts = {"rule_id": "S1", "is_on": True, "reason": "Agreed", "by": chair, "at": NOW}
    rules.switch(**facts)
    assert Trip.objects.get().tripped_by == chair
    with pytest.raises(RuleRefused, match="Rule S1 is on already"):
        rules.switch(**facts)
    with pytest.raises(RuleRefused, match='no stopping rule "S9"'):
        rules.switch(**facts | {"rule_id": "S9"})


def test_a_sweep_finds_what_was_written_past_the_functions(on, musc, emory):
    severe(musc)
    event = severe(emory, causality="unrelated")
    type(event).objects.filter(pk=event.pk).update(causality="possible")
    event.assessments.update(causality="possible")
    watching.look(NOW)
    assert Trip.objects.get().tripped_by.username == "system"


def test_the_investigators_of_both_sites_and_the_chair_are_told_at_once(on, musc, emory, chair):
    severe(musc), severe(emory)
    told = {(each.site, each.recipient_id, each.is_urgent) for each in trip_reminders.due(NOW)}
    assert told == {
        ("MUSC", musc.investigator.pk, True),
        ("EMORY", emory.investigator.pk, True),
        ("MUSC", chair.pk, True),
    }
    wanted = {(Trip.objects.get().pk, "tripped")}
    assert len(trip_reminders.still_due(wanted, NOW)) == 1
    lift_hold(hold=Hold.objects.get(), reason="DSMB of 17 June: continue", by=chair, at=NOW)
    assert trip_reminders.still_due(wanted, NOW) == {}


def test_replaying_day_by_day_trips_on_the_day_it_tripped(on, musc, emory):
    """By what was known then: an event entered late, judged later still, counts from the day it was judged."""
    instants = [datetime(2025, 6, day, 15, tzinfo=UTC) for day in (7, 9, 12, 16)]
    severe(musc, at=instants[0])
    event = severe(emory, at=instants[1], causality="unrelated")
    severe(musc, at=instants[2], grade=2)
    assess(event=event, causality="probable", reason="Second look", by=emory.investigator, at=instants[3])
    record = rules.Record.load()
    tripped = {
        day: stopping.evaluate(SHIPPED, *record.as_of(rule_board.site_end(day))).is_tripped
        for day in (date(2025, 6, number) for number in range(5, 19))
    }
    assert Trip.objects.get().tripped_at == instants[3]
    assert {day for day, is_tripped in tripped.items() if is_tripped} == {date(2025, 6, day) for day in (16, 17, 18)}
    assert rule_board.first_day(SHIPPED, record, NOW) == date(2025, 6, 16)
    assert rule_board.first_day(SHIPPED, record, instants[2]) is None


def test_the_board_shows_how_many_more_would_trip_it_now_and_then(on, musc, emory, browse, frozen):
    severe(musc, at=NOW - timedelta(days=8))
    severe(emory, at=NOW - timedelta(days=2))
    client = browse(musc.investigator)
    page = client.get(reverse("stopping_rules")).content.decode()
    assert "tripped</span>" in page
    assert "MUSC-001 AE 1" in page
    assert "An event at EMORY" in page and "EMO-001" not in page
    then = client.get(reverse("stopping_rules"), {"as_of_day": "12", "as_of_month": "6", "as_of_year": "2025"})
    assert "1 more</strong> would trip it" in then.content.decode()
    future = client.get(reverse("stopping_rules"), {"as_of_day": "12", "as_of_month": "6", "as_of_year": "2026"})
    assert (future.status_code, "is in the future" in future.content.decode()) == (422, True)


def test_only_the_chair_switches_a_rule_and_says_why(musc, browse, chair, investigator, outsider, frozen):
    address = reverse("switch_rule", args=["S1"])
    assert [browse(person).post(address).status_code for person in (investigator, outsider)] == [403, 403]
    client = browse(chair)
    assert client.get(reverse("switch_rule", args=["S9"])).status_code == 404
    assert client.post(address, {"reason": ""}).status_code == 422
    assert client.post(address, {"reason": "DSMB charter of 1 May"}).status_code == 302
    assert "DSMB charter of 1 May" in client.get(reverse("stopping_rules")).content.decode()


@pytest.mark.parametrize("many", [1, 3])
def test_the_board_takes_the_same_queries_however_many_events(
    on, musc, browse, many, frozen, django_assert_max_num_queries
):
    for _ in range(many):
        severe(musc, causality="unlikely")
    client = browse(musc.investigator)
    with django_assert_max_num_queries(16):
        client.get(reverse("stopping_rules"))
