"""What tests of one module share, and what they do not."""

import pytest

from conftest import NOW, staged
from participants.models import Participant
from participants.screening import withdraw
from studytracker.access.models import User

made = []


@staged
def screened(musc):
    made.append("screened")
    return musc.screened()


@staged
def second(screened, musc):
    made.append("second")
    return musc.screened()


@pytest.mark.parametrize("turn", range(3))
def test_what_is_staged_is_made_once_and_what_a_test_does_to_it_is_undone(screened, coordinator, turn):
    assert made == ["screened"]
    assert screened.withdrawn_on is None
    assert Participant.objects.filter(withdrawn_on=None).count() == 1
    screened.withdrawn_on = NOW.date()
    withdraw(participant=screened, withdrawn_on=NOW.date(), reason="other", note="Moved away", by=coordinator, at=NOW)
    assert Participant.objects.filter(withdrawn_on=None).count() == 0


def test_what_goes_further_is_made_on_top_of_it(second, screened, coordinator):
    assert made == ["screened", "second"]
    assert (str(screened), str(second)) == ("MUSC-001", "MUSC-002")
    assert screened.screened_by is second.screened_by is coordinator


def test_what_does_not_ask_for_the_further_does_not_find_it(screened):
    assert list(Participant.objects.all()) == [screened]


def test_what_asks_for_a_person_more_finds_the_participant_made_before(screened, chair):
    assert made == ["screened", "second"]
    assert User.objects.latest("pk") == chair


def test_a_test_that_asks_for_nothing_finds_nothing(db):
    assert Participant.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_test_with_transactions_of_its_own_has_it_made_anew(screened):
    assert made == ["screened", "second", "screened"]
    assert list(Participant.objects.all()) == [screened]
