import re
import smtplib
from datetime import UTC, date, datetime, timedelta

from django.core import mail as postbox

from conftest import NOW, TODAY, staged
from participants.screening import withdraw
from studytracker.access.models import User
from studytracker.outbox import delivery
from studytracker.outbox.delivery import BACK_OFF, LEASE, TRIES, deliver
from studytracker.outbox.health import health
from studytracker.outbox.models import Heartbeat, Mail, Notice
from studytracker.outbox.sweeping import sweep
from visits.attendance import attend, miss

DAY0 = date(2025, 5, 31)  # on 18 June W1 is 9 days overdue and W2 one day
TEXT = """Reminders for crc.musc, Wed 18 Jun 2025: MUSC

Overdue: the window has closed and nothing is logged (2)

  MUSC-001 W1
  http://localhost:8000/visits/MUSC-001/W1/log/

  MUSC-001 W2
  http://localhost:8000/visits/MUSC-001/W2/log/

A reminder stops when the thing is done: a visit is logged, or marked missed with the reason.
Not now? Acknowledge it with a reason, and nobody is told until the day you choose:
  http://localhost:8000/reminders/open/
Your worklist:
  http://localhost:8000/
What you are told, and when:
  http://localhost:8000/reminders/preferences/

"""
LINES = re.compile(r"  (http\S+)")
LINKS = re.compile(r'href="([^"]+)"')


def infused(cast):
    """The investigator has left since, so that what is told to the coordinator stands alone."""
    participant = cast.infused(DAY0)
    cast.investigator.memberships.update(ended_at=NOW)
    return participant


@staged
def overdue(musc):
    return infused(musc)


def send_all(at=NOW):
    return [deliver(mail_id, at) for mail_id in sweep(at)]


def test_one_ledger_row_per_visit_stage_and_coordinator_however_often_swept(overdue, coordinator):
    for _ in range(3):
        sweep(NOW)
    rows = Notice.objects.order_by("stage").values_list("stage", "turn", "recipient__username", "site")
    assert list(rows) == [("overdue-1", 0, "crc.musc", "MUSC"), ("overdue-again", 0, "crc.musc", "MUSC")]


def test_a_later_stage_makes_a_new_row_and_a_new_mail(overdue):
    send_all()
    send_all(NOW + timedelta(days=1))
    assert Mail.objects.filter(state="sent").count() == 1
    send_all(NOW + timedelta(days=6))  # W1 is 15 days overdue: the second turn
    assert Mail.objects.filter(state="sent").count() == 2


def test_each_coordinator_gets_one_digest_of_their_own_site(musc, emory, person):
    person("crc.two", "coordinator", "MUSC")
    musc.infused(DAY0)
    infused(musc)
    infused(emory)
    assert send_all() == [True, True, True]
    bodies = {message.to[0]: message.body for message in postbox.outbox}
    assert sorted(bodies) == ["crc.emory@example.org", "crc.musc@example.org", "crc.two@example.org"]
    assert "MUSC-001 W1" in bodies["crc.musc@example.org"]
    assert "MUSC-002 W2" in bodies["crc.two@example.org"]
    assert "MUSC" not in bodies["crc.emory@example.org"]


def test_the_mail_names_identifier_and_visit_and_links_to_the_log(overdue, settings):
    send_all()
    [message] = postbox.outbox
    assert message.subject == "MUSC: 2 reminders"
    assert message.body == TEXT
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    assert LINKS.findall(html) == LINES.findall(TEXT)
    stored = Mail.objects.get()
    assert (stored.body, stored.address, stored.sent_at) == (message.body, "crc.musc@example.org", NOW)
    assert message.extra_headers["Message-ID"] == stored.message_id


def test_a_visit_logged_before_sending_is_not_in_the_mail(overdue, coordinator):
    [mail_id] = sweep(NOW)
    attend(
        visit=overdue.visits.get(code="W1"),
        attended_on=date(2025, 6, 12),
        out_of_window_reason="Weather",
        late_entry_reason="Letter",
        by=coordinator,
        at=NOW,
    )
    assert deliver(mail_id, NOW)
    [message] = postbox.outbox
    assert "MUSC-001 W2" in message.body
    assert "W1" not in message.body
    cancelled = Notice.objects.get(stage="overdue-again")
    assert (cancelled.cancelled_at, cancelled.cancelled_why) == (NOW, "No longer due when the mail was sent")


