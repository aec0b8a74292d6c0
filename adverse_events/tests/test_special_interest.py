"""Of special interest: one of the protocol's list, none of these, or not answered."""

from datetime import timedelta

import pytest

from adverse_events.assessing import assess
from adverse_events.consistency import EventRefused
from adverse_events.models import AdverseEvent
from adverse_events.reporting import complete, report
from adverse_events.sae_reports import prepare
from adverse_events.wording import assessments_in_words
from conftest import NOW
from studytracker.dates import PartialDate

LATER = NOW + timedelta(hours=1)
ANSWERED = {"grade": 2, "causality": "possible", "outcome": "not_recovered"}
LABEL = "Event of special interest"


@pytest.fixture
def event(musc, coordinator, frozen):
    facts = {"term": "Fever", "started": PartialDate(2025, 6), "is_hospitalization": True} | ANSWERED
    return report(participant=musc.screened(), by=coordinator, at=NOW, **facts)


def shown(client):
    page = client.get("/adverse-events/MUSC-001/1/").content.decode()
    return page.partition(f"<dt>{LABEL}</dt><dd>")[2].partition("<")[0].strip()


def test_an_event_is_incomplete_until_somebody_has_answered(event, coordinator, browse, investigator):
    client = browse(coordinator)
    assert (event.open_answers, AdverseEvent.objects.incomplete().count()) == (["special interest"], 1)
    assert "Open: special interest" in browse(investigator).get("/").content.decode()
    assert shown(client) == "Not answered yet"
    answered = client.post("/adverse-events/MUSC-001/1/complete/", {"special_interest": "none"})
    assert answered.status_code == 302
    event = AdverseEvent.objects.get()
    assert (event.special_interest, event.open_answers, AdverseEvent.objects.incomplete().count()) == ("none", [], 0)
    assert shown(client) == "None of these"


def test_the_form_tells_none_of_these_from_not_answered_and_keeps_it_when_refused(event, coordinator, browse):
    client = browse(coordinator)
    page = client.get("/adverse-events/MUSC-001/new/").content.decode()
    asked = page.partition('name="special_interest"')[2].partition("</select>")[0]
    assert '<option value="" selected>Not yet answered</option>' in asked
    assert '<option value="none">None of these</option>' in asked
    refused = client.post("/adverse-events/MUSC-001/new/", {"term": "", "special_interest": "none"})
    assert refused.status_code == 422
    assert '<option value="none" selected>None of these</option>' in refused.content.decode()


def test_the_history_shows_each_answer_with_who_and_why(event, coordinator):
    assess(event=event, by=coordinator, at=LATER, special_interest="none")
    with pytest.raises(EventRefused, match="Say why"):
        assess(event=event, by=coordinator, at=LATER, special_interest="infection")
    assess(event=event, by=coordinator, at=LATER, special_interest="infection", reason="Culture positive")
    told = [(each.changes, each.assessment.reason) for each in assessments_in_words(event)[:2]]
    words = "event of special interest"
    assert told == [
        ([(words, "None of these", "Infection")], "Culture positive"),
        ([(words, "not answered", "None of these")], ""),
    ]


def test_completing_answers_once_and_never_replaces_none_of_these(event, coordinator):
    event = complete(event=event, by=coordinator, at=LATER, special_interest="none")
    assert "special_interest" not in event.completable
    with pytest.raises(EventRefused, match="This was answered already, and what is recorded stays as it is."):
        complete(event=event, by=coordinator, at=LATER, special_interest="infection")


def test_a_code_of_no_list_is_refused(event, coordinator):
    with pytest.raises(EventRefused, match='no term of the vocabulary special_interest "nothing"'):
        assess(event=event, by=coordinator, at=LATER, special_interest="nothing")


@pytest.mark.parametrize(
    ("answer", "words"), [("", "Not answered yet"), ("none", "None of these"), ("infection", "Infection")]
)
def test_the_report_of_a_serious_event_says_which(event, coordinator, answer, words):
    if answer:
        event = assess(event=event, by=coordinator, at=LATER, special_interest=answer)
    assert ["Event", LABEL, words] in prepare(event=event, by=coordinator, at=LATER).facts
