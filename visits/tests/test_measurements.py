from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from conftest import NOW, staged
from participants.labs import record_lab, record_range
from participants.models import LabResult, SledaiScore, VitalSign
from visits import measurements, procedures
from visits.attendance import attend
from visits.contacts import ContactRefused, record
from visits.measurements import Measured, MeasurementsRefused, Typed
from visits.models import ContactAttempt, Visit, VisitProcedure
from visits.procedures import ProceduresRefused, complete

DAY0 = date(2025, 5, 31)
AT = datetime(2025, 6, 7, 20, tzinfo=UTC)
LOG = "/visits/MUSC-001/W1/log/"
SEEN = date(2025, 6, 7)


@staged
def participant(musc, coordinator):
    record_range(
        site="MUSC", test="WBC", low=Decimal(4), high=Decimal(11), unit="10^9/L", starts_on=date(2020, 1, 1),
        by=coordinator, at=NOW,
    )  # fmt: skip
    return musc.infused(DAY0)


@staged
def visit(participant):
    return Visit.objects.for_page().get(participant=participant, code="W1")


def all_done(visit):
    return {each.code: "" for each in procedures.of(visit)}


def log(visit, by, values=(), findings=(), acknowledged=(), answers=None):
    measured = Measured(dict(values), dict(findings), tuple(acknowledged))
    answers = all_done(visit) if answers is None else answers
    return attend(visit=visit, attended_on=SEEN, procedures=answers, measured=measured, by=by, at=AT)


WBC = Typed(Decimal("2.5"), "10^9/L")


def test_values_are_facts_of_the_day_of_the_visit(visit, coordinator):
    log(visit, coordinator, {"WBC": WBC, "SYSBP": Typed(Decimal(128), "mmHg")})
    lab, sign = LabResult.objects.get(), VitalSign.objects.get()
    assert (lab.test, lab.collected.iso, lab.visit_code, lab.low, lab.high) == ("WBC", "2025-06-07", "W1", 4, 11)
    assert (sign.test, sign.measured_on, sign.visit_code) == ("SYSBP", SEEN, "W1")


def test_a_value_shows_its_range_and_the_grade_its_number_suggests(visit, coordinator):
    log(visit, coordinator, {"WBC": WBC, "TEMP": Typed(Decimal("38.4"), "C")})
    found = [(name, value, words, hint and hint.flag) for name, value, words, hint in measurements.lines(visit)]
    assert found == [
        ("Temperature", "38.4 C", "", "H1"),
        ("White blood cells", "2.5 10^9/L", "4 to 11 10^9/L, low", "L2"),
    ]


def test_a_raised_enzyme_is_graded_from_its_baseline_where_that_was_raised(visit, coordinator):
    limits = {"low": Decimal(5), "high": Decimal(34)}
    facts = {"participant": visit.participant, "test": "AST", "unit": "U/L", "by": coordinator, "at": NOW} | limits
    record_lab(value=Decimal(50), collected=DAY0, visit_code="D0", **facts)
    record_lab(value=Decimal(120), collected=SEEN, visit_code="W1", **facts)
    [(*_, hint)] = measurements.lines(visit)
    assert hint.flag == "H1"  # 2.4 times the baseline; 3.5 times the upper limit would be grade 2


def test_what_is_missing_stays_to_complete_and_does_not_block(visit, coordinator):
    logged = log(visit, coordinator)
    lacking = measurements.to_complete(visit, list(logged.procedures.all()))
    assert lacking[0].startswith("Vital signs: Systolic blood pressure, Diastolic blood pressure, Pulse")
    assert "Weight: Weight" in lacking
    assert any("the worksheet" in each for each in lacking)
    assert any(each.endswith("no new adverse event or new adverse event?") for each in lacking)