def test_nothing_is_sent_when_nothing_is_left_to_say(overdue, coordinator):
    [mail_id] = sweep(NOW)
    for code in ("W1", "W2"):
        miss(visit=overdue.visits.get(code=code), reason="Illness", by=coordinator, at=NOW)
    assert not deliver(mail_id, NOW)
    assert (postbox.outbox, Mail.objects.get().state) == ([], "cancelled")


def test_a_withdrawn_participant_s_open_visits_are_no_longer_reminded(overdue, coordinator):
    withdraw(participant=overdue, withdrawn_on=TODAY, reason="pregnancy", note="", by=coordinator, at=NOW)
    send_all(NOW + timedelta(days=60))
    [message] = postbox.outbox
    assert "MUSC-001 W4" not in message.body  # its window was open when the participant left
    assert "MUSC-001 W1" in message.body  # overdue before: a person still has to say what became of it


def test_somebody_who_left_gets_no_mail(overdue, coordinator):
    [mail_id] = sweep(NOW)
    User.objects.filter(pk=coordinator.pk).update(is_active=False)
    assert not deliver(mail_id, NOW)
    assert postbox.outbox == []


def test_a_mail_is_claimed_by_one_sender_only(overdue):
    [mail_id] = sweep(NOW)
    assert delivery._claim(mail_id, NOW)
    assert not deliver(mail_id, NOW)
    assert postbox.outbox == []


def test_a_mail_whose_sender_died_goes_out_after_the_lease_with_the_same_message_id(overdue):
    [mail_id] = sweep(NOW)
    message_id = delivery._claim(mail_id, NOW).message_id
    assert sweep(NOW + LEASE) == []
    later = NOW + LEASE + timedelta(seconds=1)
    assert send_all(later) == [True]
    assert postbox.outbox[0].extra_headers["Message-ID"] == message_id


class Refusing:
    """A mail connection that fails as a server would."""

    error = smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    def __init__(self, *args, **kwargs):
        pass

    def open(self):
        pass

    close = open

    def send_messages(self, messages):
        raise self.error


