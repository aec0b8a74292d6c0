"""The past of each value is one click away where the value stands, and only where there is a past."""

import re
from datetime import date
from html import unescape

import pytest

from adverse_events.correcting import correct as correct_event
from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import NOW, staged
from participants.correcting import correct_consent, correct_participant
from participants.models import Consent
from studytracker.dates import PartialDate
from studytracker.trust.models import Entry
from studytracker.trust.reach import participant_path, site_path
from studytracker.trust.replaced import replaced
from visits.attendance import attend
from visits.correcting import correct_procedure, correct_visit
from visits.models import Visit
from visits.procedures import of

DAY0 = date(2025, 5, 30)
LINK = re.compile(r'<a class="value-history" href="([^"]+)">')


@staged
def visit(musc, coordinator, frozen):
    row = musc.infused(DAY0).visits.get(code="W2")
    every = {procedure.code: "" for procedure in of(row)} | {"vitals": "Participant refused"}
    facts = {"attended_on": date(2025, 6, 16), "visit_type": "clinic", "procedures": every}
    return attend(visit=row, **facts, by=coordinator, at=NOW)


def links(client, address):
    return [unescape(link) for link in LINK.findall(client.get(address).content.decode())]


def test_nothing_is_marked_where_answers_were_only_given(visit, browse, coordinator):
    client = browse(coordinator)
    assert links(client, "/visits/MUSC-001/W2/") == []
    assert links(client, "/participants/MUSC-001/") == []
    assert not any(replaced([visit]).values())


def test_a_replaced_value_leads_to_its_own_past_and_to_no_other(visit, browse, coordinator):
    correct_visit(visit=visit, visit_type="phone", reason="Called, not seen", by=coordinator, at=NOW)
    correct_visit(visit=Visit.objects.get(pk=visit.pk), note="Noted", reason="Forgotten note", by=coordinator, at=NOW)
    client = browse(coordinator)
    address = f"/audit/visits_visit/{visit.pk}/?field=visit_type"
    assert links(client, "/visits/MUSC-001/W2/") == [address]
    page = client.get(address).content.decode()
    assert "How it took place: each value it had" in page
    assert ("Called, not seen" in page, "Forgotten note" in page, "Attended on" in page) == (True, False, False)
    assert "<td>clinic</td><td>phone</td>" in page


def test_a_procedure_s_past_is_read_at_its_site(visit, browse, coordinator, emory_coordinator):
    row = visit.procedures.get(code="vitals")
    correct_procedure(procedure=row, is_done=True, reason="In the chart", by=coordinator, at=NOW)
    [address] = links(browse(coordinator), "/visits/MUSC-001/W2/")
    assert address == f"/audit/visits_visitprocedure/{row.pk}/?field=finding&field=not_done_reason"
    assert "Participant refused" in browse(coordinator).get(address).content.decode()
    assert browse(emory_coordinator).get(address).status_code == 404
    assert "MUSC-001" in browse(coordinator).get("/audit/?table=visits_visitprocedure").content.decode()


def test_participant_consent_and_event_show_theirs(visit, browse, coordinator):
    participant = visit.participant
    correct_participant(participant=participant, age=42, reason="Read again", by=coordinator, at=NOW)
    correct_consent(consent=Consent.objects.get(), obtained_by="A", reason="Read again", by=coordinator, at=NOW)
    event = report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    correct_event(event=event, started=PartialDate(2025, 6, 2), reason="Read again", by=coordinator, at=NOW)
    client = browse(coordinator)
    assert links(client, "/participants/MUSC-001/") == [
        f"/audit/participants_participant/{participant.pk}/?field=age&field=sex&field=screened_on"
    ]
    [address] = links(client, f"/adverse-events/MUSC-001/{event.number}/")
    assert address.endswith(f"/{AdverseEvent.objects.get().pk}/?field=started&field=started_time")


def test_one_query_tells_it_for_a_whole_page(visit, django_assert_num_queries):
    rows = [visit, *visit.procedures.all()]
    with django_assert_num_queries(1):
        replaced(rows)


@pytest.mark.parametrize(
    ("table", "site", "participant"),
    [
        ("visits_visit", "site", "participant"),
        ("visits_visitprocedure", "visit__site", "visit__participant"),
        ("visits_booking", "visit__site", "visit__participant"),
        ("adverse_events_assessment", "event__site", "event__participant"),
        ("adverse_events_clockchange", "clock__site", "clock__participant"),
        ("participants_day0correction", "infusion__participant__site", "infusion__participant"),
        ("participants_participant", "site", "pk"),
        ("protocol_slot", None, None),
        ("access_membership", "site", None),
        ("access_user", None, None),
    ],
)
def test_a_row_belongs_to_the_site_and_participant_of_what_it_is_a_part_of(table, site, participant):
    assert (site_path(table), participant_path(table)) == (site, participant)


def test_a_site_reads_the_entries_of_the_parts_of_its_rows(visit, coordinator, emory_coordinator):
    found = {
        name: set(Entry.objects.visible_to(name).values_list("table", flat=True))
        for name in (coordinator, emory_coordinator)
    }
    assert "visits_visitprocedure" in found[coordinator]
    assert "visits_visitprocedure" not in found[emory_coordinator]
