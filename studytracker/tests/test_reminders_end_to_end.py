"""Reminders the whole way: beat, broker, worker and mail server are real processes on the database of the test."""

import re
from datetime import time, timedelta
from http.cookiejar import CookieJar
from time import monotonic
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from adverse_events.reporting import report
from studytracker.dates import PartialDate, day_label
from studytracker.outbox.models import Heartbeat, Mail, MutedStage, Preference
from studytracker.outbox.muting import optional_stages
from studytracker.outbox.sweeping import sweep
from studytracker.protocol.models import Site
from visits.attendance import attend
from visits.models import Visit

from .servers import installation, mail_receiver

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True)]

PASSWORD = "a-long-enough-password"
# Week 1 closed three days ago, Week 2 is open.
INFUSED_DAYS_AGO = 12


@pytest.fixture
def inbox_and_url():
    with mail_receiver() as (inbox, port):
        yield inbox, f"smtp://127.0.0.1:{port}"


@pytest.fixture
def inbox(inbox_and_url):
    return inbox_and_url[0]


@pytest.fixture
def servers(inbox_and_url, tmp_path, trial):
    with installation(tmp_path, EMAIL_URL=inbox_and_url[1]) as started:
        started.start_broker()
        yield started


def day0(site):
    """These processes read the real clock, so the dates hang on it."""
    return Site(site).today(timezone.now()) - timedelta(days=INFUSED_DAYS_AGO)


def overdue(cast):
    """Week 1 alone is told, and at whatever hour the test runs."""
    at_any_hour(cast.coordinator)
    for stage in optional_stages():
        MutedStage.objects.get_or_create(user=cast.coordinator, stage=stage.code)
    return cast.infused(day0(cast.site))


def at_any_hour(user):
    Preference.objects.get_or_create(user=user, digest_time=time(0), quiet_from=time(0), quiet_to=time(0))


def expected_text(site, identifier, code):
    return [
        f"Reminders for crc.{site.lower()}, {day_label(Site(site).today(timezone.now()))}: {site}",
        "Overdue: the window has closed and nothing is logged (1)",
        f"{identifier} {code}",
        f"{settings.SITE_URL}/visits/{identifier}/{code}/log/",
        "A reminder stops when the thing is done: a visit is logged, or marked missed with the reason.",
        "Not now? Acknowledge it with a reason, and nobody is told until the day you choose:",
        f"{settings.SITE_URL}/reminders/open/",
        "Your worklist:",
        f"{settings.SITE_URL}/",
        "What you are told, and when:",
        f"{settings.SITE_URL}/reminders/preferences/",
    ]


def text_of(message):
    text = message.get_body(("plain",)).get_content()
    return [line.strip() for line in text.splitlines() if line.strip()]


def wait_for_sweeps(servers, count):
    for _ in range(count):
        last = Heartbeat.objects.get(job="sweep").at
        servers.wait(lambda last=last: Heartbeat.objects.get(job="sweep").at > last)


def test_each_coordinator_gets_one_mail_about_the_overdue_visits_of_the_own_site(servers, inbox, musc, emory):
    for cast in (musc, emory):
        participant = overdue(cast)
        onset = PartialDate.of(day0(cast.site))
        report(participant=participant, by=cast.coordinator, at=timezone.now(), term="Zoster", started=onset)
    servers.start_worker()
    servers.start_beat()
    servers.wait(lambda: Mail.objects.filter(state=Mail.State.SENT).count() == 2)
    wait_for_sweeps(servers, 2)
    assert sorted(message["To"] for message in inbox.received) == ["crc.emory@example.org", "crc.musc@example.org"]
    for site, identifier, person in (("MUSC", "MUSC-001", "crc.musc"), ("EMORY", "EMO-001", "crc.emory")):
        [message] = inbox.to(f"{person}@example.org")
        mail = Mail.objects.get(recipient__username=person)
        assert message["Message-ID"] == mail.message_id
        assert message["Subject"] == f"{site}: 1 reminder"
        assert text_of(message) == expected_text(site, identifier, "W1")
        assert (mail.attempts, mail.error, mail.address) == (1, "", f"{person}@example.org")
    assert [fact for fact in ("72.4", "UC-1", "Zoster") if fact in "".join(inbox.raw)] == []


def log_week_1(participant, cast):
    visit = Visit.objects.get(participant=participant, code="W1")
    facts = {"attended_on": visit.target_on, "late_entry_reason": "Note found"}
    attend(visit=visit, by=cast.coordinator, at=timezone.now(), **facts)


def test_a_visit_logged_after_it_was_noted_is_not_told(servers, inbox, musc, emory):
    """One of two at MUSC, so a mail with the other; the only one at Emory, so no mail."""
    _, second, only = overdue(musc), overdue(musc), overdue(emory)
    assert len(sweep(timezone.now())) == 2
    log_week_1(second, musc)
    log_week_1(only, emory)
    servers.start_worker()
    servers.start_beat()
    servers.wait(lambda: not Mail.objects.filter(state__in=[Mail.State.DUE, Mail.State.CLAIMED]).exists())
    wait_for_sweeps(servers, 1)
    [message] = inbox.received
    assert message["To"] == "crc.musc@example.org"
    assert text_of(message) == expected_text("MUSC", "MUSC-001", "W1")
    assert list(Mail.objects.order_by("site").values_list("site", "state")) == [
        ("EMORY", Mail.State.CANCELLED),
        ("MUSC", Mail.State.SENT),
    ]


class Visitor:
    """Signs in with name and password over HTTP and presses buttons."""

    def __init__(self, base, username):
        self.base = base
        self.open = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar())).open
        self.press("/sign-in/", "/sign-in/", username=username, password=PASSWORD)

    def page(self, path):
        with self.open(self.base + path, timeout=20) as answer:
            return answer.read().decode()

    def press(self, on_page, path, **typed):
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page(on_page))[1]
        typed["csrfmiddlewaretoken"] = token
        with self.open(self.base + path, urlencode(typed).encode(), timeout=20) as answer:
            return answer.status, answer.read().decode()


def test_the_button_starts_a_sweep_and_says_so_when_the_broker_is_gone(servers, inbox, musc):
    overdue(musc)
    # The server is a process of its own, which knows the hashes of the settings alone.
    musc.coordinator.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    musc.coordinator.save()
    servers.start_worker()
    visitor = Visitor(servers.start_web(), "crc.musc")
    status, page = visitor.press("/reminders/", "/reminders/sweep/")
    assert status == 200
    assert "The sweep was started." in page
    servers.wait(lambda: Mail.objects.filter(state=Mail.State.SENT).exists())
    assert [message["To"] for message in inbox.received] == ["crc.musc@example.org"]
    servers.stop("broker")
    began = monotonic()
    status, page = visitor.press("/reminders/", "/reminders/sweep/")
    assert status == 200
    assert "The broker (Redis) does not answer, so nothing was started." in page
    assert monotonic() - began < 5
