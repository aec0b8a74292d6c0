"""In Chromium: nothing typed is lost when a tab is closed, the connection fails, or the sign-in runs out."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from conftest import TODAY
from studytracker.web.models import Draft
from visits.models import Visit

from .browser import NOTHING, PASSWORD, with_password

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FORM = "/visits/MUSC-001/W2/log/"


@pytest.fixture
def crc(desk, musc):
    musc.infused(TODAY - timedelta(days=14))
    crc = desk(with_password(musc.coordinator))
    crc.go(FORM)
    return crc


def fill_in(crc):
    crc.type_date("attended_on", "17", "June", "2025")
    crc.tick("visit_type", "phone")
    crc.tick("procedure-weight", "not_done")
    crc.choose(**{"reason-weight": "Participant refused"})
    crc.type(note="Called twice")


def filled_in(crc):
    return (
        crc.typed_date("attended_on"),
        crc.page.locator("[name=visit_type]:checked").input_value(),
        crc.page.locator("[name=procedure-weight]:checked").input_value(),
        crc.page.locator("[name=reason-weight]").input_value(),
        crc.page.locator("[name=note]").input_value(),
        crc.page.locator("[name=procedure-cbc]:checked").count(),
    )


WHOLE = (["17", "6", "2025"], "phone", "not_done", "Participant refused", "Called twice", 0)


def test_what_was_typed_is_there_again_after_the_tab_was_closed(crc):
    fill_in(crc)
    crc.says("Draft saved 11:00:00")
    crc.page.close()
    crc.page = crc.context.new_page()
    crc.go(FORM)
    crc.says("is restored below. It is not saved yet.")
    crc.says("Tue 17 Jun 2025 · D13 · in window")
    assert filled_in(crc) == WHOLE
    crc.press("All procedures done")
    crc.click("Save visit")
    crc.says("MUSC-001 W2 is logged for Tue 17 Jun 2025.")
    assert Draft.objects.count() == 0
    assert crc.watch.found == NOTHING


def test_a_draft_can_be_discarded(crc):
    fill_in(crc)
    crc.says("Draft saved 11:00:00")
    crc.go(FORM)
    crc.click("Discard it")
    assert crc.page.get_by_text("restored below").count() == 0
    assert (crc.typed_date("attended_on"), crc.page.locator("[name=note]").input_value()) == (["18", "6", "2025"], "")
    assert Draft.objects.count() == 0


def test_without_a_connection_the_page_says_so_and_saves_the_draft_when_it_is_back(crc):
    crc.context.set_offline(True)
    fill_in(crc)
    crc.says("No connection: the draft is not saved. What you typed is still here.")
    assert filled_in(crc) == WHOLE
    crc.context.set_offline(False)
    crc.says("Draft saved 11:00:00")


def test_a_sign_in_that_ran_out_is_renewed_on_the_page_and_the_form_stays(crc):
    fill_in(crc)
    crc.says("Draft saved 11:00:00")
    Session.objects.all().delete()
    crc.type(note="Called three times")
    crc.says("Your sign-in ran out")
    crc.page.get_by_label("Password").fill("wrong")
    crc.press("Sign in")
    crc.says("The username or the password is not right")
    crc.page.get_by_label("Password").fill(PASSWORD)
    crc.press("Sign in")
    crc.says("Draft saved 11:00:00")
    assert filled_in(crc) == (*WHOLE[:4], "Called three times", 0)
    crc.press("All procedures done")
    crc.click("Save visit")
    crc.says("MUSC-001 W2 is logged for Tue 17 Jun 2025.")
    assert Visit.objects.get(code="W2").note == "Called three times"
    assert Draft.objects.count() == 0
