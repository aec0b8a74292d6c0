from datetime import date, time

import pytest
from django.db import IntegrityError, transaction

from adverse_events.models import SERIOUSNESS, AdverseEvent
from adverse_events.reporting import EventRefused, report
from conftest import NOW, staged
from participants.screening import withdraw
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)
JUNE = PartialDate(2025, 6)


@staged
def participant(musc):
    return musc.infused(DAY0)


@staged
def log(participant, coordinator):
    def make(**facts):
        facts = {"term": "Fatigue", "started": PartialDate(2025, 6, 2)} | facts
        return report(participant=participant, by=coordinator, at=NOW, **facts)

    return make


def test_a_term_and_some_onset_are_enough_and_the_rest_shows_as_open(log):
    event = AdverseEvent.objects.get(pk=log(started=PartialDate(2025)).pk)
    assert (str(event.started), event.is_ongoing, event.is_serious) == ("UN-UNK-2025", True, False)
    assert event.open_answers == ["grade", "causality", "outcome", "special interest"]
    assert (event.ctcae_version, event.protocol_version) == ("5.0", "1.0")


def test_events_are_numbered_within_the_participant(log, emory, emory_coordinator):
    assert [log().number, log().number] == [1, 2]
    other = emory.infused(DAY0)
    facts = {"term": "Rash", "started": JUNE, "by": emory_coordinator, "at": NOW}
    assert report(participant=other, **facts).number == 1


@pytest.mark.parametrize("flag", [field for field, label in SERIOUSNESS])
def test_any_one_criterion_makes_the_event_serious(log, flag):
    event = AdverseEvent.objects.get(pk=log(**{flag: True}).pk)
    assert event.is_serious
    assert event.seriousness == [dict(SERIOUSNESS)[flag]]


@pytest.mark.parametrize("grade", [1, 2, 3, 4])
def test_the_grade_alone_never_makes_an_event_serious(log, grade):
    assert AdverseEvent.objects.get(pk=log(grade=grade).pk).is_serious is False


def test_a_mild_event_may_be_serious(log):
    event = AdverseEvent.objects.get(pk=log(grade=2, is_hospitalization=True).pk)
    assert (event.grade, event.is_serious) == (2, True)


@pytest.mark.parametrize(
    ("facts", "field", "sentence"),
    [
        (
            {"started": PartialDate(2025, 6, 19)},
            "started",
            "19-JUN-2025 is in the future: today is Wed 18 Jun 2025 at MUSC.",
        ),
        (
            {"started": PartialDate(2025, 5, 20)},
            "started",
            "20-MAY-2025 is before the consent on Wed 21 May 2025: what began before belongs to the medical history.",
        ),
        (
            {"started": PartialDate(2025, 6, 10), "ended": PartialDate(2025, 6, 9), "is_ongoing": False},
            "ended",
            "The end 09-JUN-2025 is before the onset 10-JUN-2025.",
        ),
        (
            {"ended": PartialDate(2025, 6, 9)},
            "ended",
            "An ongoing event has no end date: remove one of the two.",
        ),
        (
            {"outcome": "recovered"},
            "ended",
            "A resolved event has ended: give the end (as far as known) and untick ongoing.",
        ),
        (
            {"started": PartialDate(2025, 6), "started_time": time(9, 30)},
            "started_time",
            "A time needs the whole date of the onset: give the day, or no time.",
        ),
        (
            {
                "started_time": time(9, 30),
                "ended": PartialDate(2025, 6, 2),
                "ended_time": time(9, 29),
                "is_ongoing": False,
            },
            "ended_time",
            "The end at 09:29 is before the onset at 09:30.",
        ),
        (
            {"dictionary_term": "Hedache"},
            "dictionary_term",
            'The starter list of CTCAE 5.0 has no term "Hedache". Did you mean Headache? '
            "Leave it empty if it is to be coded later.",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(log, facts, field, sentence):
    with pytest.raises(EventRefused) as refusal:
        log(**facts)
    assert (refusal.value.field, refusal.value.sentences) == (field, [sentence])
    assert AdverseEvent.objects.count() == 0


@pytest.mark.parametrize(
    "facts",
    [
        {"started": JUNE},  # may be any day of June, some of them past
        {"started": PartialDate(2025, 5)},  # may be after the consent of 21 May
        {"started": PartialDate(2025, 6, 10), "ended": JUNE, "is_ongoing": False},  # may be later in June
        {"is_fatal": True},  # the rest of a death may follow
        {"is_fatal": True, "grade": 5, "outcome": "fatal"},
        {"grade": 4, "is_life_threatening": False},
        {"grade": 5, "outcome": "recovering"},  # asked on the page, and kept
        {"started_time": time(10, 15), "dictionary_term": "Fatigue"},
    ],
)
def test_what_may_be_is_kept_as_known(log, facts):
    event = AdverseEvent.objects.get(pk=log(**facts).pk)
    assert {name: getattr(event, name) for name in facts} == facts


@pytest.mark.parametrize(
    "wrong",
    [
        {"grade": 6},
        {"grade": 0},
        {"term": ""},
        {"ended": "2025-06-09"},
        {"started": "2025-06", "started_time": time(9)},
        {"ended_time": time(9)},
    ],
)
def test_the_database_refuses_what_must_never_be(log, wrong):
    event = log()
    with pytest.raises(IntegrityError), transaction.atomic():
        AdverseEvent.objects.filter(pk=event.pk).update(**wrong)


def test_an_event_of_a_withdrawn_participant_can_still_be_reported(log, participant, coordinator):
    withdraw(
        participant=participant, withdrawn_on=date(2025, 6, 10), reason="pregnancy", note="", by=coordinator, at=NOW
    )
    assert log(started=PartialDate(2025, 6, 9)).number == 1
