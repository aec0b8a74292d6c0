from datetime import timedelta

import pytest
from django.db import DatabaseError

from conftest import NOW, staged
from studytracker.outbox import health_views
from studytracker.outbox.health import is_late, period
from studytracker.outbox.models import Heartbeat, Mail
from studytracker.trust.models import Comparison

MISSING = {"status": "warn"}


@staged
def beating(trial, frozen):
    return Heartbeat.objects.create(job="sweep", at=NOW)


def ready(client, **headers):
    response = client.get("/readyz", headers=headers)
    return response.status_code, response.json()


def made(user, **facts):
    facts = {"created_at": NOW, "next_try_at": NOW, "key": f"m:{Mail.objects.count()}", "site_id": "MUSC"} | facts
    return Mail.objects.create(recipient=user, **facts)


def test_alive_asks_nothing(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"alive\n")


def test_ready_says_so_and_keeps_its_figures_to_itself(client, beating):
    checks = {"database": {"status": "ok"}, "sweep": {"status": "ok"}, "mail": {"status": "ok"}}
    checks |= {"backup": MISSING, "trail": MISSING}
    assert ready(client) == (200, {"status": "ok", "checks": checks})


def test_the_figures_are_for_operators_and_for_the_token(client, beating, browse, coordinator, monitor, settings):
    made(coordinator, created_at=NOW - timedelta(minutes=3))
    figures = {"status": "ok", "waiting": 1, "given_up": 0, "failing": 0, "oldest_unsent_s": 180}
    figures["not_yet_in_a_mail"] = 0
    assert ready(browse(coordinator))[1]["checks"]["mail"] == figures
    assert ready(browse(monitor))[1]["checks"]["mail"] == {"status": "ok"}
    settings.HEALTH_TOKEN = "long-enough"
    assert ready(client, authorization="Bearer long-enough")[1]["checks"]["mail"] == figures
    assert ready(client, authorization="Bearer long")[1]["checks"]["mail"] == {"status": "ok"}
    assert ready(client, authorization="Bearer ")[1]["checks"]["mail"] == {"status": "ok"}


def test_red_after_three_periods_without_a_sweep(client, beating, frozen, settings):
    frozen.shift(3 * period())
    assert ready(client)[0] == 200
    frozen.shift(timedelta(seconds=1))
    status, body = ready(client)
    assert (status, body["status"], body["checks"]["sweep"]) == (503, "fail", {"status": "fail"})


def test_a_heartbeat_from_the_future_is_no_heartbeat():
    assert is_late(NOW + timedelta(days=365), NOW)
    assert not is_late(NOW + timedelta(minutes=1), NOW)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "ok"),
        ({"error": "421", "next_try_at": NOW + timedelta(minutes=1)}, "warn"),
        ({"state": "failed"}, "fail"),
        ({"next_try_at": NOW - 4 * period()}, "fail"),
    ],
)
def test_mail_is_red_when_it_needs_a_person_or_a_sender(client, beating, coordinator, facts, state):
    made(coordinator, **facts)
    assert ready(client)[1]["checks"]["mail"] == {"status": state}


def test_a_trail_found_broken_is_red(client, beating):
    Comparison.objects.create(at=NOW, digest="0" * 64, problems="one trigger is missing")
    status, body = ready(client)
    assert (status, body["checks"]["trail"]) == (503, {"status": "fail"})


def test_a_database_that_does_not_answer_is_red_and_no_error(client, db, monkeypatch):
    def gone(at):
        raise DatabaseError("the connection is closed")

    monkeypatch.setattr(health_views, "readiness", gone)
    assert ready(client) == (503, {"status": "fail", "checks": {"database": {"status": "fail"}}})


@pytest.mark.parametrize("address", ["/", "/participants/", "/reminders/next/", "/study/"])
def test_every_page_says_when_mail_fails_or_nobody_sweeps(browse, coordinator, monitor, beating, frozen, address):
    made(coordinator, state="failed")
    made(coordinator, state="failed", site_id="EMORY")
    frozen.shift(4 * period())
    page = browse(coordinator).get(address).content.decode()
    assert "1 reminder mail could not be sent." in page
    assert "Overdue visits have not been looked for since 18 Jun 11:00 EDT: reminders may be late." in page
    assert "reminder mail" not in browse(monitor).get("/").content.decode()
