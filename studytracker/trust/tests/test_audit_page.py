"""The trail where people look: filtered, sorted, exported, and never further than the person's sites."""

import csv
import json
import re
from datetime import date
from html import unescape
from io import StringIO

import pytest
from django.urls import reverse

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import NOW, apart, staged
from studytracker.dates import PartialDate
from studytracker.trust import wording
from studytracker.trust.acting import acting, because
from studytracker.trust.models import Entry
from visits.models import Visit

DAY0 = date(2025, 5, 31)


@staged
def both_sites(musc, emory, coordinator, emory_coordinator, frozen):
    for cast, by in ((musc, coordinator), (emory, emory_coordinator)):
        report(participant=cast.infused(DAY0), term="Rash", started=PartialDate(2025, 6), by=by, at=NOW)


def as_rows(client, query=""):
    response = client.get(f"/audit/?format=csv&{query}")
    assert response.status_code == 200
    text = b"".join(response.streaming_content) if response.streaming else response.content
    rows = csv.DictReader(StringIO(text.decode("utf-8-sig")))
    return [row for row in rows if row["Record"] != "Act"]  # looking at the trail adds to it


def change_with_a_reason(person, reason, **facts):
    def change():
        with acting(person, source="web"), because(reason):
            AdverseEvent.objects.filter(site="MUSC").update(**facts)

    apart(change)


def test_a_coordinator_reads_the_entries_of_the_own_site_s_rows_and_no_others(both_sites, browse, coordinator):
    rows = as_rows(browse(coordinator))
    assert len(rows) > 20
    assert {row["Participant"] for row in rows} == {"MUSC-001", ""}
    assert "Membership" in {row["Record"] for row in rows if not row["Participant"]}
    assert [row for row in rows if "EMO" in " ".join(row.values())] == []


def test_whoever_reads_at_all_sites_sees_every_entry(both_sites, browse, administrator):
    rows = as_rows(browse(administrator))
    assert len(rows) == Entry.objects.exclude(table="trust_act").count()
    assert {"User", "Slot", "Adverse event", "Visit"} <= {row["Record"] for row in rows}


def test_a_monitor_reads_the_page_and_takes_no_file(both_sites, browse, monitor):
    client = browse(monitor)
    assert client.get("/audit/").status_code == 200
    assert client.get("/audit/?format=csv").status_code == 403


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("table=visits_visit", lambda row: row["Record"] == "Visit"),
        ("participant=emo-001", lambda row: row["Participant"] == "EMO-001"),
        ("op=U", lambda row: row["Change"] == "Changed"),
        ("username=PI.MU", lambda row: row["Who"] == "pi.musc"),
        ("reason=source+doc", lambda row: row["Why"] == "Source document read again"),
        ("sort=id", lambda row: True),
    ],
)
def test_the_trail_is_filtered(both_sites, browse, chair, investigator, query, holds):
    change_with_a_reason(investigator, "Source document read again", grade=2)
    client = browse(chair)
    every, found = as_rows(client), as_rows(client, query)
    assert [row["Entry"] for row in found] == sorted(
        (row["Entry"] for row in every if holds(row)), key=int, reverse=query != "sort=id"
    )
    assert found


def test_the_period_is_a_range_of_days(both_sites, browse, chair):
    client = browse(chair)
    today = Entry.objects.first().at[:10]
    that_day = Entry.objects.filter(at__startswith=today).exclude(table="trust_act").count()
    assert len(as_rows(client, f"since={today}&until={today}")) == that_day > 50
    assert as_rows(client, "until=2001-01-01") == []
    assert as_rows(client, "since=2999-01-01") == []


def test_a_record_s_history_is_one_click_away_and_tells_each_field(both_sites, browse, coordinator, investigator):
    change_with_a_reason(investigator, "Graded after the laboratory report", grade=3, causality="possible")
    event = AdverseEvent.objects.get(site="MUSC")
    url = reverse("history", args=["adverse_events_adverseevent", event.pk])
    client = browse(coordinator)
    visit = Visit.objects.filter(site="MUSC").first()
    links = {
        "/adverse-events/MUSC-001/1/": url,
        "/participants/MUSC-001/": reverse("history", args=["participants_participant", event.participant_id]),
    }
    for page, link in links.items():
        assert f'href="{link}"' in client.get(page).content.decode()
    assert (
        f'href="{reverse("history", args=["visits_visit", visit.pk])}"'
        in client.get("/participants/MUSC-001/").content.decode()
    )
    page = unescape(client.get(url).content.decode())
    for words in ("Graded after the laboratory report", "pi.musc (Investigator, MUSC)", "CTCAE grade", "Changed"):
        assert words.lower() in page.lower()


def test_an_entry_reads_old_then_new_in_words(both_sites, investigator):
    change_with_a_reason(investigator, "Read again", is_ongoing=False, note="It's over", grade=2)
    entry = Entry.objects.filter(table="adverse_events_adverseevent").first()
    assert {str(line) for line in wording.lines(entry)} == {
        "Ongoing: yes → no",
        "CTCAE grade: – → 2",
        "Note: (empty) → It's over",
    }
    assert json.loads(entry.new) == {"is_ongoing": False, "note": "It's over", "grade": 2, "version": 2}


def test_the_two_half_past_ones_of_a_night_in_november_are_told_apart():
    from zoneinfo import ZoneInfo

    york = ZoneInfo("America/New_York")
    assert wording.instant("2026-11-01T05:30:00.000001Z", york) == "2026-11-01 01:30:00 EDT (-0400)"
    assert wording.instant("2026-11-01T06:30:00.000001Z", york) == "2026-11-01 01:30:00 EST (-0500)"


@pytest.mark.parametrize("query", ["table=nothing", "since=yesterday", "row_id=%00", "sort=old;drop", "op=X"])
def test_what_cannot_be_looked_for_is_no_error(both_sites, browse, coordinator, query):
    assert browse(coordinator).get(f"/audit/?{query}").status_code == 200


@pytest.mark.parametrize("many", [1, 12])
def test_the_audit_page_takes_the_same_queries_however_many_entries(
    musc, coordinator, browse, frozen, many, django_assert_max_num_queries
):
    participant = musc.infused(DAY0)
    for _ in range(many):
        report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    client = browse(coordinator)
    client.get("/audit/")
    with django_assert_max_num_queries(90):
        client.get("/audit/")


def test_the_trail_names_the_record_and_the_people_of_it_in_words(both_sites, browse, coordinator):
    visit = Visit.objects.filter(site="MUSC", attended_on__isnull=False).first()
    page = browse(coordinator).get(reverse("history", args=["visits_visit", visit.pk])).content.decode()
    assert f"<h1>History: Visit {visit}</h1>" in page
    assert re.search(r"Attended by</th><td>–</td><td>crc\.musc</td>", page)
    [row] = [row for row in as_rows(browse(coordinator), f"table=visits_visit&row_id={visit.pk}&op=I")]
    assert "Attended by: – → crc.musc" in row["Field: old → new"]


def test_a_page_of_the_past_offers_nothing_to_do_and_no_word_of_today_s_mail(both_sites, browse, coordinator):
    number = Entry.objects.first().id
    page = browse(coordinator).get(f"/as-of/{number}/participants/MUSC-001/").content.decode()
    assert "As it stood at entry" in page and "reminders may be late" not in page
    assert "reminders may be late" in browse(coordinator).get("/participants/MUSC-001/").content.decode()
