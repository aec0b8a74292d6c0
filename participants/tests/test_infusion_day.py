from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from conftest import NOW, TODAY, staged
from participants import observation
from participants.facts import Implausible
from participants.infusion import InfusionRefused, correct_day0, infuse, interrupt, resume, stop_infusion
from participants.models import VitalSign

ZONE = ZoneInfo("America/New_York")


def at(hour, minute=0):
    return datetime(TODAY.year, TODAY.month, TODAY.day, hour, minute, tzinfo=ZONE)


@staged
def running(musc, coordinator):
    """Started at 10:15 on the day."""
    participant = musc.enrolled()
    musc.dosed(participant)
    infuse(participant=participant, infused_on=TODAY, start_time=time(10, 15), by=coordinator, at=NOW)
    return type(participant).objects.for_listing().get(pk=participant.pk)


def states(participant, when):
    return {row.point.code: row.state for row in observation.day(participant, when).rows if row.point}


def take(participant, by, point="start_15", clock=time(10, 31), when=NOW, is_sure=False, **values):
    return observation.record(
        participant=participant,
        time_point=point,
        measured_on=TODAY,
        measured_time=clock,
        values={code: Decimal(value) for code, value in values.items()},
        is_sure=is_sure,
        by=by,
        at=when,
    )


@pytest.mark.parametrize(
    ("hour", "minute", "state"),
    [(10, 24, "ahead"), (10, 25, "due"), (10, 30, "due"), (10, 35, "due"), (10, 36, "late")],
)
def test_a_time_point_is_due_within_its_minutes_both_ends_included(running, hour, minute, state):
    assert states(running, at(hour, minute))["start_15"] == state


def test_what_counts_from_the_end_waits_for_it(running, coordinator):
    assert states(running, at(11))["end_60"] == "waits"
    stop_infusion(infusion=running.infusion, stop_time=time(10, 55), volume_ml=Decimal(80), by=coordinator, at=NOW)
    running.refresh_from_db()
    row = next(row for row in observation.day(running, NOW).rows if row.point and row.point.code == "end_60")
    assert (row.state, row.due_at.astimezone(ZONE)) == ("ahead", at(11, 55))


def test_what_is_due_comes_before_what_is_ahead_and_what_is_late(running, coordinator):
    assert observation.day(running, at(10, 31)).next_code == "start_15"
    take(running, coordinator, SYSBP="120")
    assert observation.day(running, at(10, 31)).next_code == "start_30"


def test_a_value_outside_its_limits_leads_to_an_event_with_the_term_and_the_time_filled_in(running, coordinator):
    take(running, coordinator, SYSBP="85", TEMP="38.0", PULSE="121")
    found = observation.day(running, NOW).outside
    assert {reading.vital.test: reading.term for reading in found} == {
        "SYSBP": "Hypotension",
        "PULSE": "Sinus tachycardia",
    }
    assert found[0].report == ("/adverse-events/MUSC-001/new/?term=Hypotension&start=2025-06-18&visit=D0&time=10%3A31")


@pytest.mark.parametrize(
    ("value", "term"), [("38.0", None), ("38.1", "Fever"), ("35.5", None), ("35.4", "Hypothermia")]
)
def test_the_limits_themselves_are_inside(trial, value, term):
    assert trial.infusion_observation.limit("TEMP").term_for(Decimal(value)) == term


def test_an_unlikely_value_is_asked_for_once_and_then_taken(running, coordinator):
    with pytest.raises(Implausible, match="Temperature 45 C is outside what is plausible"):
        take(running, coordinator, TEMP="45")
    assert VitalSign.objects.count() == 0
    take(running, coordinator, is_sure=True, TEMP="45")
    assert "outside what is plausible" in VitalSign.objects.get().acknowledged_warning


def test_the_infusion_is_interrupted_resumed_and_stopped_in_order(running, coordinator):
    infusion = running.infusion

    def refused(act, words, **facts):
        with pytest.raises(InfusionRefused, match=words):
            act(infusion=infusion, by=coordinator, at=NOW, **facts)

    refused(resume, "is not interrupted", resumed_time=time(10, 30))
    interrupt(infusion=infusion, began_time=time(10, 25), reason="Chills", by=coordinator, at=NOW)
    refused(interrupt, "is not running", began_time=time(10, 26), reason="Again")
    refused(stop_infusion, "is interrupted", stop_time=time(10, 50), volume_ml=Decimal(80))
    refused(resume, "resumes after", resumed_time=time(10, 20))
    refused(resume, "still to come", resumed_time=time(11, 30))
    pause = resume(infusion=infusion, resumed_time=time(10, 35), by=coordinator, at=NOW)
    assert pause.resumed_at - pause.began_at == timedelta(minutes=10)
    done = stop_infusion(infusion=infusion, stop_time=time(10, 55), volume_ml=Decimal(80), by=coordinator, at=NOW)
    assert done.delivered_cells == 72_400_000
    refused(stop_infusion, "is recorded already", stop_time=time(10, 56), volume_ml=Decimal(80))
    refused(interrupt, "is not running", began_time=time(10, 57), reason="Late")


