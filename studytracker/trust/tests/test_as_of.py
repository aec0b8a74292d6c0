"""The record as it stood: the same pages over rows rebuilt from the trail, readable and not writable."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection

from adverse_events import voiding
from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import NOW
from studytracker.dates import PartialDate
from studytracker.outbox.models import Heartbeat
from studytracker.trust import middleware
from studytracker.trust.acting import acting
from studytracker.trust.as_of import ALIAS, Point, current, point_at, point_when, standing_at
from studytracker.trust.coverage import covered_models
from studytracker.trust.models import Entry
from visits.attendance import attend, miss
from visits.models import Visit

from .rows import everything, last_id

LISTINGS = ["participants", "visits", "adverse-events", "deviations"]


@pytest.fixture
def told(musc, emory, coordinator, frozen, monkeypatch):
    """Two participants and an event; then, an hour later, much is changed."""
    if connection.vendor == "postgresql":  # the server's clock is not frozen
        monkeypatch.setattr(middleware, "point_at", lambda number: point_at(number) and Point(number, NOW))
    Heartbeat.objects.create(job="sweep", at=NOW)  # else today's pages say that nobody sweeps
    participant = musc.infused()
    emory.screened()
    event = report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)

    def changes():
        at = NOW + timedelta(hours=1)
        frozen.move_to(at, tick=False)
        with acting("tests", source="direct", reason="Read again"):
            AdverseEvent.objects.filter(pk=event.pk).update(term="Exanthema", grade=2)
        report(participant=participant, term="Fever", started=PartialDate(2025, 6), by=coordinator, at=at)
        voiding.void(event=event, reason="Typed twice", by=coordinator, at=at)
        attend(
            visit=Visit.objects.get(code="W2", participant=participant),
            attended_on=date(2025, 6, 17),
            by=coordinator,
            at=at,
        )
        miss(visit=Visit.objects.get(code="W1", participant=participant), reason="Illness", by=coordinator, at=at)
        musc.screened()

    return changes


def as_csv(client, address):
    return b"".join(client.get(address).streaming_content)


def seen(client, address):
    """The words of a page, without what belongs to one showing of it."""
    page = client.get(address).content.decode()
    page = re.sub(r'<p class="as-of-band".*?</p>|<form.*?</form>|/as-of/\d+', "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("<main") :]))


def test_each_listing_is_what_it_was_whatever_changed_since(told, browse, coordinator):
    client = browse(coordinator)
    then = {name: as_csv(client, f"/{name}/?format=csv") for name in LISTINGS}
    number = last_id()
    told()
    now = {name: as_csv(client, f"/{name}/?format=csv") for name in LISTINGS}
    past = {name: as_csv(client, f"/as-of/{number}/{name}/?format=csv") for name in LISTINGS}
    assert past == then
    assert all(now[name] != then[name] for name in LISTINGS)


@pytest.mark.parametrize(
    "address", ["/participants/MUSC-001/", "/visits/MUSC-001/W2/", "/adverse-events/MUSC-001/1/", "/visits/"]
)
def test_a_page_reads_as_it_did_then(told, browse, coordinator, address):
    client = browse(coordinator)
    then, number = seen(client, address), last_id()
    told()
    assert seen(client, address) != then
    assert seen(client, f"/as-of/{number}{address}") == then


def test_every_row_is_rebuilt_field_by_field(told, coordinator):
    """The whole database, read through the models: the same from the trail as it was live."""
    then, number = everything(), last_id()
    told()
    assert everything() != then
    point = point_at(number)
    with standing_at(point):
        for model in covered_models():
            fields = [field for field in model._meta.local_concrete_fields if field.column != "password"]
            rows = model._base_manager.using(ALIAS).values_list(*(field.attname for field in fields))
            found = {str(row[fields.index(model._meta.pk)]): row for row in rows}
            live = {
                key: tuple(row[field.column] for field in fields) for key, row in then[model._meta.db_table].items()
            }
            assert found == live, model._meta.label
    assert current() is None


def test_it_is_bannered_and_links_stay_in_the_past_and_nothing_is_saved(told, browse, coordinator):
    number, client = last_id(), browse(coordinator)
    page = client.get(f"/as-of/{number}/participants/MUSC-001/").content.decode()
    assert f"As it stood at entry {number}" in page
    assert f'href="/as-of/{number}/adverse-events/MUSC-001/1/"' in page
    assert 'href="/participants/MUSC-001/"' in page  # the way back
    before = AdverseEvent.objects.count()
    answer = client.post(f"/as-of/{number}/adverse-events/MUSC-001/new/", {"term": "x"})
    assert (answer.status_code, AdverseEvent.objects.count()) == (405, before)
    assert "To be read" not in client.get("/participants/MUSC-001/").content.decode()


def test_another_site_s_past_is_as_hidden_as_its_present_and_rights_are_today_s(
    told, browse, coordinator, emory_coordinator, outsider
):
    number = last_id()
    missing = browse(emory_coordinator).get(f"/as-of/{number}/participants/MUSC-099/")
    other = browse(emory_coordinator).get(f"/as-of/{number}/participants/MUSC-001/")
    assert (missing.status_code, other.status_code) == (404, 404)
    assert browse(outsider).get(f"/as-of/{number}/participants/").status_code == 403
    coordinator.memberships.update(ended_at=NOW)
    assert browse(coordinator).get(f"/as-of/{number}/participants/MUSC-001/").status_code == 403


def test_a_point_is_an_entry_or_an_instant(told, browse, chair, frozen):
    number, client = last_id(), browse(chair)
    told()
    assert client.get(f"/audit/as-of/?entry={number}").url == f"/as-of/{number}/participants/"
    assert client.get("/audit/as-of/?entry=1000000").status_code == 302
    assert client.get("/audit/as-of/?day_day=1&day_month=1&day_year=2020").status_code == 422
    assert "begins later" in client.get("/audit/as-of/?day_day=1&day_month=1&day_year=2020").content.decode()
    assert client.get("/audit/as-of/?entry=x").status_code == 422
    assert client.get("/as-of/0/participants/").status_code == 404
    first = Entry.objects.order_by("id").first()
    assert point_when(NOW - timedelta(days=9999)) is None
    assert point_at(first.id).entry == first.id
