"""An infusion that took place although a gate was closed, and a corrected Day 0 that shows that one was."""

from datetime import time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY, staged
from participants.holds import open_hold
from participants.infusion import InfusionRefused, correct_day0, infuse, infuse_despite
from participants.models import CustodyEvent, DsmbDecision, Hold, Infusion
from participants.tests.test_doses import prepare
from visits.models import Deviation

FACTS = {
    "infused_on": TODAY,
    "start_time": time(10, 40),
    "reason": "Given before anybody looked; infusion record page 2",
    "impact": "None seen",
    "action": "Staff trained again",
}
MAJOR = ("To close", "major", True)


@staged
def held(musc, investigator):
    """Ready, but for a hold."""
    participant = musc.enrolled()
    musc.dosed(participant)
    open_hold(cause="other", text="Audit", by=investigator, at=NOW)
    return participant


def despite(participant, by, **changes):
    return infuse_despite(participant=participant, by=by, at=NOW, **FACTS | changes)


def deviations(participant):
    return [(each.category, each.stage, each.severity, each.is_reportable) for each in participant.deviations.all()]


def test_it_is_recorded_with_each_closed_gate_named_and_a_major_deviation_to_be_reported(held, investigator):
    made = despite(held, investigator, stop_time=time(10, 55), volume_ml=Decimal("80.0"))
    assert made.closed_gates == (
        "No open hold: On hold since Wed 18 Jun 2025 at every site: Other: Audit. "
        f"The study chair lifts hold {Hold.objects.get().pk} on its page, with a reason."
    )
    assert made.despite_reason == FACTS["reason"]
    assert deviations(held) == [("other", *MAJOR)]
    deviation = held.deviations.get()
    assert (deviation.impact, deviation.action, deviation.classified_by) == (
        "None seen",
        "Staff trained again",
        investigator,
    )
    assert deviation.description == (
        f"Infused while the gate “No open hold” was closed: {made.closed_gates.partition(': ')[2]} "
        "Why: Given before anybody looked; infusion record page 2"
    )
    assert held.visits.count() == 12
    assert CustodyEvent.objects.filter(kind="given", participant=held).count() == 1


def test_every_gate_that_was_closed_is_a_deviation_of_its_own(musc, investigator):
    musc.infused(TODAY - timedelta(days=30))
    participant = musc.enrolled()
    dose = prepare(musc, participant)
    type(dose.lot).objects.filter(pk=dose.lot_id).update(expires_at=NOW - timedelta(hours=1))
    DsmbDecision.objects.update(on_available_data="")
    made = despite(participant, investigator)
    names = [line.partition(":")[0] for line in made.closed_gates.splitlines()]
    assert names == ["Between participants", "Dose and lot", "Second person"]
    assert deviations(participant) == [
        ("stagger_gate", *MAJOR),
        ("dosing_or_storage", *MAJOR),
        ("dosing_or_storage", *MAJOR),
    ]


def test_the_usual_way_stays_refused(held, coordinator):
    with pytest.raises(InfusionRefused):
        infuse(participant=held, infused_on=TODAY, start_time=time(10, 40), by=coordinator, at=NOW)
    assert Infusion.objects.count() == 0


def test_with_every_gate_open_it_is_recorded_in_the_usual_way_alone(musc, investigator):
    participant = musc.enrolled()
    musc.dosed(participant)
    with pytest.raises(InfusionRefused, match="Every gate is open for this start"):
        despite(participant, investigator)
    assert Deviation.objects.count() == 0


def test_nobody_is_infused_without_a_slot_without_a_dose_twice_or_before_consent(musc, investigator):
    held, undosed = musc.enrolled(), musc.enrolled()
    musc.dosed(held)
    open_hold(cause="other", text="Audit", by=investigator, at=NOW)
    refused = [
        (musc.screened(), {}, "is not enrolled"),
        (undosed, {}, "What was given is not on record"),
        (held, {"infused_on": held.screened_on - timedelta(days=1)}, "No infusion before consent"),
        (held, {"infused_on": TODAY + timedelta(days=1)}, "is in the future"),
    ]
    for participant, changes, words in refused:
        with pytest.raises(InfusionRefused, match=words):
            despite(participant, investigator, **changes)
    despite(held, investigator)
    with pytest.raises(InfusionRefused, match="had the single infusion"):
        despite(held, investigator)
    assert Infusion.objects.count() == 1


def test_the_database_refuses_closed_gates_without_a_reason(held, investigator):
    made = despite(held, investigator)
    with pytest.raises(IntegrityError), transaction.atomic():
        Infusion.objects.filter(pk=made.pk).update(despite_reason="")


def test_its_page_is_the_investigator_s_and_shows_what_is_closed(held, browse, coordinator, investigator, frozen):
    address = "/participants/MUSC-001/infusion/despite/"
    assert browse(coordinator).get(address).status_code == 403
    assert address not in browse(coordinator).get("/participants/MUSC-001/infusion/").text
    assert address in browse(investigator).get("/participants/MUSC-001/infusion/").text
    assert "No open hold: closed" in browse(investigator).get(address).text
    typed = {"infused_on_day": "18", "infused_on_month": "6", "infused_on_year": "2025", "start_time": "10:40"}
    refused = browse(investigator).post(address, typed)
    assert (refused.status_code, "Say what was or will be done." in refused.text) == (422, True)
    typed |= {name: FACTS[name] for name in ("reason", "impact", "action")}
    shown = browse(investigator).post(address, typed, follow=True).text
    assert "A major deviation is to be reported." in shown
    assert "Given against a closed gate" in shown
    assert FACTS["reason"] in shown


# --- A corrected Day 0 ---------------------------------------------------------------------------------------------


@staged
def infused(musc, coordinator):
    participant = musc.enrolled()
    musc.dosed(participant, at=NOW - timedelta(minutes=40))  # thawed at 09:50
    infuse(participant=participant, infused_on=TODAY, start_time=time(10, 40), by=coordinator, at=NOW)
    return participant


def correct(participant, by, start_time):
    facts = {"infused_on": TODAY, "start_time": start_time, "reason": "Infusion record page 1"}
    return correct_day0(participant=participant, by=by, at=NOW, **facts)


def test_a_corrected_start_drafts_a_deviation_for_each_gate_that_no_longer_holds(infused, coordinator):
    correct(infused, coordinator, time(9, 45))
    deviation = infused.deviations.get()
    assert (deviation.category, deviation.stage) == ("dosing_or_storage", "To complete")
    assert deviation.description == (
        "At the corrected start of the infusion the gate “Dose and lot” was closed: The cells were thawed later than "
        "this time. Check the start, or work the dose out again."
    )


def test_a_corrected_start_for_which_every_gate_is_open_drafts_none_and_moves_what_was_given(infused, coordinator):
    correct(infused, coordinator, time(10, 30))
    assert infused.deviations.count() == 0
    given = CustodyEvent.objects.get(kind="given", participant=infused)
    assert given.happened_at == Infusion.objects.get().started_at


def test_the_page_says_before_saving_which_gates_are_closed(infused, browse, coordinator, frozen):
    typed = {"infused_on_day": "18", "infused_on_month": "6", "infused_on_year": "2025", "reason": "Record"}
    address = "/participants/MUSC-001/infusion/correct/"
    closed = browse(coordinator).post(address, typed | {"start_time": "09:45"}).text
    assert "Dose and lot: closed" in closed
    assert (
        "Every gate is open for this start." in browse(coordinator).post(address, typed | {"start_time": "10:30"}).text
    )
