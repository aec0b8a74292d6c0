import io
from datetime import date, time, timedelta

import pytest
from pypdf import PdfReader

from adverse_events.assessing import assess, regrade
from adverse_events.models import SPONSOR, SaeReport
from adverse_events.narrative import compose
from adverse_events.reporting import report
from adverse_events.sae_reports import (
    KIND,
    ReportRefused,
    attach,
    edit_narrative,
    prepare,
    renew,
    side_by_side,
    with_news,
)
from adverse_events.voiding import void
from conftest import NOW, staged
from studytracker.access.passwords import Reauthenticated
from studytracker.dates import PartialDate
from studytracker.trust.models import Signature
from studytracker.trust.signatures import SigningRefused, sign, standing
from studytracker.trust.subjects import UnknownSubject

DAY0 = date(2025, 5, 31)
LATER = NOW + timedelta(hours=3)
MEANING = "I have reviewed this report, and I confirm the seriousness, the grade and the causality in it."
PASSWORD = "a password for this test"
WHOLE = {"is_suspected": False, "causality": "unlikely", "aware_at": NOW - timedelta(hours=2)}


@staged
def event(musc, coordinator):
    facts = {"term": "Shingles, left T6", "started": PartialDate(2025, 6), "grade": 3, "is_hospitalization": True}
    return report(participant=musc.infused(DAY0), by=coordinator, at=NOW, **facts | WHOLE)


def signed(made, by):
    subject = standing(KIND, made.key)
    answered = Reauthenticated(user_id=by.pk, at=LATER)
    return sign(
        kind=KIND,
        key=made.key,
        displayed_hash=subject.sha256,
        meaning=MEANING,
        comment="",
        answered=answered,
        by=by,
        at=LATER,
    )


def test_the_initial_report_is_composed_from_the_record(event, coordinator):
    made = prepare(event=event, by=coordinator, at=NOW)
    facts = {(section, name): value for section, name, value in made.facts}
    assert (made.number, made.title) == (1, "initial report")
    assert facts["Event", "Onset"] == "UN-JUN-2025"
    assert facts["Judgement", "Serious"] == "Yes"
    assert "Participant MUSC-001, aged 41 at screening, sex F, 72.4 kg at the infusion." in made.narrative
    assert "reported as “Shingles, left T6”. Onset UN-JUN-2025; treatment-emergent: yes." in made.narrative
    assert "Seriousness: inpatient hospitalization or prolongation of it." in made.narrative
    assert "Rechallenge: not applicable, single infusion." in made.narrative


def test_an_event_that_is_not_serious_is_upgraded_and_reported_without_retyping(musc, coordinator):
    facts = {"term": "Rash", "started": PartialDate(2025, 6, 2), "started_time": time(9, 30), "grade": 2}
    event = report(participant=musc.infused(DAY0), by=coordinator, at=NOW, **facts)
    with pytest.raises(ReportRefused, match="The event is not serious"):
        prepare(event=event, by=coordinator, at=NOW)
    event = assess(event=event, by=coordinator, at=LATER, is_hospitalization=True)
    assert (
        "Onset 02-JUN-2025 09:30, protocol day 2 (infusion = Day 0)"
        in prepare(event=event, by=coordinator, at=LATER).narrative
    )


def test_a_signed_report_stays_as_it_is_and_a_follow_up_marks_what_is_new(event, coordinator, investigator, chair):
    first = prepare(event=event, by=coordinator, at=NOW)
    with pytest.raises(ReportRefused, match="The initial report is not signed yet"):
        prepare(event=event, by=coordinator, at=NOW)
    signed(first, investigator)
    for act, given in (
        (edit_narrative, {"narrative": "x"}),
        (renew, {}),
        (attach, {"title": "CT", "place": "Binder"}),
    ):
        with pytest.raises(ReportRefused, match="is signed and stays as it is"):
            act(report=first, by=coordinator, at=LATER, **given)
    regrade(event=event, grade=4, since=PartialDate(2025, 6, 17), by=coordinator, at=LATER)
    assess(event=event, by=chair, at=LATER, party=SPONSOR, expectedness="unexpected")
    second = prepare(event=event, by=coordinator, at=LATER)
    assert (second.number, second.title) == (2, "follow-up 1")
    new = {fact["label"]: fact["value"] for fact in with_news(second) if fact["is_new"]}
    assert new == {"CTCAE grade": "4", "Expected: sponsor": "Unexpected"}
    assert standing(KIND, first.key).is_signed
    [expected] = [row for row in side_by_side(with_news(second)) if row["question"] == "Expected"]
    assert (expected["investigator"]["value"], expected["sponsor"]["value"]) == ("–", "Unexpected")
    assert side_by_side(with_news(second))[0]["both"]["value"] == "Yes"


