"""Source verification: a mark stands until the value changes, by whatever way it was written."""

import re

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from adverse_events.models import AdverseEvent
from adverse_events.voiding import void as void_event
from conftest import NOW, TODAY, staged
from participants.facts import void
from participants.monitoring import records
from participants.monitoring.models import Verification
from participants.monitoring.verifying import ChangedMeanwhile, VerifyRefused, last_entry, of_record, progress, verify
from studytracker.access.grants import GRANTS, Permission, Role
from studytracker.trust.acting import because
from studytracker.trust.models import Entry


@staged
def marked(about, monitor):
    [mark] = verify(record=about(), columns=["grade"], seen=last_entry(about()), by=monitor, at=NOW)
    return mark


def stands(about, column="grade"):
    mark = of_record(about()).get(column)
    return mark and mark.stands


def test_a_mark_stands_while_nothing_changes(marked, about, event):
    assert (marked.value, stands(about)) == ("2", True)
    event.save()
    assert stands(about)


def by_save(event):
    with because("The note says so"):
        event.grade = 3
        event.save()


def by_update(event):
    AdverseEvent.objects.filter(pk=event.pk).update(grade=3)


def by_bulk_update(event):
    event.grade = 3
    AdverseEvent.objects.bulk_update([event], ["grade"])


def by_hand(event):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE adverse_events_adverseevent SET grade = 3 WHERE id = %s", [event.pk])


@pytest.mark.parametrize("way", [by_save, by_update, by_bulk_update, by_hand], ids=lambda way: way.__name__)
def test_it_is_void_from_the_transaction_that_changes_the_value_by_every_way(marked, about, event, way):
    with transaction.atomic():
        way(event)
        assert not stands(about)
    assert not stands(about)
    assert "tests changed the value" in of_record(about())["grade"].words


def test_a_change_that_is_rolled_back_voids_nothing(marked, about, event):
    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        by_update(event)
        assert not stands(about)
        raise Undone
    assert stands(about)


def test_a_value_put_back_stays_unverified(marked, about, event):
    by_update(event)
    AdverseEvent.objects.filter(pk=event.pk).update(grade=2)
    assert not stands(about)


def test_a_change_of_another_value_voids_nothing(marked, about, event):
    AdverseEvent.objects.filter(pk=event.pk).update(note="Seen by the nurse")
    assert stands(about)


def test_it_is_compared_again_after_a_change(marked, about, event, monitor):
    by_update(event)
    [again] = verify(record=about(), columns=["grade"], seen=last_entry(about()), by=monitor, at=NOW)
    assert (again.value, stands(about), Verification.objects.count()) == ("3", True, 2)


def test_every_source_field_of_every_kind_of_record_at_hand_voids_its_mark(participant, event, about, monitor):
    """Each field in turn, through the database itself, with the negative control that the others keep theirs."""
    record = about()
    verify(record=record, columns=record.due, seen=last_entry(record), by=monitor, at=NOW)
    assert len(record.due) > 8
    for column in record.due:
        with transaction.atomic():
            _disturb(record, column)
            fallen = {name for name, mark in of_record(about()).items() if not mark.stands}
            transaction.set_rollback(True)
        assert fallen >= {column} and fallen <= {column, "is_serious"}, column


def _disturb(record, column):
    held = getattr(record.row, column)
    other = {bool: not held, int: 5}.get(type(held), "2025-05" if column == "started" else "other")
    others = {"is_ongoing": {"is_ongoing": False}, "causality": {"causality": "possible"}}
    changes = others.get(column, {column: other})
    names = ", ".join(f"{name} = %s" for name in changes)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {record.table} SET {names} WHERE id = %s", [*changes.values(), record.row.pk])


def test_what_changed_after_it_was_shown_is_not_marked(about, event, monitor):
    seen = last_entry(about())
    by_update(event)
    with pytest.raises(ChangedMeanwhile, match="meanwhile somebody changed CTCAE grade"):
        verify(record=about(), columns=["grade", "term"], seen=seen, by=monitor, at=NOW)
    assert Verification.objects.count() == 0
    assert len(verify(record=about(), columns=["term"], seen=seen, by=monitor, at=NOW)) == 1


def test_a_record_read_before_a_change_is_not_marked_after_it(about, event, monitor):
    """As when somebody saves between the reading of the row and the mark."""
    seen, before = last_entry(about()), about()
    by_update(event)
    with pytest.raises(ChangedMeanwhile):
        verify(record=before, columns=["grade"], seen=seen, by=monitor, at=NOW)


@pytest.mark.parametrize("column", ["outcome", "site_id", "reported_at", "version", "nonsense"])
def test_an_empty_computed_or_unknown_value_has_no_source(about, monitor, column):
    with pytest.raises(VerifyRefused, match="has no source, or is empty now"):
        verify(record=about(), columns=[column], seen=last_entry(about()), by=monitor, at=NOW)


def test_a_value_is_marked_once(marked, about, monitor):
    assert verify(record=about(), columns=["grade"], seen=last_entry(about()), by=monitor, at=NOW) == []
    facts = {name: getattr(marked, name) for name in ("participant", "table", "row_id", "column", "entry_number")}
    with pytest.raises(IntegrityError), transaction.atomic():
        Verification.objects.create(**facts, site_id="MUSC", value="2", verified_at=NOW, verified_by=monitor)


