"""The clocks where people meet them: the event's page, the forms, the listing, home, the mails."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from adverse_events import clock_reminders, notifications, report_reminders, timekeeping, watching
from adverse_events.models import Clock, Determination, InvestigatorAcknowledgement, Notification
from adverse_events.notifications import NotificationRefused
from adverse_events.reporting import report
from adverse_events.timekeeping import ClockRefused
from conftest import NOW, staged
from studytracker.dates import PartialDate
from studytracker.outbox.sweeping import sweep


@staged
def event(musc, coordinator, frozen):
    """Serious, and life-threatening: the site knows it since this minute."""
    facts = {"term": "Anaphylaxis", "started": PartialDate(2025, 6), "aware_at": NOW, "is_life_threatening": True}
    return report(participant=musc.screened(), by=coordinator, at=NOW, **facts)


def clock(event, rule_id):
    return event.clocks.get(rule_id=rule_id)


def told(**differing):
    boxes = {"on_day": "18", "on_month": "6", "on_year": "2025", "time": "10:45"}
    return {"recipient": "sponsor", **boxes, "method": "email", "reference": "Receipt 17"} | differing


def test_the_event_page_counts_down_and_says_on_what_each_clock_rests(event, browse, coordinator):
    page = browse(coordinator).get(event.get_absolute_url()).content.decode()
    assert "1 d 0 h left" in page
    assert "by Thu 19 Jun 2025 11:00 EDT" in page
    assert "21 CFR 312.64(b)" in page
    assert "not configured" in page
    assert "Not answered, counts as yes: unexpected, suspected" in page


def test_recording_that_the_sponsor_was_told_meets_the_clocks_that_were_ticked(event, browse, coordinator):
    client = browse(coordinator)
    address = reverse("notify", args=[event.participant.identifier, event.number])
    form = client.get(f"{address}?clock={clock(event, 'K1b').pk}").content.decode()
    assert len(re.findall(r'name="clocks"[^>]*checked', form)) == 2
    ticked = [clock(event, "K1").pk, clock(event, "K1b").pk]
    response = client.post(address, told(clocks=ticked))
    assert (response.status_code, response.url) == (302, event.get_absolute_url())
    assert [clock(event, rule).state_at(NOW) for rule in ("K1", "K1b")] == ["Met", "Met"]
    assert clock(event, "K3").started_at == NOW - timedelta(minutes=15)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"recipient": ""}, "Choose who was told."),
        ({"reference": ""}, "Give the reference of the proof"),
        ({"time": "25:00"}, "The time &quot;25:00&quot; cannot be read."),
        ({"time": "11:30"}, "Wed 18 Jun 2025 11:30 is in the future."),
        ({"on_day": "31"}, "31 June 2025 does not exist"),
        ({"recipient": "fda"}, "K1b: not answered by telling FDA."),
        ({"method": "pigeon"}, "Select a valid choice."),
        ({"clocks": ["9" * 24]}, f"“{'9' * 24}” is not a valid value."),
    ],
)
def test_a_refused_notification_comes_back_whole(event, browse, coordinator, change, sentence):
    address = reverse("notify", args=[event.participant.identifier, event.number])
    typed = told(clocks=[clock(event, "K1b").pk]) | change
    response = browse(coordinator).post(address, typed)
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert [
        typed[name] for name in ("reference", "time") if f'value="{typed[name]}"' not in page and typed[name]
    ] == []
    assert Notification.objects.count() == 0


def test_a_determination_starts_the_fifteen_days(event, browse, chair):
    address = reverse("determine", args=[event.participant.identifier, event.number])
    found = told(kind="qualifies", note="Serious, unexpected, suspected")
    assert browse(chair).post(address, found).status_code == 302
    assert Determination.objects.get().determined_at == NOW - timedelta(minutes=15)
    assert clock(event, "K4").due_at.isoformat() == "2025-07-04T03:59:59.999999+00:00"


def test_closing_needs_a_reason_and_keeps_it_with_the_person(event, browse, investigator):
    k4b = clock(event, "K4b")
    address = reverse("close_clock", args=[event.participant.identifier, event.number, k4b.pk])
    client = browse(investigator)
    assert "Say why" in client.post(address, {"reason": " "}).content.decode()
    assert client.post(address, {"reason": "Known reaction to the premedication"}).status_code == 302
    k4b.refresh_from_db()
    assert (k4b.closed_by, k4b.closed_at) == (investigator, NOW)
    page = client.get(event.get_absolute_url()).content.decode()
    assert "by pi.musc: Known reaction to the premedication" in page
    with pytest.raises(ClockRefused, match="K4b of MUSC-001 AE 1 is closed already"):
        timekeeping.close(clock=k4b, reason="Again", by=investigator, at=NOW)


def test_nothing_is_found_reportable_that_was_not_judged_otherwise_before(event, chair):
    facts = {"kind": "found_reportable", "determined_at": NOW, "note": "Second look"}
    with pytest.raises(NotificationRefused, match="cannot be found reportable now"):
        notifications.determine(event=event, **facts, by=chair, at=NOW)


@staged
def reported(event, chair, emory_investigator, investigator):
    """The FDA and all investigators are told of K4b."""
    facts = {"sent_at": NOW, "method": "email", "reference": "IND safety report 1", "clocks": [clock(event, "K4b")]}
    for recipient in ("fda", "investigators"):
        notifications.notify(event=event, recipient=recipient, **facts, by=chair, at=NOW)
    return event


def test_a_safety_report_asks_the_investigators_of_both_sites(reported, browse, emory_investigator, investigator):
    asked = InvestigatorAcknowledgement.objects.order_by("investigator__username")
    assert [row.investigator for row in asked] == [emory_investigator, investigator]
    client = browse(emory_investigator)
    assert "Safety reports to acknowledge" in client.get("/").content.decode()
    assert client.get(reported.get_absolute_url()).status_code == 404
    mine, theirs = (reverse("acknowledge_report", args=[row.pk]) for row in asked)
    assert "Anaphylaxis" in client.get(mine).content.decode()
    assert client.get(theirs).status_code == 404
    assert client.post(mine).url == "/"
    assert client.post(mine).url == "/"
    assert [row.acknowledged_at for row in asked.all()] == [NOW, None]
    page = browse(investigator).get(reported.get_absolute_url()).content.decode()
    assert "pi.emory: acknowledged 18 Jun 2025 11:00 EDT" in page
    assert "not acknowledged yet" in page


def test_only_those_asked_see_a_report_to_acknowledge(reported, browse, coordinator, outsider):
    row = InvestigatorAcknowledgement.objects.first()
    for person in (coordinator, outsider):
        assert browse(person).get(reverse("acknowledge_report", args=[row.pk])).status_code == 404
    with pytest.raises(NotificationRefused, match="for oneself only"):
        notifications.acknowledge(acknowledgement=row, by=coordinator, at=NOW)


def test_each_investigator_is_told_of_the_report_once(reported, emory_investigator, investigator):
    rows = {row.investigator_id: row.pk for row in InvestigatorAcknowledgement.objects.all()}
    found = {(each.object_id, each.site, each.recipient_id) for each in report_reminders.due(NOW)}
    assert found == {
        (rows[emory_investigator.pk], "EMORY", emory_investigator.pk),
        (rows[investigator.pk], "MUSC", investigator.pk),
    }


def lines(client, query=""):
    response = client.get(f"/safety/clocks/?format=csv{query}")
    return b"".join(response).decode().splitlines()


def test_the_listing_filters_by_state_and_leaves_as_a_file(
    event, browse, coordinator, emory_coordinator, time_machine
):
    client = browse(coordinator)
    assert len(client.get("/safety/clocks/").context["table"].rows) == 7
    running = client.get("/safety/clocks/?state=Running").context["table"].rows
    assert [row.record.rule_id for row in running] == ["K1b"]
    time_machine.move_to(NOW + timedelta(days=2), tick=False)
    late = browse(coordinator).get("/safety/clocks/?state=Breached")
    assert "Breached, 1 d 0 h over" in late.content.decode()
    assert len([line for line in lines(browse(coordinator), "&state=Breached") if "MUSC-001" in line]) == 1
    assert len(browse(emory_coordinator).get("/safety/clocks/").context["table"].rows) == 0


@pytest.mark.parametrize("many", [1, 4])
def test_the_listing_takes_the_same_queries_however_many_clocks(
    event, coordinator, browse, many, django_assert_max_num_queries
):
    for _ in range(many - 1):
        facts = {"term": "Fever", "started": PartialDate(2025, 6), "is_hospitalization": True}
        report(participant=event.participant, by=coordinator, at=NOW, **facts)
    client = browse(coordinator)
    with django_assert_max_num_queries(9):
        client.get("/safety/clocks/")


@pytest.mark.parametrize("many", [0, 3])
def test_the_event_page_takes_the_same_queries_however_many_notifications(
    event, coordinator, browse, many, django_assert_max_num_queries
):
    for number in range(many):
        facts = {"recipient": "fda", "sent_at": NOW, "method": "fax", "reference": f"FAX-{number}"}
        notifications.notify(event=event, clocks=[clock(event, "K3")], **facts, by=coordinator, at=NOW)
    client = browse(coordinator)
    with django_assert_max_num_queries(26):
        client.get(event.get_absolute_url())


def stages(event, at):
    k1b = clock(event, "K1b").pk
    return {each.stage.split("-")[0] for each in clock_reminders.due(at) if each.object_id == k1b}


def test_a_clock_is_told_as_it_opens_at_its_thresholds_and_when_it_is_over(event):
    hours = {0: "opened", 11: "opened", 12: "50", 19: "50", 20: "80", 24: "80", 25: "over", 100: "over"}
    assert {hour: stages(event, NOW + timedelta(hours=hour)) for hour in hours} == {
        hour: {stage} for hour, stage in hours.items()
    }


def test_every_sweep_tells_a_threshold_once_at_once_and_to_those_who_answer_for_it(event, coordinator, investigator):
    from studytracker.outbox.models import Mail, Notice

    for minutes in (0, 2, 4):
        sweep(NOW + timedelta(minutes=minutes))
    told = Notice.objects.filter(source="clock", object_id=clock(event, "K1b").pk)
    assert sorted(told.values_list("recipient__username", "is_urgent")) == [("crc.musc", True), ("pi.musc", True)]
    assert set(Mail.objects.filter(notices__in=told).values_list("kind", flat=True)) == {"urgent"}


def test_a_clock_that_was_met_is_not_told_of_any_more(event, coordinator):
    k1b = clock(event, "K1b")
    wanted = {(each.object_id, each.stage) for each in clock_reminders.due(NOW) if each.object_id == k1b.pk}
    (line,) = clock_reminders.still_due(wanted, NOW).values()
    assert line.text == "MUSC-001 AE 1 K1b, by Thu 19 Jun 2025 11:00 EDT"
    facts = {"recipient": "sponsor", "sent_at": NOW, "method": "fax", "reference": "FAX-1", "clocks": [k1b]}
    notifications.notify(event=event, **facts, by=coordinator, at=NOW)
    assert clock_reminders.still_due(wanted, NOW) == {}


def test_a_sweep_records_what_ran_out_in_the_name_of_the_program(event):
    sweep(NOW + timedelta(days=1, minutes=1))
    k1b = clock(event, "K1b")
    assert k1b.deviation.drafted_by.username == "system"
    assert k1b.deviation.drafted_by.is_active is False
    assert k1b.deviation.category == "late_safety_report"
    assert k1b.deviation.description == (
        "Reporting clock K1b of AE 1 (investigator to sponsor, with causality, 24 hours) ended "
        "Thu 19 Jun 2025 11:00 EDT; nobody is recorded as told."
    )


def test_a_sweep_that_finds_nothing_late_asks_twice(event, django_assert_num_queries):
    with django_assert_num_queries(2):
        timekeeping.look(NOW)
    watching.look(NOW)
    assert Clock.objects.filter(deviation__isnull=False).count() == 0