def test_values_and_findings_can_be_added_later(visit, coordinator):
    logged = log(visit, coordinator)
    facts = Measured({"WEIGHT": Typed(Decimal("68.5"), "kg")}, {"medicines": "No change of medicines"})
    complete(visit=logged, measured=facts, by=coordinator, at=NOW)
    assert VisitProcedure.objects.get(code="medicines").finding == "No change of medicines"
    lacking = measurements.to_complete(visit, list(logged.procedures.all()))
    assert [each for each in lacking if each.startswith(("Weight", "Current medicines"))] == []
    again = Measured({}, {"medicines": "Medicines changed"})
    with pytest.raises(ProceduresRefused, match="has its finding already: No change of medicines."):
        complete(visit=logged, measured=again, by=coordinator, at=NOW)


def test_an_unlikely_value_is_saved_once_the_person_confirms_the_sentence(visit, coordinator):
    high = {"SYSBP": Typed(Decimal(300), "mmHg"), "WBC": Typed(Decimal(2500), "10^9/L")}
    with pytest.raises(MeasurementsRefused) as refused:
        log(visit, coordinator, high)
    assert sorted(refused.value.by_field) == ["value-SYSBP", "value-WBC"]
    assert Visit.objects.get(pk=visit.pk).attended_on is None
    log(visit, coordinator, high, acknowledged=refused.value.warnings)
    assert LabResult.objects.get().acknowledged_warning == (
        "White blood cells 2500 10^9/L is outside what is plausible (0.1 to 100 10^9/L). Check the unit."
    )


def test_a_value_of_a_procedure_that_was_not_done_is_refused(visit, coordinator):
    answers = all_done(visit) | {"cbc": "Oversight"}
    with pytest.raises(
        ProceduresRefused, match="Complete blood count is not marked done, but there is a value for it"
    ):
        log(visit, coordinator, {"WBC": WBC}, answers=answers)
    assert (Visit.objects.get(pk=visit.pk).attended_on, LabResult.objects.count()) == (None, 0)


TYPED = {
    "attended_on_day": "7", "attended_on_month": "6", "attended_on_year": "2025", "visit_type": "clinic",
    "late_entry_reason": "Letter",
}  # fmt: skip


@pytest.fixture
def crc(participant, browse, coordinator, frozen):
    return browse(coordinator)


def done(visit):
    return {f"procedure-{each.code}": "done" for each in procedures.of(visit)}


def test_the_log_takes_values_and_leads_to_the_report_of_a_new_event(crc, visit):
    found = {"value-WBC": "<2.5", "value-SYSBP": "128", "finding-adverse_events": "New adverse event"}
    answer = crc.post(LOG, TYPED | done(visit) | found)
    assert (answer.status_code, answer.url) == (302, "/adverse-events/MUSC-001/new/")
    assert (LabResult.objects.get().comparator, LabResult.objects.get().value) == ("<", Decimal("2.5"))
    page = crc.get("/visits/MUSC-001/W1/").content.decode()
    assert "4 to 11 10^9/L, low" in page
    assert "New adverse event" in page


def test_a_suggested_grade_leads_to_a_report_that_knows_the_term_and_the_day(crc, visit, coordinator):
    log(visit, coordinator, {"WBC": WBC})
    page = crc.get("/visits/MUSC-001/W1/").content.decode()
    address = "/adverse-events/MUSC-001/new/?term=White+blood+cell+decreased&amp;start=2025-06-07&amp;visit=W1"
    assert address in page
    assert 'value="White blood cell decreased"' in crc.get(address.replace("&amp;", "&")).content.decode()


def test_what_cannot_be_read_comes_back_with_everything_else(crc, visit):
    answer = crc.post(LOG, TYPED | done(visit) | {"value-WBC": "2,5", "value-HGB": "12.1", "note": "Came late"})
    page = answer.content.decode()
    assert (answer.status_code, Visit.objects.get(pk=visit.pk).attended_on) == (422, None)
    assert "&quot;2,5&quot; cannot be read." in page
    assert [text for text in ('value="2,5"', 'value="12.1"', "Came late") if text not in page] == []


