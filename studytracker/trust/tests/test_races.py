"""A subset of scripts/proof_edits.py: races at one row, each with its negative control."""

import pytest

from adverse_events.reporting import report
from conftest import NOW, staged
from studytracker.dates import PartialDate

from . import racing
from .subject import SETTING

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = range(15)
DAY = {"happened_on_day": "17", "happened_on_month": "6", "happened_on_year": "2025"}
TYPED = DAY | {"category": "privacy"}


@staged
def participant(musc, frozen):
    return musc.infused()


@staged
def event(participant, coordinator):
    return report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)


def address(participant):
    return f"/deviations/{participant.identifier}/new/"


def test_no_update_of_two_editors_is_lost_and_one_of_them_is_told(event):
    assert racing.edit_at_once(event, ROUNDS) == (15, 15, 0)


def test_without_the_version_one_of_two_updates_is_lost(event):
    assert racing.edit_at_once(event, ROUNDS, racing.plain) == (15, 30, 15)


def test_of_two_pages_sent_at_once_one_is_saved_and_without_the_version_both(participant, browse, coordinator):
    assert racing.edit_by_page_at_once(browse, coordinator, participant, range(5)) == (5, 5, 0)
    with racing.versions_not_claimed():
        assert racing.edit_by_page_at_once(browse, coordinator, participant, range(5)) == (5, 10, 5)


def test_a_form_sent_twice_at_once_makes_one_record_and_without_its_key_two(participant, browse, coordinator):
    sent = browse, coordinator, address(participant), TYPED
    assert racing.send_twice(*sent, range(6)) == [1] * 6
    assert racing.send_twice(*sent, range(6, 12), with_key=False) == [2] * 6


def test_a_key_that_is_looked_up_but_not_unique_lets_two_records_through(participant, browse, coordinator):
    with racing.keys_looked_up_only():
        made = racing.send_twice(browse, coordinator, address(participant), TYPED, range(6))
    assert made[1::2] == [2, 2, 2]


def test_no_signature_stands_over_what_the_signer_did_not_see(participant, investigator, coordinator, settings):
    settings.SIGNED_KINDS = settings.SIGNED_KINDS | SETTING
    told = racing.sign_while_edited(investigator, participant, coordinator, ROUNDS)
    assert (told.signed + told.refused, told.unseen) == (15, 0)
    assert min(told.signed, told.refused) >= 3


def test_without_the_displayed_hash_a_signature_stands_over_what_was_not_seen(
    participant, investigator, coordinator, settings
):
    settings.SIGNED_KINDS = settings.SIGNED_KINDS | SETTING
    told = racing.sign_while_edited(investigator, participant, coordinator, range(15), racing.AnyHash)
    assert told.unseen >= 4