def test_a_change_of_a_signed_report_by_any_way_makes_the_signature_stale(event, coordinator, investigator):
    made = prepare(event=event, by=coordinator, at=NOW)
    signed(made, investigator)
    SaeReport.objects.filter(pk=made.pk).update(narrative="Another story")
    assert not standing(KIND, made.key).is_signed


def test_a_downgraded_event_closes_its_chain_with_its_trace(event, coordinator, investigator):
    signed(prepare(event=event, by=coordinator, at=NOW), investigator)
    event = assess(
        event=event, by=investigator, at=LATER, is_hospitalization=False, reason="Observed for 4 hours only"
    )
    last = prepare(event=event, by=coordinator, at=LATER)
    assert (last.number, last.is_serious) == (2, False)
    new = {fact["label"]: fact["value"] for fact in with_news(last) if fact["is_new"]}
    assert new == {"Serious": "No", "Inpatient hospitalization or prolongation of it: investigator": "–"}
    assert [row.is_serious for row in event.assessments.all()] == [True, False]


def test_what_is_missing_keeps_a_report_from_being_signed(musc, coordinator, browse, investigator, frozen):
    facts = {"term": "Rash", "started": PartialDate(2025, 6), "is_hospitalization": True}
    event = report(participant=musc.infused(DAY0), by=coordinator, at=NOW, **facts)
    made = prepare(event=event, by=coordinator, at=NOW)
    page = browse(investigator).get(made.get_absolute_url()).content.decode()
    assert "It cannot be signed yet: the causality, the reasonable possibility, when the site became aware are" in page
    assert 'id="sign"' not in page
    with pytest.raises(
        SigningRefused, match="It cannot be signed yet: the causality, the reasonable possibility, when"
    ):
        signed(made, investigator)
    investigator.set_password(PASSWORD)
    investigator.save()
    typed = {"sign": "1", "displayed_hash": standing(KIND, made.key).sha256, "meaning": MEANING, "password": PASSWORD}
    response = browse(investigator).post(made.get_absolute_url(), typed)
    assert (response.status_code, Signature.objects.of(KIND, made.key).count()) == (422, 0)
    assert 'role="alert">It cannot be signed yet: the causality' in response.content.decode()
    with pytest.raises(UnknownSubject):
        standing(KIND, made.key + "/x")


def test_answers_given_after_a_report_was_composed_have_to_be_in_it_before_it_is_signed(
    musc, coordinator, investigator
):
    facts = {"term": "Rash", "started": PartialDate(2025, 6), "is_hospitalization": True}
    event = report(participant=musc.infused(DAY0), by=coordinator, at=NOW, **facts)
    made = prepare(event=event, by=coordinator, at=NOW)
    event = assess(event=event, by=investigator, at=LATER, **WHOLE)
    with pytest.raises(SigningRefused, match="composed before this was answered: Related to the cells: investigator;"):
        signed(made, investigator)
    signed(renew(report=made, by=coordinator, at=LATER), investigator)
    assess(event=event, by=investigator, at=LATER, causality="", reason="Withdrawn until the biopsy")
    assert (len(standing(KIND, made.key).valid), standing(KIND, made.key).snapshot.refusals) == (1, [])


def test_a_voided_event_is_not_reported(event, coordinator):
    void(event=event, reason="Entered twice", by=coordinator, at=NOW)
    with pytest.raises(ReportRefused, match="is voided, so nothing is reported of it"):
        prepare(event=event, by=coordinator, at=NOW)


def test_the_pages_prepare_edit_attach_and_print(event, browse, coordinator, investigator, frozen):
    client = browse(coordinator)
    assert client.post("/adverse-events/MUSC-001/1/report/").url == "/adverse-events/MUSC-001/1/reports/1/"
    address = "/adverse-events/MUSC-001/1/reports/1/"
    assert client.post(address + "narrative/", {"narrative": ""}).status_code == 422
    assert client.post(address + "narrative/", {"narrative": "In short: <b>shingles</b>."}).status_code == 302
    assert client.post(address + "attach/", {"title": "Discharge letter", "place": "Binder 2"}).status_code == 302
    page = browse(investigator).get(address).content.decode()
    for words in ("In short: &lt;b&gt;shingles&lt;/b&gt;.", "Discharge letter: Binder 2", 'id="sign"'):
        assert words in page
    response = client.get(address + "pdf/")
    paper = PdfReader(io.BytesIO(response.content))
    text = "".join("".join(each.extract_text().split()) for each in paper.pages)
    for words in ("Report of a serious adverse event", "In short:", "Discharge letter", "Not signed."):
        assert "".join(words.split()) in text


def test_the_narrative_says_what_is_not_on_record(event):
    text = compose(event)
    assert "History: none on record. Medicines around the onset: none on record." in text
    assert "Laboratory: no result since the onset on record." in text
