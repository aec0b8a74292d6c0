"""What each answer of a mail server leads to."""

import smtplib
import socket
import ssl
from datetime import date, timedelta

import pytest
from django.core import mail as postbox
from django.urls import reverse

from conftest import NOW, staged
from studytracker.access.models import User
from studytracker.outbox import tasks
from studytracker.outbox.delivery import TRIES, drain
from studytracker.outbox.models import Mail, Notice, Preference
from studytracker.outbox.sweeping import sweep
from studytracker.protocol.models import Site

DAY0 = date(2025, 6, 3)


class Server:
    """A mail server that says what the test puts here; None takes the mail."""

    opening, sending = None, None

    def __init__(self, *args, **kwargs):
        self.is_open = False

    def open(self):
        if Server.opening:
            raise Server.opening

    def close(self):
        pass

    def send_messages(self, messages):
        error = Server.sending(messages[0]) if callable(Server.sending) else Server.sending
        if error:
            raise error
        postbox.outbox.extend(messages)
        return len(messages)


@pytest.fixture
def server(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Server"
    postbox.outbox = []
    Server.opening = Server.sending = None
    return Server


@staged
def waiting(musc, emory):
    musc.infused(DAY0), emory.infused(DAY0)
    sweep(NOW)
    return Mail.objects.order_by("id")


def states(mails):
    return [(mail.state, mail.failure, mail.attempts) for mail in mails.all()]


@pytest.mark.parametrize(
    ("error", "state", "failure"),
    [
        (smtplib.SMTPRecipientsRefused({"x": (550, b"No such user")}), "failed", "permanent"),
        (smtplib.SMTPRecipientsRefused({"x": (451, b"Greylisted")}), "due", "refused"),
        (smtplib.SMTPSenderRefused(421, b"Too many", "y"), "due", "refused"),
        (smtplib.SMTPSenderRefused(553, b"Not yours", "y"), "failed", "permanent"),
        (smtplib.SMTPDataError(452, b"Full"), "due", "refused"),
        (smtplib.SMTPDataError(554, b"Spam"), "failed", "permanent"),
        (smtplib.SMTPServerDisconnected("closed"), "due", "uncertain"),
        (TimeoutError("timed out"), "due", "uncertain"),
        (KeyError("a template's"), "due", "refused"),
    ],
)
def test_an_answer_to_one_mail_decides_about_that_mail_only(server, waiting, error, state, failure):
    first = waiting.first().recipient.email
    server.sending = lambda message: error if message.to == [first] else None
    assert drain(lambda: NOW) == 1
    assert states(waiting) == [(state, failure, 1), ("sent", "", 1)]
    assert waiting.first().may_have_gone is (failure == "uncertain")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        socket.gaierror(-2, "Name or service not known"),
        ssl.SSLError("certificate verify failed"),
        smtplib.SMTPAuthenticationError(535, b"wrong credentials"),
        smtplib.SMTPServerDisconnected("closed before the greeting"),
        TimeoutError("no greeting"),
    ],
)
def test_a_server_that_cannot_be_used_costs_one_try_and_nothing_of_the_others(server, waiting, error):
    server.opening = error
    assert drain(lambda: NOW) == 0
    assert states(waiting) == [("due", "server", 1), ("due", "", 0)]
    assert waiting.first().may_have_gone is False


def test_when_the_server_is_back_the_mail_that_waited_for_it_goes_at_once(server, waiting):
    server.opening = ConnectionRefusedError("refused")
    for minutes in (0, 2, 4, 8):
        drain(lambda minutes=minutes: NOW + timedelta(minutes=minutes))
    server.opening = None
    assert drain(lambda: NOW + timedelta(minutes=10)) == 2
    assert {message.to[0] for message in postbox.outbox} == {"crc.musc@example.org", "crc.emory@example.org"}


def test_a_digest_that_surely_never_left_goes_into_the_next_day_s(server, waiting):
    """One mail after the server was away for a night, not one for each day."""
    server.opening = ConnectionRefusedError("refused")
    drain(lambda: NOW)
    server.opening = None
    later = NOW + timedelta(days=2)
    sweep(later)
    drain(lambda: later)
    told = [message for message in postbox.outbox if message.to == ["crc.musc@example.org"]]
    assert len(told) == 1
    assert "MUSC-001 W1" in told[0].body
    older = waiting.filter(recipient__username="crc.musc").first()
    assert (older.state, older.cancelled_why) == ("cancelled", "Its reminders went into the digest of 2025-06-20")


