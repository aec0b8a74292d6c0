"""Triggers that are not what they should be: refused at the form, told once by mail, red, and over when mended."""

import pytest
from django.core import mail
from django.db import connection

from conftest import NOW
from participants.models import Participant
from studytracker.outbox.delivery import deliver
from studytracker.outbox.models import Notice
from studytracker.outbox.sweeping import sweep
from studytracker.tests.test_refused_forms import SCREEN
from studytracker.trust import triggers, upkeep, watch
from studytracker.trust.models import Comparison

from .test_guards import DROP_A_TRIGGER

WORDS = "the audit trail is not whole"


@pytest.fixture
def broken(trial, administrator, coordinator, frozen):
    watch._whole.clear()
    assert watch.standing_problems() == []
    with connection.cursor() as cursor:
        cursor.execute(DROP_A_TRIGGER[connection.vendor])
    yield
    watch._whole.clear()


def test_while_a_trigger_is_missing_no_form_is_saved_and_the_sentence_says_why(broken, browse, coordinator):
    response = browse(coordinator).post("/participants/screen/", SCREEN)
    assert (response.status_code, WORDS in response.content.decode()) == (503, True)
    assert Participant.objects.count() == 0
    assert "is missing" in Comparison.objects.get().problems


def test_the_same_form_is_saved_while_they_are_all_there_and_once_they_are_mended(
    trial, browse, coordinator, frozen, broken
):
    triggers.install(connection)
    assert browse(coordinator).post("/participants/screen/", SCREEN).status_code == 302
    assert Participant.objects.count() == 1


def test_pages_are_read_and_people_sign_in_and_out_meanwhile(broken, browse, coordinator, client):
    assert browse(coordinator).get("/participants/").status_code == 200
    assert client.post("/sign-in/", {"username": "crc.musc", "password": "wrong"}).status_code == 200
    assert browse(coordinator).post("/sign-out/").status_code in (200, 302)


def test_it_is_noticed_once_however_many_forms_are_sent(broken, browse, coordinator):
    for _ in range(3):
        browse(coordinator).post("/participants/screen/", SCREEN)
    assert Comparison.objects.count() == 1


def test_the_next_look_of_the_sealer_finds_it_and_its_end_without_waiting_for_the_hour(broken):
    upkeep.keep(NOW)
    upkeep.keep(NOW)
    triggers.install(connection)
    upkeep.keep(NOW)
    assert [bool(each.problems) for each in Comparison.objects.order_by("id")] == [True, False]


def test_each_administrator_is_mailed_once_and_nobody_else_and_again_for_the_next_time(
    broken, administrator, coordinator
):
    def told():
        for pk in sweep(NOW):
            deliver(pk, NOW)
        return [(each.to, "The audit trail is not whole" in each.body) for each in mail.outbox]

    upkeep.keep(NOW)
    assert told() == [(["admin@example.org"], True)]
    upkeep.keep(NOW)
    assert len(told()) == 1
    triggers.install(connection)
    upkeep.keep(NOW)
    with connection.cursor() as cursor:
        cursor.execute(DROP_A_TRIGGER[connection.vendor])
    upkeep.keep(NOW)
    assert len(told()) == 2
    assert Notice.objects.filter(source="trail").count() == 2


def test_what_time_brings_about_is_not_written_meanwhile(broken, settings, monkeypatch):
    called = []
    monkeypatch.setattr("adverse_events.watching.look", called.append)
    sweep(NOW)
    assert called == []
    triggers.install(connection)
    sweep(NOW)
    assert called == [NOW]


def test_health_is_red_at_once(broken, client):
    checks = client.get("/readyz").json()["checks"]
    assert checks["trail"] == {"status": "fail"}


def test_one_query_tells_that_all_is_well(trial, django_assert_num_queries):
    watch._whole.clear()
    watch.standing_problems()
    with django_assert_num_queries(1):
        assert watch.standing_problems() == []
