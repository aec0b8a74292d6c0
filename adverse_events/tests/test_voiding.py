"""Voiding an event that was recorded in error: struck through, out of every count, and taken back likewise."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from adverse_events.models import AdverseEvent
from adverse_events.reporting import EventRefused, complete, report
from adverse_events.voiding import VoidingRefused, restore, void
from adverse_events.worklist import items
from conftest import NOW, staged
from studytracker.access.models import User
from studytracker.dates import PartialDate
from studytracker.trust.models import Entry

REASON = "Entered under the wrong participant"


@staged
def event(musc, coordinator, frozen):
    participant = musc.infused(date(2025, 5, 31))
    facts = {"term": "Shingles", "started": PartialDate(2025, 6), "is_hospitalization": True}
    return report(participant=participant, by=coordinator, at=NOW, **facts)


def test_a_voided_event_stays_and_counts_nowhere(event, coordinator, investigator):
    person = User.objects.get(pk=investigator.pk)
    assert [item.group for item in items(person, NOW)] == ["Serious adverse events", "Adverse events to complete"]
    voided = void(event=event, reason=f"  {REASON} ", by=coordinator, at=NOW)
    assert (voided.voided_at, voided.voided_by, voided.voided_reason) == (NOW, coordinator, REASON)
    assert AdverseEvent.objects.count() == 1
    counted = [AdverseEvent.objects.serious(), AdverseEvent.objects.ongoing(), AdverseEvent.objects.incomplete()]
    assert [each.count() for each in counted] == [0, 0, 0]
    assert list(items(person, NOW)) == []
    assert (voided.open_answers, voided.completable) == ([], [])


def test_a_restored_event_counts_again_and_the_trail_keeps_both_reasons(event, coordinator):
    void(event=event, reason=REASON, by=coordinator, at=NOW)
    restored = restore(event=event, reason="It was the right participant", by=coordinator, at=NOW)
    assert (restored.voided_at, restored.voided_by, restored.voided_reason) == (None, None, "")
    assert AdverseEvent.objects.serious().count() == 1
    told = Entry.objects.filter(table="adverse_events_adverseevent", op="U").order_by("id")
    assert [entry.reason for entry in told] == [REASON, "It was the right participant"]


@pytest.mark.parametrize("reason", ["", "   ", "oops", " a  b "])
def test_a_reason_is_needed(event, coordinator, reason):
    for act in (void, restore):
        with pytest.raises(VoidingRefused, match="Say why, in a few words"):
            act(event=event, reason=reason, by=coordinator, at=NOW)


def test_twice_is_refused_and_a_voided_event_is_not_completed(event, coordinator):
    with pytest.raises(VoidingRefused, match="MUSC-001 AE 1 is not voided"):
        restore(event=event, reason=REASON, by=coordinator, at=NOW)
    void(event=event, reason=REASON, by=coordinator, at=NOW)
    with pytest.raises(VoidingRefused, match="is voided already"):
        void(event=event, reason=REASON, by=coordinator, at=NOW)
    with pytest.raises(EventRefused):
        complete(event=event, by=coordinator, at=NOW, grade=2)


def test_the_database_refuses_to_delete_an_event_or_to_void_it_without_a_reason(event, coordinator):
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        AdverseEvent.objects.all()._raw_delete("default")  # past the ORM, which would refuse first
    with pytest.raises(IntegrityError), transaction.atomic():
        AdverseEvent.objects.update(voided_at=NOW, voided_by=coordinator)
    assert AdverseEvent.objects.count() == 1


def test_the_pages_ask_for_the_reason_and_show_it_struck_through(event, browse, coordinator):
    client = browse(coordinator)
    refused = client.post("/adverse-events/MUSC-001/1/void/", {"reason": " "})
    assert refused.status_code == 422
    assert "Say why, in a few words" in refused.content.decode()
    assert client.post("/adverse-events/MUSC-001/1/void/", {"reason": REASON}).status_code == 302
    page = client.get("/adverse-events/MUSC-001/1/").content.decode()
    assert f"by crc.musc: {REASON}. It counts nowhere." in page
    assert '<p class="lede voided">' in page
    assert '<tr class="voided' in client.get("/adverse-events/").content.decode()
    assert f"Voided: {REASON}" in client.get("/participants/MUSC-001/").content.decode()
    assert "/restore/" in page
    assert client.post("/adverse-events/MUSC-001/1/restore/", {"reason": "It was right"}).status_code == 302
    assert '<p class="lede voided">' not in client.get("/adverse-events/MUSC-001/1/").content.decode()