def test_an_unlikely_value_asks_for_a_tick_on_the_page(crc, visit):
    typed = TYPED | done(visit) | {"value-SYSBP": "300"}
    page = crc.post(LOG, typed).content.decode()
    sentence = "Systolic blood pressure 300 mmHg is outside what is plausible (60 to 260 mmHg). Check the unit."
    assert f'name="acknowledged" value="{sentence}"' in page
    assert crc.post(LOG, typed | {"acknowledged": [sentence]}).status_code == 302
    assert VitalSign.objects.get().acknowledged_warning == sentence


def test_the_values_page_completes_the_visit(crc, visit, coordinator):
    log(visit, coordinator)
    assert "To complete" in crc.get("/visits/MUSC-001/W1/").content.decode()
    nothing = crc.post("/visits/MUSC-001/W1/values/", {})
    assert (nothing.status_code, "Nothing was typed" in nothing.content.decode()) == (422, True)
    assert crc.post("/visits/MUSC-001/W1/values/", {"value-WEIGHT": "151", "unit-WEIGHT": "LB"}).status_code == 302
    assert VitalSign.objects.get().standard_value == Decimal("68.49245")


def test_the_sledai_worksheet_scores_what_was_answered(crc, visit, coordinator, trial):
    log(visit, coordinator)
    answers = {item.code: "absent" for item in trial.sledai.items} | {"rash": "present", "arthritis": "present"}
    page = crc.post("/visits/MUSC-001/W1/sledai/", answers, follow=True).content.decode()
    assert "The SLEDAI of MUSC-001 W1 is saved, total 6." in page
    assert (SledaiScore.objects.get().total, SledaiScore.objects.get().visit_code) == (6, "W1")
    part = crc.post("/visits/MUSC-001/W1/sledai/", {"rash": "present"}, follow=True).content.decode()
    assert "total open: some descriptors are unanswered" in part
    assert crc.post("/visits/MUSC-001/W1/sledai/", {}).status_code == 422


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"procedure-cbc": "not_done", "reason-cbc": "Other"}, "“Other” needs a few words: say what it was."),
        ({"attended_on_day": "11", "out_of_window_reason": "Other"}, "“Other” needs a few words: say what it was."),
    ],
)
def test_another_reason_needs_its_words(crc, visit, typed, sentence):
    answer = crc.post(LOG, TYPED | done(visit) | typed)
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)


def test_another_reason_is_stored_with_its_words(crc, visit):
    typed = {"procedure-cbc": "not_done", "reason-cbc": "Other", "other_reason": "Needle phobia"}
    typed |= {"attended_on_day": "11", "out_of_window_reason": "Other", "out_of_window_other": "Funeral"}
    assert crc.post(LOG, TYPED | done(visit) | typed).status_code == 302
    assert VisitProcedure.objects.get(code="cbc").not_done_reason == "Other: Needle phobia"
    assert Visit.objects.get(pk=visit.pk).out_of_window_reason == "Other: Funeral"


def test_attempts_to_reach_somebody_are_recorded_with_what_came_of_them(crc, visit, coordinator):
    typed = {"tried_on_day": "17", "tried_on_month": "6", "tried_on_year": "2025", "means": "Telephone"}
    page = crc.post("/visits/MUSC-001/W1/contact/", typed | {"outcome": "No answer"}, follow=True).content.decode()
    assert "Tue 17 Jun 2025, Telephone: No answer (crc.musc)" in page
    facts = {"means": "Letter", "outcome": "-", "by": coordinator, "at": NOW}
    with pytest.raises(ContactRefused, match="is in the future"):
        record(visit=visit, tried_on=date(2025, 6, 19), **facts)
    attended = log(visit, coordinator)
    with pytest.raises(ContactRefused, match="took place on Sat 7 Jun 2025"):
        record(visit=attended, tried_on=date(2025, 6, 17), **facts)
    assert ContactAttempt.objects.count() == 1
