from datetime import date, time, timedelta

import pytest
from django.core import mail as postbox

from conftest import NOW
from studytracker import protocol
from studytracker.outbox.delivery import drain
from studytracker.outbox.matters import next_mails
from studytracker.outbox.models import Mail, Notice, Preference
from studytracker.outbox.preferring import PreferenceRefused, prefer
from studytracker.outbox.sweeping import sweep

DAY0 = date(2025, 6, 3)
AGREED = {"digest_time": None, "quiet_from": None, "quiet_to": None, "stages": ["opens", "due", "late"]}


def run(at):
    sweep(at)
    drain(lambda: at)


def test_one_mail_a_day_at_the_time_of_the_person_s_site(musc):
    """07:00 in New York is 11:00 UTC."""
    musc.infused(DAY0)
    start = NOW.replace(hour=0)
    for minutes in range(0, 3 * 24 * 60, 20):
        run(start + timedelta(minutes=minutes))
    sent = Mail.objects.filter(recipient__username="crc.musc", state="sent").order_by("sent_at")
    assert [mail.sent_at.isoformat() for mail in sent] == [
        "2025-06-18T11:00:00+00:00",
        "2025-06-20T11:00:00+00:00",  # nothing new on the 19th; W1 overdue for 8 days on the 20th
    ]


def test_two_sites_are_one_mail_seen_by_those_who_see_both(musc, emory, person, browse, frozen, chair, coordinator):
    both = person("crc.both", "coordinator", "MUSC")
    person("crc.both", "coordinator", "EMORY")
    musc.infused(DAY0), emory.infused(DAY0)
    run(NOW)
    [message] = [message for message in postbox.outbox if message.to == ["crc.both@example.org"]]
    assert message.subject == "several sites: 4 reminders"
    assert [code for code in ("MUSC-001 W1", "EMO-001 W1") if code not in message.body] == []
    row = Mail.objects.get(recipient=both)
    assert row.site is None
    seen = {user: browse(user).get(f"/reminders/{row.pk}/").status_code for user in (chair, coordinator, both)}
    assert list(seen.values()) == [200, 404, 200]


def test_an_own_time_and_own_quiet_hours_hold(musc, coordinator):
    musc.infused(DAY0)
    own = AGREED | {"digest_time": time(13), "quiet_from": time(14), "quiet_to": time(12)}
    prefer(user=coordinator, by=coordinator, at=NOW, **own)
    run(NOW + timedelta(hours=1, minutes=59))
    assert postbox.outbox == []
    run(NOW + timedelta(hours=3))  # 14:00: quiet already
    assert postbox.outbox == []
    run(NOW + timedelta(hours=2))
    assert [message.to for message in postbox.outbox] == [["crc.musc@example.org"]]


def test_an_optional_stage_is_turned_off_and_a_required_one_is_told_all_the_same(musc, coordinator):
    musc.infused(DAY0)
    prefer(user=coordinator, by=coordinator, at=NOW, **AGREED | {"stages": []})
    run(NOW)
    [message] = postbox.outbox
    assert ("MUSC-001 W1" in message.body, "MUSC-001 W2" in message.body) == (True, False)
    left_out = Notice.objects.get(stage="late")
    assert left_out.cancelled_why == "Turned off in the recipient's own preferences"


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ({"quiet_from": time(9)}, "Give both ends of the quiet hours, or neither."),
        (
            {"digest_time": time(21)},
            "The daily mail at 21:00 would fall into the quiet hours from 20:00 to 07:00. Change one of them.",
        ),
    ],
)
def test_times_with_which_no_mail_would_come_are_refused(coordinator, times, sentence):
    with pytest.raises(PreferenceRefused, match=sentence):
        prefer(user=coordinator, by=coordinator, at=NOW, **AGREED | times)
    assert not Preference.objects.exists()


def test_the_page_keeps_what_it_says(coordinator, browse, frozen):
    client = browse(coordinator)
    typed = {"digest_time": "08:30", "quiet_from": "", "quiet_to": "", "stages": ["due"]}
    assert client.post("/reminders/preferences/", typed).status_code == 302
    page = client.get("/reminders/preferences/").content.decode()
    assert 'value="08:30"' in page
    assert page.count("checked") == 1
    refused = client.post("/reminders/preferences/", typed | {"digest_time": "half past"})
    assert refused.status_code == 422
    assert "half past" in refused.content.decode()
    assert client.post("/reminders/preferences/", typed | {"stages": ["overdue-1"]}).status_code == 422


def test_tomorrow_s_mail_is_what_the_preview_said(musc, emory, coordinator, chair):
    """Asked for each of ten days: the preview of the evening before is the mail of the morning."""
    musc.infused(DAY0), emory.infused(DAY0)
    run(NOW)
    postbox.outbox.clear()
    for days in range(10):
        evening = NOW + timedelta(days=days)
        said = {
            mail.person.email: [text for _, lines in mail.groups for text in lines]
            for mail in next_mails(chair, evening)
        }
        run(evening + timedelta(hours=20))  # 07:00 in New York
        sent = {message.to[0]: _codes(message.body) for message in postbox.outbox}
        assert said == sent
        postbox.outbox.clear()


def _codes(body):
    return [line.strip() for line in body.splitlines() if line.startswith(("  MUSC-", "  EMO-"))]


def test_the_preview_is_limited_to_the_reader_s_sites(musc, emory, coordinator, chair, browse, frozen):
    musc.infused(DAY0), emory.infused(DAY0)
    assert "EMO-001" not in browse(coordinator).get("/reminders/next/").content.decode()
    assert "EMO-001" in browse(chair).get("/reminders/next/").content.decode()
    assert Notice.objects.count() == 0
    assert protocol.current().reminders.digest_time == time(7)