def test_a_mark_is_taken_back_with_a_reason_and_stays_readable(marked, about, monitor):
    void(fact=marked, reason="The wrong chart", by=monitor, at=NOW)
    assert (stands(about), of_record(about())["grade"].words) == (False, "taken back: The wrong chart")
    assert Entry.objects.filter(table="monitoring_verification", op="U").get().reason == "The wrong chart"


def test_progress_counts_what_is_due_and_what_of_it_stands(marked, participant, event, about, coordinator):
    before = progress([participant])[participant.pk]
    assert before.verified == 1
    by_update(event)
    assert progress([participant])[participant.pk] == before._replace(verified=0)
    void_event(event=event, reason="Entered twice by mistake", by=coordinator, at=NOW)
    assert progress([participant])[participant.pk].due < before.due - 8
    assert about().due == []


# Pages


def test_the_monitor_marks_on_the_page_of_the_record(event, browse, monitor, coordinator):
    address = reverse("record", args=[event._meta.db_table, event.pk])
    client = browse(monitor)
    page = client.get(address).content.decode()
    seen = re.search(r'name="seen" value="(\d+)"', page)[1]
    assert 'name="columns" value="grade"' in page
    sent = {"columns": ["grade", "term"], "seen": seen, "form_key": "v1"}
    for _ in range(2):
        assert client.post(f"{address}verify/", sent).status_code == 302
    assert sorted(Verification.objects.values_list("column", flat=True)) == ["grade", "term"]
    page = client.get(address).content.decode()
    assert page.count("✓ verified by monitor") == 2
    by_update(event)
    page = client.get(address).content.decode()
    assert "✕ no longer: tests changed the value" in page
    assert 'type="checkbox"' not in browse(coordinator).get(address).content.decode()


def test_the_page_answers_409_and_keeps_the_ticks_when_a_value_changed_meanwhile(event, about, browse, monitor):
    address = reverse("record", args=[event._meta.db_table, event.pk])
    seen = last_entry(about())
    by_update(event)
    page = browse(monitor).post(f"{address}verify/", {"columns": ["grade"], "seen": seen})
    text = page.content.decode()
    assert (page.status_code, "meanwhile somebody changed CTCAE grade" in text) == (409, True)
    assert re.search(r'value="grade" id="column-grade" checked', text)
    assert f'name="seen" value="{last_entry(about())}"' in text


@pytest.mark.parametrize("sent", [{}, {"seen": "x", "columns": ["grade"]}, {"seen": "1", "columns": ["nonsense"]}])
def test_bad_input_gets_a_sentence(event, browse, monitor, sent):
    address = reverse("record", args=[event._meta.db_table, event.pk])
    page = browse(monitor).post(f"{address}verify/", sent)
    assert (page.status_code, 'role="alert"' in page.content.decode()) == (422, True)


def test_only_a_monitor_of_the_site_marks(event, browse, person, coordinator, emory_coordinator, chair):
    address = f"{reverse('record', args=[event._meta.db_table, event.pk])}verify/"
    stranger = person("monitor.emory", "monitor", "EMORY")
    answers = [
        browse(each).post(address, {}).status_code for each in (coordinator, chair, emory_coordinator, stranger)
    ]
    assert answers == [403, 403, 404, 404]
    assert Verification.objects.count() == 0


def test_a_mark_is_taken_back_on_its_page(marked, browse, monitor):
    address = reverse("take_back_verification", args=[marked.pk])
    assert browse(monitor).post(address, {"reason": ""}).status_code == 422
    assert browse(monitor).post(address, {"reason": "The wrong chart"}).status_code == 302
    marked.refresh_from_db()
    assert (marked.voided_by, marked.voided_reason) == (monitor, "The wrong chart")


def test_the_pages_of_progress_say_how_far_it_is(marked, participant, browse, coordinator):
    total = progress([participant])[participant.pk].due
    client = browse(coordinator)
    assert f"1 of {total}" in client.get(reverse("verification")).content.decode()
    page = client.get(reverse("verification_of", args=["MUSC-001"])).content.decode()
    assert f"1 of {total}" in page
    assert re.search(r">MUSC-001 AE 1</a></th><td><progress value=\"1\" max=\"\d+\"", page)


def test_the_monitor_writes_nothing_but_queries_and_marks():
    reads = {Permission.SEE, Permission.AUDIT}
    assert GRANTS[Role.MONITOR] - reads == {Permission.ASK, Permission.VERIFY}


@pytest.mark.parametrize("many", [1, 6])
def test_progress_takes_the_same_queries_however_many_participants(
    musc, monitor, browse, frozen, many, django_assert_max_num_queries
):
    for _ in range(many):
        record = records.reach(monitor, "participants_participant", musc.infused(TODAY).pk)
        verify(record=record, columns=["age"], seen=last_entry(record), by=monitor, at=NOW)
    client = browse(monitor)
    client.get("/")
    with django_assert_max_num_queries(33):
        assert client.get(reverse("verification")).status_code == 200
