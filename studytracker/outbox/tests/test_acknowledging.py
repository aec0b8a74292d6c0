from datetime import date, timedelta

import pytest
from django.core import mail as postbox

from conftest import NOW, TODAY, staged
from studytracker.outbox.acknowledging import AcknowledgementRefused, acknowledge, end
from studytracker.outbox.delivery import drain
from studytracker.outbox.models import Acknowledgement, Mail, Notice
from studytracker.outbox.sweeping import sweep
from visits.attendance import miss

DAY0 = date(2025, 6, 3)  # W1 closed on 12 June: on 18 June six days overdue, the investigator is told on the 19th
UNTIL = TODAY + timedelta(days=5)


def send(at):
    sweep(at)
    drain(lambda: at)
    told = {message.to[0].partition("@")[0]: message.body for message in postbox.outbox}
    postbox.outbox.clear()
    return {name: [code for code in ("W1", "W2") if f"MUSC-001 {code}\n" in body] for name, body in told.items()}


def days(count):
    return NOW + timedelta(days=count)


@staged
def told(musc):
    """The coordinator heard of W1 and W2 today."""
    participant = musc.infused(DAY0)
    assert send(NOW) == {"crc.musc": ["W1", "W2"]}
    return participant


@staged
def notice(told):
    visit = told.visits.get(code="W1")
    return Notice.objects.select_related("site").get(object_id=visit.pk, stage="overdue-1")


def test_nobody_is_told_and_nothing_escalates_until_the_day_is_over(told, notice, coordinator):
    acknowledge(notice=notice, until_on=UNTIL, reason="Booked", by=coordinator, at=NOW)
    heard = [send(days(count)) for count in range(1, 6)]
    assert [names for names in heard if "pi.musc" in names] == []
    assert [names for names in heard if "W1" in names.get("crc.musc", [])] == []
    assert Notice.objects.filter(stage="investigator").count() == 1  # reached, and held


def test_when_the_day_is_over_both_hear_once_of_what_is_still_open(told, notice, coordinator):
    acknowledge(notice=notice, until_on=UNTIL, reason="Booked", by=coordinator, at=NOW)
    for count in range(1, 6):
        send(days(count))
    heard = send(days(6))
    assert (heard["crc.musc"], heard["pi.musc"]) == (["W1"], ["W1"])
    assert send(days(6) + timedelta(hours=1)) == {}


def test_without_an_acknowledgement_it_escalates_the_next_day(told, notice):
    """The negative control of the two above."""
    assert send(days(1)) == {"pi.musc": ["W1"]}


def test_a_visit_recorded_meanwhile_is_not_told_when_the_day_is_over(told, notice, coordinator):
    acknowledge(notice=notice, until_on=UNTIL, reason="Booked", by=coordinator, at=NOW)
    miss(visit=told.visits.get(code="W1"), reason="Illness", by=coordinator, at=days(2))
    assert "W1" not in str([send(days(count)) for count in range(1, 12)])


def test_somebody_ends_it_before_its_day(told, notice, coordinator):
    made = acknowledge(notice=notice, until_on=UNTIL, reason="Booked", by=coordinator, at=NOW)
    assert end(acknowledgement=made, by=coordinator, at=days(1))
    assert not end(acknowledgement=made, by=coordinator, at=days(1))
    assert send(days(2))["pi.musc"] == ["W1"]


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        (TODAY - timedelta(days=1), "Choose today, Wed 18 Jun 2025, or a later day."),
        (
            TODAY + timedelta(days=15),
            "Reminders can be held for at most 14 days: choose Wed 2 Jul 2025 or earlier.",
        ),
    ],
)
def test_the_day_has_its_limits(notice, coordinator, until, sentence):
    with pytest.raises(AcknowledgementRefused, match=sentence):
        acknowledge(notice=notice, until_on=until, reason="Booked", by=coordinator, at=NOW)


def test_twice_is_refused_and_so_is_what_is_done_or_urgent(told, notice, coordinator):
    facts = {"until_on": UNTIL, "reason": "Booked", "by": coordinator, "at": NOW}
    acknowledge(notice=notice, **facts)
    with pytest.raises(AcknowledgementRefused, match="Somebody acknowledged this already"):
        acknowledge(notice=notice, **facts)
    notice.is_urgent = True
    with pytest.raises(AcknowledgementRefused, match="An urgent matter cannot be put off"):
        acknowledge(notice=notice, **facts)
    notice.is_urgent = False
    miss(visit=told.visits.get(code="W1"), reason="Illness", by=coordinator, at=NOW)
    with pytest.raises(AcknowledgementRefused, match="Nothing is left to do here"):
        acknowledge(notice=notice, **facts)


def boxes(day):
    return {"until_on_day": day.day, "until_on_month": day.month, "until_on_year": day.year}


def test_the_page_acknowledges_shows_it_and_ends_it(told, notice, coordinator, browse, frozen):
    client = browse(coordinator)
    assert f"/reminders/matters/{notice.pk}/acknowledge/" in client.get("/reminders/open/").content.decode()
    refused = client.post(f"/reminders/matters/{notice.pk}/acknowledge/", boxes(UNTIL) | {"reason": " "})
    assert refused.status_code == 422
    assert 'value="2025"' in refused.content.decode()
    typed = boxes(UNTIL) | {"reason": "Booked for Monday"}
    assert client.post(f"/reminders/matters/{notice.pk}/acknowledge/", typed).url == "/reminders/open/"
    made = Acknowledgement.objects.get()
    page = client.get("/reminders/open/").content.decode()
    assert "Until Mon 23 Jun 2025 by crc.musc: Booked for Monday" in page
    assert client.post(f"/reminders/acknowledgements/{made.pk}/end/").url == "/reminders/open/"
    assert Acknowledgement.objects.in_force().count() == 0


def test_another_site_s_acknowledgement_is_not_there_to_end(
    told, notice, coordinator, emory_coordinator, browse, frozen
):
    made = acknowledge(notice=notice, until_on=UNTIL, reason="Booked", by=coordinator, at=NOW)
    assert browse(emory_coordinator).post(f"/reminders/acknowledgements/{made.pk}/end/").status_code == 404
    assert Mail.objects.filter(state="sent").count() == 1
