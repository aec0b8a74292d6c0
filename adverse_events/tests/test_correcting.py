from datetime import date, time, timedelta

import pytest

from adverse_events.assessing import regrade
from adverse_events.consistency import EventRefused
from adverse_events.correcting import correct
from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from adverse_events.tests.test_event_form import Filled
from adverse_events.voiding import void
from conftest import NOW, staged
from studytracker.dates import PartialDate
from studytracker.trust.models import Entry

DAY0 = date(2025, 5, 31)
LATER = NOW + timedelta(hours=3)
REASON = "Misread the note"


@staged
def event(musc, coordinator):
    facts = {"term": "Fatigue", "started": PartialDate(2025, 6, 2), "grade": 2}
    return report(participant=musc.infused(DAY0), by=coordinator, at=NOW, **facts)


def test_replacing_what_was_recorded_needs_a_reason(event, coordinator):
    with pytest.raises(EventRefused) as refusal:
        correct(event=event, by=coordinator, at=LATER, term="Malaise", started=PartialDate(2025, 6))
    assert refusal.value.field == "reason"
    assert refusal.value.sentences == ["Say why: what was recorded is replaced (reported term, onset)."]
    correct(event=event, by=coordinator, at=LATER, term="Malaise", reason=REASON)
    assert AdverseEvent.objects.get().term == "Malaise"
    entry = Entry.objects.filter(table="adverse_events_adverseevent", op="U").order_by("id").last()
    assert entry.reason == REASON


def test_what_was_open_is_filled_in_without_a_reason(event, coordinator):
    facts = {"dictionary_term": "fatigue", "started_time": time(8, 30), "is_treated": False}
    event = correct(event=event, by=coordinator, at=LATER, **facts)
    assert (event.dictionary_term, event.started_time, event.is_treated) == ("Fatigue", time(8, 30), False)
    assert event.assessments.count() == 1


def test_a_corrected_judgement_is_an_assessment(event, coordinator):
    correct(event=event, by=coordinator, at=LATER, is_hospitalization=True, causality="possible")
    event = correct(event=event, by=coordinator, at=LATER, is_hospitalization=False, reason=REASON)
    assert [(row.is_serious, row.reason) for row in event.assessments.all()] == [
        (False, ""),
        (True, ""),
        (False, REASON),
    ]
    assert event.is_serious is False


def test_a_corrected_onset_moves_the_first_grade_and_no_other(event, coordinator):
    regrade(event=event, grade=3, since=PartialDate(2025, 6, 8), by=coordinator, at=LATER)
    event = correct(event=event, by=coordinator, at=LATER, started=PartialDate(2025, 6, 5), reason=REASON)
    assert [(row.grade, str(row.since), row.withdrawn_reason) for row in event.grade_episodes.all()] == [
        (2, "02-JUN-2025", REASON),
        (2, "05-JUN-2025", ""),
        (3, "08-JUN-2025", ""),
    ]


def test_nobody_overwrites_what_they_have_not_seen(event, browse, coordinator, frozen):
    client = browse(coordinator)
    page = client.get("/adverse-events/MUSC-001/1/correct/").content.decode()
    typed = Filled(page).sent | {"note": "Asked at home"}
    correct(event=event, by=coordinator, at=NOW, note="Called the ward")
    response = client.post("/adverse-events/MUSC-001/1/correct/", typed)
    assert response.status_code == 409
    assert "Asked at home" in response.content.decode()
    assert AdverseEvent.objects.get().note == "Called the ward"


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "Nothing was changed, so nothing was saved."),
        ({"started": PartialDate(2025, 6, 19), "reason": REASON}, "19-JUN-2025 is in the future"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(event, coordinator, facts, sentence):
    with pytest.raises(EventRefused, match=sentence):
        correct(event=event, by=coordinator, at=NOW, **facts)


def test_a_voided_event_is_not_corrected(event, coordinator):
    void(event=event, reason=REASON, by=coordinator, at=NOW)
    with pytest.raises(EventRefused, match="is voided: restore it before it is corrected"):
        correct(event=event, by=coordinator, at=NOW, note="x")
