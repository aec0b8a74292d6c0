from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY, staged
from visits import deviations as acts
from visits.attendance import attend, miss
from visits.deviations import DeviationRefused, classify, close, complete, report, void
from visits.models import Deviation
from visits.procedures import ProceduresRefused, of

DAY0 = date(2025, 5, 31)
SOON = datetime(2025, 6, 10, 20, tzinfo=UTC)


@staged
def participant(musc):
    return musc.infused(DAY0)


@staged
def drafted(participant, coordinator):
    miss(visit=participant.visits.get(code="W2"), reason="Illness", by=coordinator, at=NOW)
    return Deviation.objects.get()


@staged
def completed(drafted, coordinator):
    return complete(deviation=drafted, impact="No week 2 values", action="Called", by=coordinator, at=NOW)


def log(**differing):
    return list(
        Deviation.objects.filter(**differing).order_by("number").values_list("number", "category", "happened_on")
    )


def test_a_visit_in_its_window_drafts_nothing(participant, coordinator):
    visit = participant.visits.get(code="W1")
    answers = {procedure.code: "" for procedure in of(visit)}
    attend(visit=visit, attended_on=date(2025, 6, 9), procedures=answers, by=coordinator, at=SOON)
    assert log() == []


def test_out_of_window_late_and_not_done_each_draft_their_own(participant, coordinator):
    visit = participant.visits.get(code="W1")
    answers = {procedure.code: "" for procedure in of(visit)} | {"cbc": "Oversight", "weight": "Oversight"}
    facts = {"out_of_window_reason": "Weather or emergency", "late_entry_reason": "Note found"}
    attend(visit=visit, attended_on=date(2025, 6, 10), procedures=answers, by=coordinator, at=NOW, **facts)
    happened = date(2025, 6, 10)
    assert log() == [
        (1, "procedure_missed", happened),
        (2, "visit_out_of_window", happened),
        (3, "late_entry", happened),
    ]
    assert list(Deviation.objects.order_by("number").values_list("description", flat=True)) == [
        "Not done at W1: Weight (Oversight); Complete blood count (Oversight).",
        "Tue 10 Jun 2025 is 1 day after the window of W1 (Thu 5 Jun 2025 to Mon 9 Jun 2025). "
        "Reason: Weather or emergency.",
        "W1 was logged 6 business days after its day, Tue 10 Jun 2025. Reason: Note found.",
    ]
    assert set(Deviation.objects.values_list("visit", "drafted_by", "found_on")) == {(visit.pk, coordinator.pk, TODAY)}


def test_a_refused_log_leaves_no_draft_behind(participant, coordinator):
    facts = {"out_of_window_reason": "x", "late_entry_reason": "x", "by": coordinator, "at": NOW}
    with pytest.raises(ProceduresRefused):
        attend(visit=participant.visits.get(code="W1"), attended_on=date(2025, 6, 10), procedures={}, **facts)
    assert log() == []


def test_a_missed_visit_drafts_a_deviation_of_its_last_day_or_of_today(participant, coordinator):
    miss(visit=participant.visits.get(code="W1"), reason="Illness", by=coordinator, at=NOW)
    before_the_end = datetime(2025, 6, 26, 15, tzinfo=UTC)
    miss(visit=participant.visits.get(code="W4"), reason="Illness", by=coordinator, at=before_the_end)
    assert log() == [(1, "visit_missed", date(2025, 6, 9)), (2, "visit_missed", date(2025, 6, 26))]


def test_a_screening_before_its_window_drafts_a_deviation_at_the_infusion(musc):
    musc.infused(DAY0, screened_before=29)
    assert log() == [(1, "visit_out_of_window", date(2025, 5, 2))]


def test_a_deviation_goes_from_draft_to_closed(completed, coordinator, investigator):
    assert completed.stage == "To classify"
    judged = classify(deviation=completed, severity="minor", is_reportable=False, by=investigator, at=NOW)
    assert judged.stage == "To close"
    done = close(deviation=judged, closed_on=TODAY, reported_on=None, by=coordinator, at=NOW)
    assert (done.stage, done.closed_on, done.closed_by) == ("Closed", TODAY, coordinator)


def test_what_comes_too_early_or_too_late_is_refused_with_what_to_do(drafted, coordinator, investigator):
    judgement = {"deviation": drafted, "severity": "minor", "is_reportable": False, "by": investigator, "at": NOW}
    with pytest.raises(DeviationRefused, match="MUSC-001 DV 1 is not completed yet: say its impact and the action"):
        classify(**judgement)
    void(deviation=drafted, reason="Drafted twice", by=coordinator, at=NOW)
    with pytest.raises(DeviationRefused, match="MUSC-001 DV 1 is voided. Nothing was changed."):
        complete(deviation=drafted, impact="x", action="x", by=coordinator, at=NOW)


