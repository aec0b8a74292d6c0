"""A subset of scripts/proof_edits.py: races at one row, each with its negative control."""

import pytest

from adverse_events.reporting import report
from conftest import NOW
from studytracker.dates import PartialDate
from visits.models import Deviation

from .racing import edit_at_once, plain, send_twice, sign_while_edited
from .subject import SETTING

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 15
ADDRESS = "/deviations/MUSC-001/new/"
DAY = {"happened_on_day": "17", "happened_on_month": "6", "happened_on_year": "2025"}
TYPED = DAY | {"category": "privacy", "description": "Fax to a wrong number"}


@pytest.fixture
def event(musc, coordinator, frozen):
    return report(participant=musc.infused(), term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)


def test_no_update_of_two_editors_is_lost_and_one_of_them_is_told(event):
    assert [edit_at_once(event, number) for number in range(ROUNDS)] == [(1, 0)] * ROUNDS


def test_without_the_version_one_of_two_updates_is_lost(event):
    assert [edit_at_once(event, number, plain) for number in range(3)] == [(2, 1)] * 3


def test_a_form_sent_twice_at_once_makes_one_record_and_without_its_key_two(event, browse, coordinator):
    before = Deviation.objects.count()
    for number in range(3):
        assert send_twice(browse, coordinator, ADDRESS, TYPED, f"{number:032d}") == [302, 302]
    assert Deviation.objects.count() == before + 3
    send_twice(browse, coordinator, ADDRESS, TYPED, "")
    assert Deviation.objects.count() == before + 5


def test_no_signature_stands_over_what_the_signer_did_not_see(event, investigator, settings):
    settings.SIGNED_KINDS = settings.SIGNED_KINDS | SETTING
    assert [sign_while_edited(investigator, event, number) for number in range(ROUNDS)] == [False] * ROUNDS
