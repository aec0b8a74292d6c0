"""What an event is related to besides the cells: each answered for itself, by the investigator."""

from datetime import timedelta
from pathlib import Path

import pytest

from adverse_events.assessing import assess
from adverse_events.consistency import EventRefused
from adverse_events.correcting import correct
from adverse_events.narrative import compose
from adverse_events.reporting import complete, report
from adverse_events.sae_reports import prepare
from adverse_events.wording import judges_in_words
from conftest import NOW, staged
from studytracker.dates import PartialDate

LATER = NOW + timedelta(hours=1)


@staged
def event(musc, coordinator):
    facts = {"term": "Fever", "started": PartialDate(2025, 6), "is_hospitalization": True}
    return report(participant=musc.screened(), by=coordinator, at=NOW, **facts)


def related(event):
    return {row.question.removeprefix("Related to: "): row.investigator for row in judges_in_words(event)[8:12]}


def test_each_is_asked_for_itself_and_shown_as_not_answered(event):
    assert related(event) == {"Infusion procedure": "", "Underlying SLE": "", "Background medicine": "", "Other": ""}
    assert "Also related to: nothing else on record." in compose(event)


def test_answers_are_kept_beside_the_causality_in_the_assessments_and_the_report(event, coordinator):
    facts = {"is_related_to_disease": True, "is_related_to_infusion": False, "causality": "unlikely"}
    facts |= {"is_related_to_other": True, "related_to_text": "Influenza in the household"}
    event = assess(event=event, by=coordinator, at=LATER, **facts)
    assert related(event) == {
        "Infusion procedure": "No",
        "Underlying SLE": "Yes",
        "Background medicine": "",
        "Other": "Yes (Influenza in the household)",
    }
    assert event.assessments.last().changed_fields == [
        "causality",
        *("is_related_to_infusion", "is_related_to_disease", "is_related_to_other", "related_to_text"),
    ]
    made = prepare(event=event, by=coordinator, at=LATER)
    assert "Also related to: Underlying SLE, Other." in made.narrative
    assert ["Judgement", "Related to: Infusion procedure: investigator", "No"] in made.facts


def test_something_else_is_named_where_it_was_answered_with_yes(event, coordinator):
    with pytest.raises(EventRefused, match="Something else is named that it is related to: answer yes there"):
        assess(event=event, by=coordinator, at=LATER, related_to_text="Influenza")


@pytest.mark.parametrize("name", ["is_suspected", "is_related_to_disease"])
def test_no_is_an_answer_that_completing_saves_and_never_replaces(event, coordinator, name):
    event = complete(event=event, by=coordinator, at=LATER, **{name: False})
    assert (getattr(event, name), name in event.completable) == (False, False)
    with pytest.raises(EventRefused, match="This was answered already, and what is recorded stays as it is."):
        complete(event=event, by=coordinator, at=LATER, **{name: True})


@pytest.mark.parametrize("act", [assess, correct])
def test_replacing_a_no_needs_a_reason(event, coordinator, act):
    event = assess(event=event, by=coordinator, at=LATER, is_suspected=False)
    with pytest.raises(EventRefused, match="Say why"):
        act(event=event, by=coordinator, at=LATER, is_suspected=True)
    event = act(event=event, by=coordinator, at=LATER, is_suspected=True, reason="Rechallenged elsewhere")
    assert event.is_suspected


def test_the_form_asks_what_the_protocol_names_and_no_more(event, browse, coordinator, settings, tmp_path, frozen):
    text = Path(settings.PROTOCOL_FILE).read_text()
    gone = '[[vocabulary.term]]\ncode = "infusion"\nlabel = "Infusion procedure"\n'
    assert gone in text
    settings.PROTOCOL_FILE = str(tmp_path / "1.0.toml")
    (tmp_path / "1.0.toml").write_text(text.replace(gone, ""))
    page = browse(coordinator).get("/adverse-events/MUSC-001/new/").content.decode()
    asked = [name for name in ("infusion", "disease", "medicine", "other") if f'name="is_related_to_{name}"' in page]
    assert asked == ["disease", "medicine", "other"]
