from datetime import time, timedelta
from decimal import Decimal

import pytest

from adverse_events.reporting import report
from adverse_events.review import KIND, REVIEW
from conftest import NOW, TODAY, proof_of, staged
from participants import decisions, gates
from participants.decisions import DecisionRefused, confirm_decision, record_decision
from participants.holds import open_hold
from participants.infusion import InfusionRefused, correct_day0, infuse
from participants.models import Hold, Infusion, Participant
from participants.second_person import NotASecondPerson
from studytracker.dates import PartialDate
from studytracker.trust.signatures import sign, standing
from visits.attendance import attend, miss

DAY0 = TODAY - timedelta(days=30)


@staged
def first(musc):
    """Infused 30 days ago; nothing of it is reviewed."""
    return musc.infused(DAY0)


@staged
def second(musc, first):
    """Ready for the infusion today, but for what is not reviewed of the first."""
    participant = musc.enrolled()
    musc.dosed(participant)
    return participant


def closed(participant, at=NOW):
    return {gate.name: gate.reasons for gate in gates.gates(participant, at) if not gate.is_open}


def log(participant, by, *codes):
    for code in codes:
        visit = participant.visits.get(code=code)
        procedures = {each: "" for each in visit.planned.procedures}
        facts = {"visit_type": "clinic", "out_of_window_reason": "", "procedures": procedures}
        on = visit.target_on
        attend(visit=visit, attended_on=on, by=by, at=NOW - (TODAY - on), **facts)


def decide(participant, by, **changes):
    facts = {"decision": "continue", "decided_on": TODAY, "cut_off_on": TODAY, "document": "Letter 1"}
    return record_decision(participant=participant, by=by, at=NOW, **facts | changes)


def confirmed(participant, chair, administrator, **changes):
    made = decide(participant, chair, **changes)
    return confirm_decision(decision=made, answered=proof_of(administrator.pk, NOW), by=administrator, at=NOW)


def test_every_gate_is_open_for_whoever_is_ready(musc):
    participant = musc.enrolled()
    musc.dosed(participant)
    found = gates.gates(participant, NOW)
    assert [gate.name for gate in found] == [
        *("Consent", "Eligibility", "No open hold", "Between participants", "Dose and lot", "Second person")
    ]
    assert closed(participant) == {}


def test_each_closed_gate_says_what_opens_it(musc):
    participant = musc.screened()
    assert closed(participant) == {
        "Eligibility": ["An investigator confirms eligibility and enrolls first."],
        "Dose and lot": ["No dose is worked out yet from a released lot."],
        "Second person": ["The dose is not checked: a second person confirms it with their password."],
    }
    assert closed(participant, NOW - timedelta(days=300))["Consent"] == [
        "No consent was signed before this time. Check the date, or record the consent."
    ]


def test_an_open_hold_closes_its_gate(musc, investigator):
    participant = musc.enrolled()
    musc.dosed(participant)
    open_hold(cause="other", text="Audit", by=investigator, at=NOW)
    assert list(closed(participant)) == ["No open hold"]


def test_a_dose_nobody_checked_closes_its_gate_and_the_infusion(musc, coordinator):
    from participants.tests.test_doses import prepare

    participant = musc.enrolled()
    prepare(musc, participant)
    assert closed(participant) == {
        "Second person": ["The dose is not checked: another person than crc.musc confirms it with their password."]
    }
    with pytest.raises(InfusionRefused, match="The dose is not checked"):
        infuse(participant=participant, infused_on=TODAY, start_time=time(10, 40), by=coordinator, at=NOW)
    assert Infusion.objects.count() == 0


def test_a_lot_past_its_expiry_closes_its_gate_from_that_very_instant(musc):
    participant = musc.enrolled()
    dose = musc.dosed(participant)
    type(dose.lot).objects.filter(pk=dose.lot_id).update(expires_at=NOW)
    assert closed(participant) == {"Dose and lot": ["Lot UC-1 expired on Wed 18 Jun 2025. Use another lot."]}
    assert closed(participant, NOW - timedelta(seconds=1)) == {}


def test_the_next_infusion_waits_for_the_days_the_visits_and_the_board(musc, second):
    assert closed(second) == {
        "Between participants": [
            "MUSC-001: W1 is not logged yet.",
            "MUSC-001: W2 is not logged yet.",
            "The DSMB has not decided on the data of MUSC-001. The study chair records the decision, "
            "a second person confirms it.",
        ]
    }
    day_13 = NOW - timedelta(days=30 - 13)
    assert "14 days since the infusion of MUSC-001 are over on Mon 2 Jun 2025." in (
        decisions.reasons_against(second, day_13.date())
    )