@pytest.mark.parametrize(
    ("is_reportable", "closed_on", "reported_on", "field", "sentence"),
    [
        (True, TODAY, None, "reported_on", "MUSC-001 DV 1 is reportable: give the day the IRB was told."),
        (False, TODAY, TODAY, "reported_on", "MUSC-001 DV 1 is classified as not reportable."),
        (False, date(2025, 6, 19), None, "closed_on", "Thu 19 Jun 2025 is not between the day it was found"),
        (True, TODAY, date(2025, 6, 17), "reported_on", "Tue 17 Jun 2025 is not between the day it was found"),
    ],
)
def test_a_closing_that_contradicts_itself_is_refused(
    completed, coordinator, investigator, is_reportable, closed_on, reported_on, field, sentence
):
    classify(deviation=completed, severity="major", is_reportable=is_reportable, by=investigator, at=NOW)
    with pytest.raises(DeviationRefused) as refusal:
        close(deviation=completed, closed_on=closed_on, reported_on=reported_on, by=coordinator, at=NOW)
    assert refusal.value.field == field
    assert refusal.value.sentences[0].startswith(sentence)


def test_a_person_reports_a_deviation_of_any_category_but_none_of_tomorrow(participant, coordinator):
    facts = {"participant": participant, "category": "privacy", "description": "x", "by": coordinator, "at": NOW}
    assert str(report(happened_on=TODAY, **facts)) == "MUSC-001 DV 1"
    with pytest.raises(DeviationRefused, match="Thu 19 Jun 2025 is in the future: today is Wed 18 Jun 2025 at MUSC."):
        report(happened_on=date(2025, 6, 19), **facts)


def test_every_category_drafted_by_the_visits_is_in_the_protocol(trial):
    own = {acts.OUT_OF_WINDOW, acts.MISSED, acts.LATE_ENTRY, acts.PROCEDURE, acts.PROCEDURE_BEFORE}
    assert own <= {code for code, label in trial.choices("deviation_category")}


def test_the_stage_of_the_query_is_the_stage_of_the_row(completed, participant, coordinator, investigator):
    for code in ("W1", "W4"):
        at = datetime(2025, 7, 15, 15, tzinfo=UTC)
        miss(visit=participant.visits.get(code=code), reason="Illness", by=coordinator, at=at)
    classify(deviation=completed, severity="minor", is_reportable=False, by=investigator, at=NOW)
    void(deviation=Deviation.objects.get(number=2), reason="x", by=coordinator, at=NOW)
    rows = Deviation.objects.for_listing()
    assert [row.stage_words for row in rows] == [row.stage for row in rows] == ["To close", "Voided", "To complete"]


