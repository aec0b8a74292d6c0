from datetime import date, timedelta

import pytest

from adverse_events.doubts import Doubtful, doubts, open_doubts
from adverse_events.models import AdverseEvent
from adverse_events.reporting import complete, report
from conftest import NOW, staged
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)
ENDED = {"ended": PartialDate(2025, 6, 4), "is_ongoing": False}


@staged
def participant(musc):
    return musc.infused(DAY0)


@staged
def log(participant, coordinator):
    def make(**facts):
        facts = {"term": "Fatigue", "started": PartialDate(2025, 6, 2)} | facts
        return report(participant=participant, by=coordinator, at=NOW, **facts)

    return make


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"grade": 5}, "grade_5_without_death"),
        ({"outcome": "fatal", **ENDED}, "fatal_without_death"),
        ({"is_fatal": True, "grade": 4, "is_life_threatening": True}, "death_without_grade_5"),
        ({"is_fatal": True, "outcome": "recovering"}, "death_without_fatal"),
        ({"is_fatal": True, "grade": 5, "outcome": "fatal"}, "fatal_and_ongoing"),
        ({"grade": 4}, "grade_4_without_threat"),
        ({"outcome": "not_recovered", **ENDED}, "ended_unrecovered"),
        ({"is_treated": False, "treatment": "Ibuprofen"}, "untreated_treatment"),
        (
            {"aware_at": NOW - timedelta(hours=1), "sponsor_received_at": NOW - timedelta(hours=2)},
            "sponsor_first",
        ),
    ],
)
def test_what_may_be_is_asked_once_and_kept_when_confirmed(log, facts, code):
    with pytest.raises(Doubtful) as asked:
        log(confirmed=False, **facts)
    assert [doubt.code for doubt in asked.value.doubts] == [code]
    assert AdverseEvent.objects.count() == 0
    event = log(confirmed=True, **facts)
    assert [each.code for each in event.confirmations.all()] == [code]
    assert open_doubts(event) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"grade": 3, "is_hospitalization": True},
        {"grade": 4, "is_life_threatening": True},
        {"is_fatal": True, "grade": 5, "outcome": "fatal", **ENDED},
        {"outcome": "recovered", **ENDED},
        {"outcome": "not_recovered"},
        {"is_treated": True, "treatment": "Ibuprofen"},
    ],
)
def test_what_agrees_is_not_asked(log, facts):
    assert log(confirmed=False, **facts).confirmations.count() == 0


def test_a_doubt_nobody_was_asked_about_stays_open(log):
    assert [doubt.code for doubt in open_doubts(log(grade=5))] == ["grade_5_without_death"]


def test_the_same_thing_twice_is_asked(log):
    log()
    with pytest.raises(Doubtful, match="AE 1 has the same term at the same time. Is this another event?"):
        log(term="FATIGUE", started=PartialDate(2025, 6), confirmed=False)
    log(term="Fatigue", started=PartialDate(2025, 5, 22), **ENDED | {"ended": PartialDate(2025, 5, 30)})
    assert log(term="Headache", confirmed=False).number == 3


def test_a_second_death_is_asked(log):
    fatal = {"is_fatal": True, "grade": 5, "outcome": "fatal", **ENDED}
    log(**fatal)
    assert [doubt.code for doubt in doubts(log(term="Sepsis", **fatal))] == ["second_death"]


def test_completing_an_event_asks_too(log, coordinator):
    event = log(grade=5)
    with pytest.raises(Doubtful):
        complete(event=event, by=coordinator, at=NOW, confirmed=False, causality="possible")
    complete(event=event, by=coordinator, at=NOW, confirmed=False, is_fatal=True)
    assert open_doubts(AdverseEvent.objects.get()) == []


def test_the_page_asks_keeps_what_was_typed_and_shows_who_confirmed(participant, browse, coordinator, frozen):
    client = browse(coordinator)
    typed = {"term": "Sepsis", "started_year": "2025", "is_ongoing": "on", "grade": "5"}
    asked = client.post("/adverse-events/MUSC-001/new/", typed)
    assert (asked.status_code, AdverseEvent.objects.count()) == (422, 0)
    question = "Grade 5 is death, and the criterion death is not ticked. Is this so?"
    page = asked.content.decode()
    assert (question in page, 'value="Sepsis"' in page, 'name="confirmed"' in page) == (True, True, True)
    assert client.post("/adverse-events/MUSC-001/new/", typed | {"confirmed": "on"}).status_code == 302
    page = client.get("/adverse-events/MUSC-001/1/").content.decode()
    assert f"{question} Confirmed 18 Jun 2025 11:00 EDT by crc.musc." in page
    assert "Looks contradictory" not in page


def test_what_nobody_was_asked_about_is_shown_as_a_contradiction(log, browse, coordinator, frozen):
    log(grade=5)
    page = browse(coordinator).get("/adverse-events/MUSC-001/1/").content.decode()
    assert "Looks contradictory, and nobody has confirmed it yet:" in page