def test_the_other_site_waits_too_and_learns_no_identifier(emory, first):
    participant = emory.enrolled()
    emory.dosed(participant)
    found = closed(participant)["Between participants"]
    assert found[0] == "A participant at MUSC: W1 is not logged yet."
    assert "MUSC-001" not in " ".join(found)


def sign_safety_review(investigator, at=NOW):
    key = investigator.current_memberships[0].site_id
    facts = {"displayed_hash": standing(KIND, key).sha256, "meaning": REVIEW.meanings[0], "comment": ""}
    sign(
        kind=KIND, key=key, answered=proof_of(investigator.pk, at), by=investigator, at=at, accepts_open=True, **facts
    )


def test_the_safety_review_is_signed_after_the_last_visit_was_logged_or_stands_unchanged(
    first, second, coordinator, investigator, chair, administrator
):
    log(first, coordinator, "W1")
    sign_safety_review(investigator, NOW - timedelta(days=20))
    log(first, coordinator, "W2")
    confirmed(first, chair, administrator)
    assert closed(second) == {}  # as signed: no event since
    facts = {"started": PartialDate.of(TODAY), "is_ongoing": True}
    report(participant=first, term="Headache", by=coordinator, at=NOW, **facts)
    assert closed(second)["Between participants"] == [
        "MUSC-001: the safety review of MUSC is not signed since W2 was logged. An investigator there signs it."
    ]
    sign_safety_review(investigator)
    assert closed(second) == {}


def test_visits_a_signed_review_and_a_confirmed_decision_open_the_gate(
    first, second, coordinator, investigator, chair, administrator
):
    log(first, coordinator, "W1", "W2")
    assert len(closed(second)["Between participants"]) == 2
    sign_safety_review(investigator)
    assert len(closed(second)["Between participants"]) == 1
    made = decide(first, chair)
    assert len(closed(second)["Between participants"]) == 1
    confirm_decision(decision=made, answered=proof_of(administrator.pk, NOW), by=administrator, at=NOW)
    assert closed(second) == {}


def test_a_missed_visit_is_opened_by_a_decision_on_the_data_available_alone(
    first, second, coordinator, investigator, chair, administrator
):
    log(first, coordinator, "W1")
    sign_safety_review(investigator)
    miss(visit=first.visits.get(code="W2"), reason="Illness", by=coordinator, at=NOW)
    confirmed(first, chair, administrator)
    assert closed(second)["Between participants"] == [
        "MUSC-001: W2 was missed: only a decision of the DSMB on the data available opens the gate."
    ]
    confirmed(first, chair, administrator, on_available_data="Week 2 was missed; Week 1 is unremarkable")
    assert closed(second) == {}


@pytest.fixture
def infused_since(musc, emory, coordinator, investigator, chair, administrator):
    """(the first, and one at the other site 16 days later, when everything was reviewed)"""
    earlier = musc.infused(TODAY - timedelta(days=16))
    later = emory.enrolled()
    emory.dosed(later)
    log(earlier, coordinator, "W1", "W2")
    sign_safety_review(investigator)
    confirmed(earlier, chair, administrator)
    infuse(participant=later, infused_on=TODAY, start_time=time(10, 40), by=emory.coordinator, at=NOW)
    return earlier, Participant.objects.for_listing().get(pk=later.pk)


def correct(participant, by, days):
    on = participant.infused_on + timedelta(days=days)
    facts = {"infused_on": on, "start_time": time(10, 15), "reason": "Infusion record", "by": by, "at": NOW}
    return correct_day0(participant=participant, **facts)


def test_a_corrected_day_0_drafts_a_deviation_for_whoever_was_infused_too_soon_after_it(infused_since, coordinator):
    earlier, later = infused_since
    correct(earlier, coordinator, days=3)
    deviation = later.deviations.get()
    assert (deviation.category, deviation.stage, deviation.happened_on) == ("stagger_gate", "To complete", TODAY)
    assert deviation.description == (
        "With a corrected Day 0 of somebody infused before, the gate “Between participants” was closed: 14 days since "
        "the infusion of a participant at MUSC are over on Thu 19 Jun 2025."
    )


@pytest.mark.parametrize("days", [-1, 2])
def test_a_corrected_day_0_that_leaves_the_days_between_drafts_nothing_for_the_other(infused_since, coordinator, days):
    earlier, later = infused_since
    correct(earlier, coordinator, days=days)
    assert later.deviations.count() == 0