def test_a_digest_that_may_have_gone_is_sent_as_it_is_again(server, waiting):
    server.sending = smtplib.SMTPServerDisconnected("closed before the 250")
    drain(lambda: NOW)
    keys = [mail.message_id for mail in waiting]
    server.sending = None
    later = NOW + timedelta(days=2)
    sweep(later)
    drain(lambda: later)
    assert set(keys) <= {message.extra_headers["Message-ID"] for message in postbox.outbox}


def test_a_mail_that_is_never_taken_is_tried_eight_times(server, waiting):
    server.sending = smtplib.SMTPDataError(451, b"Later")
    at = NOW
    for _ in range(200):
        drain(lambda at=at: at)
        at += timedelta(minutes=20)
    assert {(state, attempts) for state, _, attempts in states(waiting)} == {("failed", TRIES)}


def test_an_urgent_matter_goes_at_once_in_the_quiet_hours_and_before_the_others(server, waiting, coordinator):
    night = NOW.replace(hour=6)  # 02:00 in New York
    facts = {"source": "visit", "object_id": Notice.objects.first().object_id, "stage": "opens", "site_id": "MUSC"}
    Notice.objects.create(dedupe_key="u", is_urgent=True, recipient=coordinator, created_at=night, **facts)
    Mail.objects.update(next_try_at=night)
    sweep(night)
    drain(lambda: night)
    assert postbox.outbox[0].subject == "MUSC: 1 urgent reminder"
    assert Mail.objects.get(kind="urgent").site == Site("MUSC")


def test_a_clock_that_stood_wrong_keeps_no_mail_back(server, waiting):
    """Claimed by a sender that died, and put off, while the clock stood a year ahead."""
    ahead = NOW + timedelta(days=365)
    first, second = waiting
    Mail.objects.filter(pk=first.pk).update(state="claimed", lease_until=ahead, attempts=1)
    Mail.objects.filter(pk=second.pk).update(next_try_at=ahead)
    assert drain(lambda: NOW) == 2


def test_the_test_mail_is_sent_at_once_and_its_error_is_shown(server, browse, coordinator, frozen):
    client, address = browse(coordinator), reverse("test_mail")
    assert "A test mail was sent to crc.musc@example.org." in client.post(address, follow=True).content.decode()
    assert [message.subject for message in postbox.outbox] == ["Test of the reminders"]
    assert "in this very minute" in client.post(address, follow=True).content.decode()
    frozen.shift(timedelta(minutes=1))
    server.opening = ConnectionRefusedError("Connection refused")
    page = client.post(address, follow=True).content.decode()
    assert "The mail server cannot be used: ConnectionRefusedError: Connection refused" in page
    frozen.shift(timedelta(minutes=1))
    User.objects.filter(pk=coordinator.pk).update(email="")
    assert "Your account has no e-mail address." in client.post(address, follow=True).content.decode()


def test_who_does_not_operate_gets_no_test_mail(browse, monitor, coordinator):
    assert browse(monitor).post(reverse("test_mail")).status_code == 403
    assert browse(coordinator).get(reverse("test_mail")).status_code == 405


def test_waking_without_a_broker_is_no_error(db, monkeypatch, caplog):
    def refuse():
        raise tasks.OperationalError("no broker")

    monkeypatch.setattr(tasks.sweep, "delay", refuse)
    tasks.wake()
    assert "waits for the next sweep" in caplog.text


def test_the_link_in_the_mail_leads_through_signing_in_to_the_visit(server, waiting, client, coordinator, frozen):
    Preference.objects.all().delete()
    coordinator.set_password("a-long-enough-password")
    coordinator.save()
    drain(lambda: NOW)
    [body] = [message.body for message in postbox.outbox if message.to == ["crc.musc@example.org"]]
    path = "/visits/MUSC-001/W1/log/"
    assert f"http://localhost:8000{path}" in body
    sign_in = client.get(path).url
    typed = {"username": "crc.musc", "password": "a-long-enough-password"}
    assert client.post(sign_in, typed).url == path
    assert client.get(path).status_code == 200
