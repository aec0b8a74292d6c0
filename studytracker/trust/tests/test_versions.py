"""A row is saved only over the version that was read, and what was answered is replaced only with a reason."""

import pytest
from django.apps import apps
from django.db import models, transaction

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import NOW, staged
from studytracker.dates import PartialDate
from studytracker.trust.acting import because
from studytracker.trust.models import Entry
from studytracker.trust.past import Past
from studytracker.trust.versions import Overtaken, ReasonNeeded, Versioned, VersionedQuerySet, claim

from .rows import last_id

# What a person edits after it was saved. Other clinical rows are only added, computed, or recorded once and voided.
EDITED = {
    *("participants.Participant", "participants.Consent", "participants.CriterionAnswer", "participants.Infusion"),
    *("participants.Hold", "visits.Visit", "visits.VisitProcedure", "visits.Booking", "visits.Deviation"),
    "adverse_events.AdverseEvent",
}


@staged
def event(musc, coordinator):
    return report(participant=musc.infused(), term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)


def again(row):
    return type(row).objects.get(pk=row.pk)


def test_of_two_who_read_the_same_row_the_second_saves_nothing(event):
    one, two = again(event), again(event)
    one.note = "first"
    one.save()
    two.outcome = "recovering"
    with pytest.raises(Overtaken), transaction.atomic():
        two.save(update_fields=["outcome"])
    assert (again(event).note, again(event).outcome, again(event).version) == ("first", "", 2)


def test_without_the_version_the_second_would_win_unseen(event):
    """The negative control: what Django's own save does."""
    one, two = again(event), again(event)
    one.note = "first"
    one.save()
    two.note = "second"
    two.version = 2
    models.Model.save(two)
    assert again(event).note == "second"


def test_a_save_that_changes_nothing_makes_no_version_and_no_entry(event):
    since, row = last_id(), again(event)
    row.save()
    row.save(update_fields=["note"])
    event.save()
    assert (row.version, again(event).version, last_id()) == (1, 1, since)


def test_one_object_saves_again_and_again(event):
    for note in ("a", "b", "b", ""):
        with because("Test"):
            event.note = note
            event.save()
    event.refresh_from_db()
    event.outcome = "recovered"
    event.save()
    assert again(event).version == event.version == 5


def test_changes_of_many_rows_at_once_count_as_versions(event):
    AdverseEvent.objects.filter(pk=event.pk).update(note="x")
    event.refresh_from_db()
    event.note = "y"
    AdverseEvent.objects.bulk_update([event], ["note"])
    assert (again(event).note, again(event).version) == ("y", 3)


def test_a_row_is_held_only_at_the_version_that_was_opened(event):
    since = last_id()
    claim(event, 1)
    with pytest.raises(Overtaken):
        claim(event, 2)
    assert last_id() == since


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"term": "Exanthema"}, True),
        ({"started": PartialDate(2025)}, True),
        ({"grade": 2}, False),
        ({"note": "Seen"}, False),
        ({"is_ongoing": False}, False),
        ({"is_fatal": True}, False),
        ({"completed_at": NOW}, False),
    ],
)
def test_a_first_answer_needs_no_reason_and_another_one_does(event, coordinator, change, replaces):
    event.completed_by = coordinator if "completed_at" in change else None
    for name, value in change.items():
        setattr(event, name, value)
    if replaces:
        with pytest.raises(ReasonNeeded, match="Say why: what was recorded"), transaction.atomic():
            event.save()
        assert again(event).version == 1
    with because("Read again" if replaces else ""):
        event.save()
    entry = Entry.objects.filter(table="adverse_events_adverseevent").first()
    assert entry.reason == ("Read again" if replaces else "")


def test_what_a_row_was_is_rebuilt_from_its_entries(event):
    for note in ("one", "two"):
        with because("Test"):
            event.note = note
            event.save()
    past = Past.of(event)
    assert [past.at_version(version).get("note") for version in (0, 1, 2, 3)] == [None, "", "one", "two"]
    assert [step.values["note"] for step in past.changes_after(1)] == ["one", "two"]


def test_each_row_that_is_edited_has_a_version_that_counts():
    versioned = {model._meta.label for model in apps.get_models() if issubclass(model, Versioned)}
    assert versioned >= EDITED
    assert [label for label in versioned if not _counts(apps.get_model(label))] == []


def _counts(model):
    return issubclass(type(model._default_manager.all()), VersionedQuerySet)