def test_the_page_of_the_correction_says_before_saving_whose_gate_it_closes(
    infused_since, browse, coordinator, frozen
):
    typed = {"infused_on_day": "5", "infused_on_month": "6", "infused_on_year": "2025", "start_time": "10:15"}
    page = browse(coordinator).post("/participants/MUSC-001/infusion/correct/", typed | {"reason": "Record"}).text
    assert "Between participants, at the infusion of a participant at EMORY: closed" in page
    assert "14 days since the infusion of a participant at MUSC are over on Thu 19 Jun 2025." in page
    assert "EMO-001" not in page


def test_nobody_confirms_the_own_decision(first, chair):
    with pytest.raises(NotASecondPerson):
        confirm_decision(decision=decide(first, chair), answered=proof_of(chair.pk, NOW), by=chair, at=NOW)


@pytest.mark.parametrize("decision", ["pause", "stop"])
def test_a_decision_not_to_go_on_opens_a_hold_at_every_site(first, chair, administrator, decision):
    confirmed(first, chair, administrator, decision=decision)
    hold = Hold.objects.open().get()
    assert (hold.cause, hold.site_id, hold.opened_by) == ("dsmb", None, administrator)


def test_a_decision_needs_an_infused_participant_and_days_in_order(musc, first, chair):
    with pytest.raises(DecisionRefused, match="was not infused"):
        decide(musc.screened(), chair)
    for changes in ({"cut_off_on": DAY0 - timedelta(days=1)}, {"decided_on": TODAY + timedelta(days=1)}):
        with pytest.raises(DecisionRefused, match="The data cut-off lies between"):
            decide(first, chair, **changes)


def test_where_the_protocol_counts_by_site_the_other_site_does_not_wait(emory, first, trial, monkeypatch):
    participant = emory.enrolled()
    changed = trial.model_copy(update={"stagger": trial.stagger.model_copy(update={"scope": "site"})})
    monkeypatch.setattr(Participant, "protocol", changed)
    assert decisions.reasons_against(participant, TODAY) == []


def test_the_decision_goes_through_its_pages(first, browse, chair, administrator, frozen):
    for person in (chair, administrator):
        person.set_password("a-long-enough-password")
        person.save()
    typed = {"decision": "continue", "document": "Letter 1"}
    for name in ("decided_on", "cut_off_on"):
        typed |= {f"{name}_day": "18", f"{name}_month": "6", f"{name}_year": "2025"}
    address = browse(chair).post("/participants/MUSC-001/dsmb/", typed).url
    password = {"password": "a-long-enough-password"}
    refused = browse(chair).post(f"{address}confirm/", password)
    assert (refused.status_code, "the second check is made by another person" in refused.text) == (422, True)
    assert browse(administrator).post(f"{address}confirm/", password).url == address
    assert "Confirmed by admin" in browse(chair).get(address).text


def test_a_decision_waits_on_the_home_page_of_everybody_who_may_confirm_it(
    first, browse, chair, administrator, investigator, frozen
):
    made = decide(first, chair)
    waits = "Decided Wed 18 Jun 2025, recorded by chair. It counts once a second person confirms it"
    found = [waits in browse(each).get("/").text for each in (administrator, chair, investigator)]
    assert found == [True, False, False]
    assert "You recorded it: another person confirms it" in browse(chair).get(f"/dsmb/{made.pk}/confirm/").text
    confirm_decision(decision=made, answered=proof_of(administrator.pk, NOW), by=administrator, at=NOW)
    assert waits not in browse(administrator).get("/").text


def test_the_page_of_the_infusion_shows_each_gate(second, browse, coordinator, frozen):
    page = browse(coordinator).get("/participants/MUSC-002/infusion/").text
    assert "Consent: open" in page
    assert "Between participants: closed" in page
    assert "MUSC-001: W1 is not logged yet." in page


def test_the_volume_outside_the_tolerance_drafts_one_deviation(musc, coordinator):
    participant = musc.enrolled()
    musc.dosed(participant)
    facts = {"infused_on": TODAY, "start_time": time(10, 15), "stop_time": time(10, 50), "volume_ml": Decimal("70.0")}
    infusion = infuse(participant=participant, by=coordinator, at=NOW, **facts)
    deviation = participant.deviations.get()
    assert (infusion.delivered_cells, infusion.delivered_percent) == (63_350_000, Decimal("87.5"))
    assert (deviation.category, deviation.visit.code) == ("dosing_or_storage", "D0")
    assert deviation.description == (
        "63,350,000 of 72,400,000 planned cells were delivered: 87.5 %, outside 90 to 110 %."
    )
