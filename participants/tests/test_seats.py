from datetime import timedelta

import pytest

from conftest import NOW, TODAY
from participants import enrollment, seats
from participants.enrollment import EnrollmentRefused, enroll
from participants.models import Enrollment
from participants.screening import withdraw
from studytracker import protocol


@pytest.fixture
def replacing(trial, monkeypatch):
    """The same protocol with the other policy."""
    changed = trial.model_copy(
        update={"enrollment": trial.enrollment.model_copy(update={"replacement": "left_before_infusion"})}
    )
    monkeypatch.setattr(protocol, "current", lambda: changed)
    return changed


def leave(participant, by):
    withdraw(participant=participant, withdrawn_on=TODAY, reason="pregnancy", note="", by=by, at=NOW)


def fill(musc, trial):
    return [musc.enrolled() for _ in range(trial.enrollment.cap)]


def test_the_board_shows_every_slot_and_who_sits_there_to_those_who_may_see(musc, coordinator, emory_coordinator):
    participant = musc.enrolled()
    board = seats.board(coordinator)
    assert [(seat.number, seat.state, seat.identifier) for seat in board[:2]] == [
        (1, "taken", participant.identifier),
        (2, "free", ""),
    ]
    elsewhere = seats.board(emory_coordinator)[0]
    assert (elsewhere.state, elsewhere.site, elsewhere.identifier) == ("taken", "MUSC", "")
    assert seats.by_site(board) == [("MUSC", 1), ("EMORY", 0)]


def test_whoever_is_ready_longest_waits_first(musc, emory, coordinator):
    later = musc.answered(TODAY - timedelta(days=5))
    emory.answered(TODAY - timedelta(days=9))
    musc.screened()
    found = [(each.site, each.identifier) for each in seats.waiting(coordinator, NOW)]
    assert found == [("EMORY", ""), ("MUSC", later.identifier)]


def test_without_replacement_a_slot_is_never_given_twice(musc, trial, coordinator, investigator):
    leave(fill(musc, trial)[2], coordinator)
    with pytest.raises(EnrollmentRefused, match="All 6 slots of the protocol are taken"):
        enroll(participant=musc.answered(), by=investigator, at=NOW)


def test_with_replacement_the_slot_of_who_left_before_the_infusion_is_given_again(
    musc, replacing, coordinator, investigator
):
    gone = fill(musc, replacing)[2]
    leave(gone, coordinator)
    assert (enrollment.seats(), seats.board(coordinator)[2].state) == ((5, 6), "replaceable")
    assert enroll(participant=musc.answered(), by=investigator, at=NOW).slot_id == gone.enrollment.slot_id
    assert Enrollment.objects.current().count() == replacing.enrollment.cap
    with pytest.raises(EnrollmentRefused, match="All 6 slots"):
        enroll(participant=musc.answered(), by=investigator, at=NOW)


def test_with_replacement_whoever_was_infused_keeps_the_slot(musc, replacing, coordinator, investigator):
    treated = musc.infused()
    for _ in range(replacing.enrollment.cap - 1):
        musc.enrolled()
    leave(treated, coordinator)
    with pytest.raises(EnrollmentRefused, match="All 6 slots"):
        enroll(participant=musc.answered(), by=investigator, at=NOW)


def test_the_page_says_how_full_the_trial_is_and_names_nobody_of_another_site(
    musc, emory, browse, emory_coordinator, frozen
):
    musc.enrolled()
    musc.answered()
    page = browse(emory_coordinator).get("/slots/").text
    assert "1 of 6 slots are taken" in page
    assert "a participant at MUSC" in page
    assert "MUSC-00" not in page


@pytest.mark.parametrize("many", [1, 5])
def test_the_page_takes_the_same_queries_however_many_wait(
    musc, browse, coordinator, frozen, many, django_assert_max_num_queries
):
    for _ in range(many):
        musc.answered()
        musc.enrolled()
    client = browse(coordinator)
    with django_assert_max_num_queries(19):
        assert client.get("/slots/").status_code == 200