def test_an_end_past_midnight_is_on_the_next_day(musc, coordinator):
    participant = musc.enrolled()
    musc.dosed(participant)
    infusion = infuse(participant=participant, infused_on=TODAY, start_time=time(10, 15), by=coordinator, at=NOW)
    late = NOW + timedelta(hours=20)
    done = stop_infusion(infusion=infusion, stop_time=time(0, 30), volume_ml=Decimal(80), by=coordinator, at=late)
    assert done.stopped_at.astimezone(ZONE).date() == TODAY + timedelta(days=1)


def test_a_corrected_day_0_takes_the_end_and_the_interruptions_along(running, coordinator):
    facts = {"infusion": running.infusion, "by": coordinator, "at": NOW}
    pause = interrupt(began_time=time(10, 25), reason="Chills", **facts)
    resume(resumed_time=time(10, 35), **facts)
    stop_infusion(stop_time=time(10, 55), volume_ml=Decimal(80), **facts)
    move = {"participant": running, "infused_on": TODAY - timedelta(days=1), "reason": "Misread", "by": coordinator}
    with pytest.raises(InfusionRefused, match="The infusion ended at 10:55. It cannot start after that."):
        correct_day0(start_time=time(10, 56), at=NOW, **move)
    infusion = correct_day0(start_time=time(10, 20), at=NOW, **move).infusion
    pause.refresh_from_db()
    assert [moment.astimezone(ZONE) + timedelta(days=1) for moment in (infusion.started_at, infusion.stopped_at)] == [
        at(10, 20),
        at(10, 55),
    ]
    assert pause.began_at.astimezone(ZONE) + timedelta(days=1) == at(10, 25)


def test_the_day_goes_through_its_pages(running, browse, coordinator, monitor, frozen):
    client = browse(coordinator)
    page = client.get("/participants/MUSC-001/infusion/day/").text
    assert "running" in page
    day = {"measured_on_day": "18", "measured_on_month": "6", "measured_on_year": "2025", "measured_time": "10:46"}
    form = {"time_point": "start_30", **day, "SYSBP": "82", "OXYSAT": "97"}
    assert client.post("/participants/MUSC-001/infusion/vitals/", form).status_code == 302
    page = client.get("/participants/MUSC-001/infusion/day/").text
    assert "Report as an adverse event: hypotension" in page
    assert "Report as an adverse event" not in browse(monitor).get("/participants/MUSC-001/infusion/day/").text
    empty = client.post("/participants/MUSC-001/infusion/vitals/", {"time_point": "start_30", **day})
    assert (empty.status_code, "Give at least one vital sign." in empty.text) == (422, True)
    asked = client.post("/participants/MUSC-001/infusion/vitals/", form | {"SYSBP": "300"})
    assert (asked.status_code, "is outside what is plausible" in asked.text) == (422, True)
    for path, typed in (
        ("interrupt", {"began_time": "10:20", "reason": "Line blocked"}),
        ("resume", {"resumed_time": "10:30"}),
        ("stop", {"stop_time": "10:58", "volume_ml": "80"}),
    ):
        assert client.post(f"/participants/MUSC-001/infusion/{path}/", typed).status_code == 302
    assert "72,400,000 cells in 80.0 mL: 100.0 %" in client.get("/participants/MUSC-001/infusion/day/").text


@pytest.mark.parametrize("many", [0, 9])
def test_the_day_takes_the_same_queries_however_much_was_measured(
    running, browse, coordinator, frozen, many, django_assert_max_num_queries
):
    for point in running.protocol.infusion_observation.time_points[:many]:
        take(running, coordinator, point=point.code, SYSBP="85", PULSE="70")
    client = browse(coordinator)
    with django_assert_max_num_queries(12):
        client.get("/participants/MUSC-001/infusion/day/")