@pytest.mark.parametrize(
    "changes",
    [
        {"impact": "x"},
        {"severity": "minor", "is_reportable": True},
        {"closed_on": TODAY},
        {"voided_reason": "x"},
        {"happened_on": date(2025, 6, 19)},
    ],
)
def test_the_database_refuses_half_a_step(drafted, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        Deviation.objects.filter(pk=drafted.pk).update(**changes)


def test_the_database_refuses_closing_what_nobody_classified(drafted, coordinator):
    with pytest.raises(IntegrityError), transaction.atomic():
        Deviation.objects.filter(pk=drafted.pk).update(closed_on=TODAY, closed_at=NOW, closed_by=coordinator)


def test_the_database_refuses_a_second_draft_for_the_same_cause(drafted, coordinator):
    with pytest.raises(IntegrityError), transaction.atomic():
        acts.draft(drafted.visit, "visit_missed", TODAY, "again", by=coordinator, at=NOW)


def test_the_pages_take_a_deviation_from_the_worklist_to_closed(drafted, browse, coordinator, investigator, frozen):
    crc, pi = browse(coordinator), browse(investigator)
    assert "Deviations to complete" in crc.get("/").content.decode()
    assert "Deviations to classify" not in pi.get("/").content.decode()
    refused = crc.post("/deviations/MUSC-001/1/complete/", {"impact": "None seen"})
    assert (refused.status_code, "None seen" in refused.content.decode()) == (422, True)
    crc.post("/deviations/MUSC-001/1/complete/", {"impact": "None seen", "action": "Called"})
    assert "Deviations to classify" in pi.get("/").content.decode()
    assert "Deviations to classify" not in crc.get("/").content.decode()
    pi.post("/deviations/MUSC-001/1/classify/", {"severity": "major", "is_reportable": "yes"})
    today = {"day": "18", "month": "6", "year": "2025"}
    days = {f"{name}_{part}": value for name in ("closed_on", "reported_on") for part, value in today.items()}
    assert crc.post("/deviations/MUSC-001/1/close/", days).url == "/deviations/MUSC-001/1/"
    assert "Deviations to" not in crc.get("/").content.decode()
    rows = crc.get("/deviations/?stage=Closed&format=csv").getvalue().decode().splitlines()
    assert len(rows) == 2
    assert '"Visit missed","W2","2025-06-17","2025-06-18"' in rows[1]
    assert '"None seen","Called","Major","Yes","","2025-06-18","Closed","2025-06-18"' in rows[1]


def test_a_dose_outside_its_tolerance_drafts_one_deviation_at_the_baseline_visit(participant, coordinator):
    facts = {"happened_on": DAY0, "description": "Given 90 % of the planned cells.", "by": coordinator, "at": NOW}
    first, again = (acts.draft_dose(participant.infusion, **facts) for _ in range(2))
    assert (first.category, first.visit.code, first.happened_on, again) == ("dosing_or_storage", "D0", DAY0, None)
    void(deviation=first, reason="The weight was read wrongly", by=coordinator, at=NOW)
    assert acts.draft_dose(participant.infusion, **facts).number == 2


def classified(site_cast, investigator, is_reportable=True):
    """A deviation found on Wed 18 June 2025, the day before Juneteenth."""
    row = site_cast.infused(DAY0)
    miss(visit=row.visits.get(code="W2"), reason="Illness", by=site_cast.coordinator, at=NOW)
    deviation = row.deviations.get()
    complete(deviation=deviation, impact="None", action="Called", by=site_cast.coordinator, at=NOW)
    made = classify(deviation=deviation, severity="major", is_reportable=is_reportable, by=investigator, at=NOW)
    return Deviation.objects.for_listing().get(pk=made.pk)


def test_a_reportable_deviation_is_due_in_business_days_of_its_site(emory, emory_investigator):
    """Ten business days from 18 June: Juneteenth, a holiday of Georgia, does not count."""
    deviation = classified(emory, emory_investigator)
    assert deviation.report_by == date(2025, 7, 3)
    assert deviation.report_words == "by Thu 3 Jul 2025 (10 business days, Emory IRB)"


def test_a_site_without_a_deadline_shows_that_and_no_made_up_day(musc, investigator):
    deviation = classified(musc, investigator)
    assert (deviation.report_by, deviation.report_words) == (None, "MUSC IRB: not configured")
    assert deviation.report_state(TODAY) == ""


def test_what_is_not_reportable_has_no_deadline(emory, emory_investigator):
    deviation = classified(emory, emory_investigator, is_reportable=False)
    assert (deviation.clock, deviation.report_words) == (None, "")


def test_a_report_that_is_late_says_so_on_page_and_worklist(emory, emory_investigator, browse, frozen):
    deviation = classified(emory, emory_investigator)
    last = deviation.report_by
    assert [deviation.report_state(on) for on in (last, last + (TODAY - date(2025, 6, 17)))] == ["due", "late"]
    client = browse(emory.coordinator)
    assert f"Report {deviation.report_words}" in client.get("/").content.decode()
    frozen.move_to(NOW.replace(month=8), tick=False)
    client = browse(emory.coordinator)
    assert f"Report {deviation.report_words}, late" in client.get("/").content.decode()
    assert "<strong>late</strong>" in client.get("/deviations/EMO-001/1/").content.decode()


def emory_consent_fault(emory):
    row = emory.infused(DAY0)
    facts = {"category": "consent", "happened_on": DAY0, "description": "Signed on the form before"}
    return Deviation.objects.for_listing().get(pk=report(participant=row, by=emory.coordinator, at=NOW, **facts).pk)


def test_what_emory_always_has_reported_runs_its_clock_from_the_draft_on(emory, browse, frozen):
    deviation = emory_consent_fault(emory)
    assert (deviation.is_reportable, deviation.report_by) == (None, date(2025, 7, 3))
    assert f"Report {deviation.report_words}" in browse(emory.coordinator).get("/").content.decode()
    page = browse(emory.coordinator).get(deviation.get_absolute_url()).content.decode()
    assert "(10 business days, Emory IRB); always reported at EMORY" in page
    voided = void(deviation=deviation, reason="The form was the right one", by=emory.coordinator, at=NOW)
    assert (voided.clock, voided.report_words) == (None, "")


def test_nobody_classifies_as_not_reportable_what_the_irb_always_has_reported(emory, emory_investigator):
    deviation = emory_consent_fault(emory)
    complete(deviation=deviation, impact="None", action="Signed anew", by=emory.coordinator, at=NOW)
    answer = {"severity": "minor", "by": emory_investigator, "at": NOW}
    with pytest.raises(DeviationRefused, match="The IRB of EMORY has every deviation of the kind “Consent” reported"):
        classify(deviation=deviation, is_reportable=False, **answer)
    assert classify(deviation=deviation, is_reportable=True, **answer).report_by == date(2025, 7, 3)


def test_the_same_deviation_at_the_other_site_waits_for_the_investigator(musc):
    facts = {"category": "consent", "happened_on": DAY0, "description": "Signed on the form before"}
    deviation = report(participant=musc.infused(DAY0), by=musc.coordinator, at=NOW, **facts)
    assert (deviation.is_always_reportable, deviation.clock) == (False, None)
