"""Whose name stands in the trail: of the person who asked, and of nobody else."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import reverse

from adverse_events.reporting import report
from conftest import NOW, TODAY, apart
from studytracker.access.models import User
from studytracker.dates import PartialDate
from studytracker.outbox import tasks
from studytracker.protocol.models import Slot
from studytracker.trust.acting import ActorConflict, acting, because, current
from studytracker.trust.middleware import ActingMiddleware
from studytracker.trust.models import Entry
from studytracker.trust.refusals import NOBODY

from .rows import last_id


def test_another_actor_inside_is_an_error_and_the_same_one_is_not(coordinator, investigator):
    def nested():
        with acting(coordinator, source="web", request_id="r1", reason="outer"):
            with acting(coordinator, source="web", reason="inner"):
                assert (current().reason, current().request_id) == ("inner", "r1")
            assert current().reason == "outer"
            with pytest.raises(ActorConflict, match="crc.musc is acting here, so pi.musc cannot"):
                acting(investigator, source="web").__enter__()
            with because("  two\n lines "):
                assert current().reason == "two lines"
            assert current().username == "crc.musc"
        assert current() is None

    apart(nested)


def test_the_actor_is_taken_away_after_an_exception(coordinator):
    def failing():
        with pytest.raises(ZeroDivisionError), acting(coordinator, source="web"):
            raise ZeroDivisionError
        assert current() is None

    apart(failing)


def test_a_source_that_is_not_known_is_refused(coordinator):
    with pytest.raises(ValueError, match="'cron' is no source of a change. Known: web, task"):
        acting(coordinator, source="cron").__enter__()


def test_a_page_s_entries_carry_the_person_the_role_the_site_and_one_request_id(musc, browse, coordinator):
    participant, since = musc.infused(), last_id()
    url = reverse("report_event", args=[participant.identifier])
    facts = {"term": "Rash", "started_day": "10", "started_month": "6", "started_year": "2025", "is_ongoing": "on"}
    assert browse(coordinator).post(url, facts).status_code == 302
    [entry] = Entry.objects.filter(id__gt=since, table="adverse_events_adverseevent")
    assert (entry.username, entry.actor_id, entry.source) == ("crc.musc", coordinator.pk, "web")
    assert (entry.role, entry.site, entry.reason) == ("Coordinator", "MUSC", "")
    assert len(entry.request_id) == 32


def test_what_the_trail_says_of_a_role_stays_when_the_role_ends(musc, coordinator):
    since = last_id()

    def write():
        with acting(coordinator, source="direct"):
            Slot.objects.create(number=70)

    apart(write)
    coordinator.memberships.update(ended_at=NOW)
    assert Entry.objects.filter(id__gt=since).values_list("role", "site").last() == ("Coordinator", "MUSC")


def test_signing_in_is_recorded_as_done_by_nobody_signed_in_yet(trial, client):
    User.objects.create_user("crc.musc", password="a-long-enough-password")
    since = last_id()
    client.post("/sign-in/", {"username": "crc.musc", "password": "a-long-enough-password"})
    entry = Entry.objects.get(id__gt=since, table="access_user")
    assert (entry.username, entry.role, entry.source) == ("anonymous", "not signed in", "web")
    assert "last_login" in entry.new


def through_the_middleware(user, view):
    request = RequestFactory().post("/")
    request.user = user
    return ActingMiddleware(view)(request)


def test_after_an_exception_in_a_view_the_next_request_on_the_thread_has_its_own_actor(coordinator, investigator):
    """django-simple-history #1189 kept the context of the request that failed."""

    def failing(request):
        Slot.objects.create(number=70)
        raise ZeroDivisionError

    def working(request):
        Slot.objects.create(number=71)
        return HttpResponse()

    def both():
        with pytest.raises(ZeroDivisionError):
            through_the_middleware(coordinator, failing)
        assert current() is None
        through_the_middleware(investigator, working)

    since = last_id()
    apart(both)
    assert list(Entry.objects.filter(id__gt=since).order_by("id").values_list("row_id", "username")) == [
        ("70", "crc.musc"),
        ("71", "pi.musc"),
    ]


@pytest.mark.django_db(transaction=True)
def test_sixteen_people_at_once_are_not_taken_for_one_another(trial):
    """django-auditlog #72 named the wrong user under concurrency."""
    people = [User.objects.create_user(f"person-{n}") for n in range(16)]
    since, start = last_id(), Barrier(16)

    def work(n):
        try:
            start.wait(30)
            for turn in range(5):
                number = 1000 + n * 5 + turn
                through_the_middleware(people[n], lambda request, number=number: Slot.objects.create(number=number))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    entries = Entry.objects.filter(id__gt=since, table="protocol_slot")
    assert {(entry.row_id, entry.username) for entry in entries} == {
        (str(1000 + n * 5 + turn), f"person-{n}") for n in range(16) for turn in range(5)
    }


def test_a_task_acts_as_the_sweep(musc, coordinator, frozen):
    musc.infused(TODAY.replace(day=1))
    since = last_id()
    apart(tasks.sweep)
    told = Entry.objects.filter(id__gt=since)
    assert {(entry.username, entry.role, entry.source) for entry in told} == {("sweep", "system", "task")}
    sent = told.filter(table="outbox_mail", op="U", new__contains='"sent_at"')
    assert [entry.reason for entry in sent] == [f"Delivery of mail {entry.row_id}" for entry in sent]
    assert len(sent) == 2  # the coordinator's and the investigator's


@pytest.mark.parametrize(
    ("name", "arguments", "table"),
    [
        ("sweep", {}, "outbox_heartbeat"),
        ("adopt_protocol", {}, "protocol_slot"),
        ("add_member", {"username": "crc.two", "role": "coordinator", "site": "MUSC"}, "access_membership"),
        ("load_demo", {}, "participants_participant"),
    ],
)
def test_a_command_acts_under_its_own_name(db, command, settings, name, arguments, table):
    settings.DEMO = True
    command("adopt_protocol", verbosity=0)
    Slot.objects.filter(number=6).delete()
    since = last_id()
    command(name, *([arguments.pop("username")] if "username" in arguments else []), **arguments)
    told = Entry.objects.filter(id__gt=since)
    assert {(entry.username, entry.source) for entry in told} == {(name, "command")}
    assert told.filter(table=table).exists()


def test_a_refusal_of_the_database_becomes_a_sentence_on_a_page(musc, browse, coordinator, monkeypatch):
    """The way from trigger to page, with the actor lost on the way."""
    participant = musc.infused()
    url = reverse("report_event", args=[participant.identifier])
    facts = {"term": "Rash", "started_day": "10", "started_month": "6", "started_year": "2025", "is_ongoing": "on"}
    client = browse(coordinator)
    monkeypatch.setattr("adverse_events.views.reporting.report", lambda **given: apart(report, **given))
    response = client.post(url, facts)
    assert response.status_code == 409
    assert NOBODY in response.content.decode()


def test_an_event_reported_without_an_actor_leaves_nothing(musc, coordinator):
    participant = musc.infused()
    with pytest.raises(IntegrityError, match=NOBODY):
        apart(report, participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    assert not participant.adverse_events.exists()