def test_a_failing_mail_is_tried_again_later_and_later_and_then_needs_a_person(overdue, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    [mail_id] = sweep(NOW)
    at, waits = NOW, []
    for _ in range(TRIES):
        assert not deliver(mail_id, at)
        row = Mail.objects.get(pk=mail_id)
        waits.append(row.next_try_at - at)
        assert not deliver(mail_id, row.next_try_at - timedelta(seconds=1))
        at = row.next_try_at
    night = datetime(2025, 6, 19, 11, tzinfo=UTC) - datetime(2025, 6, 18, 22, 21, tzinfo=UTC)  # 18:21 to 07:00
    assert waits == [*BACK_OFF, night, BACK_OFF[-1], BACK_OFF[-1]]
    assert (row.state, row.attempts) == ("failed", TRIES)
    assert row.error == "SMTPServerDisconnected: Connection unexpectedly closed"
    assert not deliver(mail_id, at + timedelta(days=30))


def test_a_person_without_an_address_is_named_and_served_once_there_is_one(overdue, coordinator):
    User.objects.filter(pk=coordinator.pk).update(email="")
    assert send_all() == [False]
    row = Mail.objects.get()
    assert row.error == "NoAddress: crc.musc has no e-mail address. Add one, then try again."
    assert (row.state, row.failure) == ("failed", "permanent")
    User.objects.filter(pk=coordinator.pk).update(email="crc.musc@example.org")
    delivery.try_again(row, NOW)
    assert send_all() == [True]


def test_a_mail_that_no_server_can_take_is_given_up_at_once(musc, emory, coordinator):
    """Its domain cannot be encoded: not an error of the mail server, and it stopped everybody after it once."""
    infused(musc)
    infused(emory)
    User.objects.filter(pk=coordinator.pk).update(email=f"x@{'ä' * 60}.org")
    assert sorted(send_all()) == [False, True]
    assert Mail.objects.get(site="MUSC").state == "failed"


def test_a_mail_whose_senders_all_died_is_given_up_and_counts_as_failing(overdue, coordinator):
    [mail_id] = sweep(NOW)
    at = NOW
    for _ in range(TRIES):
        assert delivery._claim(mail_id, at)
        at += LEASE + timedelta(seconds=1)
        assert health(User.objects.get(pk=coordinator.pk), at).failing == 1
    assert not deliver(mail_id, at)
    assert Mail.objects.get().state == "failed"
    assert health(User.objects.get(pk=coordinator.pk), at).failing == 1


def test_a_given_up_mail_is_tried_again_when_a_person_says_so(overdue, browse, coordinator, frozen):
    [mail_id] = sweep(NOW)
    Mail.objects.update(state="failed", attempts=TRIES)
    client = browse(coordinator)
    assert "Try again" in client.get(f"/reminders/{mail_id}/").content.decode()
    assert client.post(f"/reminders/{mail_id}/try-again/").url == f"/reminders/{mail_id}/"
    assert deliver(mail_id, NOW)
    client.post(f"/reminders/{mail_id}/try-again/")
    assert Mail.objects.get().state == "sent"


def test_somebody_whose_role_ended_gets_no_mail_and_hears_again_when_it_is_given_back(overdue, coordinator):
    [mail_id] = sweep(NOW)
    coordinator.memberships.update(ended_at=NOW)
    assert not deliver(mail_id, NOW)
    assert sweep(NOW) == []
    coordinator.memberships.update(ended_at=None)
    assert send_all() == [True]
    assert len(postbox.outbox) == 1


def test_home_says_so_when_a_site_has_nobody_to_remind(musc, browse, chair, coordinator, frozen):
    musc.infused(DAY0)
    sweep(NOW)
    page = browse(chair).get("/").content.decode()
    assert "Nobody is a coordinator at EMORY: overdue visits there are told to no one." in page


def test_a_poison_mail_does_not_hold_up_the_next(musc, emory, coordinator):
    infused(musc)
    infused(emory)
    User.objects.filter(pk=coordinator.pk).update(email="")
    assert sorted(send_all()) == [False, True]


def test_the_sweep_leaves_a_heartbeat_and_the_command_needs_no_broker(overdue, frozen, capsys, command):
    command("sweep")
    assert capsys.readouterr().out == "1 mail(s) ready, 1 sent.\n"
    assert Heartbeat.objects.get(job="sweep").at == NOW
    command("sweep")
    assert capsys.readouterr().out == "0 mail(s) ready, 0 sent.\n"


def test_the_reminder_page_shows_the_mail_as_sent_within_the_reader_s_sites(
    musc, emory, browse, coordinator, administrator, frozen
):
    infused(musc)
    infused(emory)
    send_all()
    page = browse(coordinator).get("/reminders/").content.decode()
    assert "crc.musc" in page
    assert "crc.emory" not in page
    own, other = (Mail.objects.get(site=site).pk for site in ("MUSC", "EMORY"))
    shown = browse(coordinator).get(f"/reminders/{own}/").content.decode()
    assert "http://localhost:8000/visits/MUSC-001/W1/log/" in shown
    assert browse(coordinator).get(f"/reminders/{other}/").status_code == 404
    assert browse(administrator).get(f"/reminders/{other}/").status_code == 200


def test_home_warns_when_the_sweep_has_not_run_for_three_periods(musc, browse, coordinator, settings, frozen):
    sweep(NOW - timedelta(minutes=3 * settings.SWEEP_MINUTES))
    warning = "Overdue visits have not been looked for since"
    client = browse(coordinator)
    assert warning not in client.get("/").content.decode()
    frozen.shift(timedelta(seconds=1))
    assert warning in client.get("/").content.decode()
