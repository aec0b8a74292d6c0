import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conftest import NOW, TODAY, staged
from participants.confirmation import KIND, MEANING, against_infusion, reasons_against, valid_on
from participants.enrollment import EnrollmentRefused, enroll
from participants.facts import void
from participants.histories import record_history, take_list
from participants.labs import record_lab, record_panel
from participants.medicines import record_medication
from participants.models import (
    Consent,
    CriterionAnswer,
    LabResult,
    ListTaken,
    MedicalHistory,
    Medication,
    Participant,
    SledaiItem,
    SledaiScore,
    VitalSign,
)
from participants.screening import ScreeningRefused, answer, questions, worksheet
from participants.sledai import record_sledai
from participants.vitals import record_vital
from studytracker import protocol
from studytracker.access.passwords import Reauthenticated
from studytracker.trust.acting import because
from studytracker.trust.models import Signature
from studytracker.trust.signatures import sign, standing

SCREENED = TODAY - timedelta(days=2)
RESULTS = {"ANAB": "160", "WBC": "5.4", "HGB": "12.1", "PLAT": "210", "GFREI": "88"}
NEGATIVE = ("HIV12AGB", "HBSAG", "HCAB", "HCG")
PASSWORD = "a long pass phrase"  # noqa: S105


@staged
def on_record(musc):
    """on_record() is a participant whose criteria are met by what is on record and by the investigator's answers."""

    def make():
        participant, by = musc.screened(SCREENED), musc.coordinator
        facts = {"participant": participant, "by": by, "at": NOW}
        rules = participant.protocol
        results = [
            {"test": test, "value": Decimal(value), "unit": rules.lab_test(test).unit or ""}
            for test, value in RESULTS.items()
        ]
        results += [{"test": test, "result": "NEGATIVE"} for test in NEGATIVE]
        record_panel(results=results, collected=SCREENED, visit_code="SCR", **facts)
        for test in ("AST", "ALT"):
            amount = {"value": Decimal(30), "unit": "U/L", "high": Decimal(40)}
            record_lab(test=test, collected=SCREENED, visit_code="SCR", **amount, **facts)
        record_vital(test="WEIGHT", measured_on=SCREENED, value=Decimal(70), unit="kg", visit_code="SCR", **facts)
        present = {item.code: item.code == "arthritis" for item in rules.sledai.items}
        record_sledai(assessed_on=SCREENED, present=present, visit_code="SCR", **facts)
        for subject in ("medicines", "histories"):
            take_list(subject=subject, complete_on=SCREENED, **facts)
        return participant

    return make


@staged
def ready(on_record, musc):
    participant = on_record()
    answer_the_rest(participant, musc)
    musc.confirm(participant, NOW)
    return participant


def answer_the_rest(participant, musc, **differing):
    answers = {}
    for criterion, part in questions(participant):
        passing = "not_applicable" if part.not_applicable else "absent" if criterion.is_exclusion else "met"
        answers[part.id] = (differing.get(part.id, passing), "note")
    answer(participant=participant, answers=answers, by=musc.coordinator, at=NOW)


def medicine(participant, musc, **facts):
    facts = {"drug": "Belimumab", "drug_class": "belimumab", "route": "subcutaneous"} | facts
    return record_medication(participant=participant, by=musc.coordinator, at=NOW, **facts)


def test_what_the_record_decides_is_not_asked_and_the_rest_is(on_record):
    asked = {part.id for _, part in questions(on_record())}
    assert asked == {"I1", "I3c", "I4a", "I4b", "I5", "E1", "E2h", "E2i", "E3", "E4a", "E4c"} | {
        "I2b", "E7a", "E7b", "E8", "E12", "E13a", "E13b"
    }  # fmt: skip


def test_a_signed_worksheet_holds_and_lets_enroll(ready, investigator):
    assert (reasons_against(ready), valid_on(ready, SCREENED)) == ([], True)
    assert enroll(participant=ready, by=investigator, at=NOW).slot_id == 1


def test_nobody_is_enrolled_without_the_signature(on_record, musc, investigator):
    participant = on_record()
    answer_the_rest(participant, musc)
    with pytest.raises(EnrollmentRefused, match="not confirmed: an investigator signs the worksheet"):
        enroll(participant=participant, by=investigator, at=NOW)


def test_the_signature_binds_what_was_shown(ready, investigator):
    signature = Signature.objects.get(kind=KIND)
    assert (signature.key, signature.signed_by, signature.meaning) == ("MUSC-001", investigator, MEANING)
    assert '"criteria_version":"1.0"' in signature.document
    assert "5.4 10^9/L is not below 2.0 10^9/L." in signature.document


def test_the_snapshot_is_the_same_on_whichever_day_it_is_looked_at(ready, time_machine):
    first = standing(KIND, "MUSC-001").sha256
    time_machine.move_to(NOW + timedelta(days=300))
    assert standing(KIND, "MUSC-001").sha256 == first


CHANGES = {
    "a result voided": lambda p, by: void(fact=p.labresults.get(test="WBC"), reason="Wrong person", by=by, at=NOW),
    "a result added": lambda p, by: record_lab(
        participant=p, test="WBC", collected=TODAY, value=Decimal("3.9"), unit="10^9/L", by=by, at=NOW
    ),
    "a medicine added": lambda p, by: record_medication(
        participant=p, drug="Tea", drug_class="other", route="oral", started=TODAY, by=by, at=NOW
    ),
    "history added": lambda p, by: record_history(
        participant=p, term="Migraine", category="other", started=date(2020, 1, 1), by=by, at=NOW
    ),
    "an answer changed past the forms": lambda p, by: CriterionAnswer.objects.filter(part="E8").update(evidence="x"),
    "the age changed past the forms": lambda p, by: Participant.objects.update(age=42),
    "a weight added": lambda p, by: record_vital(
        participant=p, test="WEIGHT", measured_on=TODAY, value=Decimal(71), unit="kg", by=by, at=NOW
    ),
    "SLEDAI voided": lambda p, by: void(fact=p.sledaiscores.get(), reason="Scored twice", by=by, at=NOW),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changing_a_fact_makes_the_signature_stale_at_once_and_closes_the_gate(ready, coordinator, change):
    CHANGES[change](ready, coordinator)
    # Still inside the transaction of the change.
    assert standing(KIND, ready.identifier).is_signed is False
    [sentence, *_] = against_infusion(ready, SCREENED)
    assert sentence.startswith("The confirmed eligibility is stale since the record changed")


# Every kind of fact that the worksheet rests on, with a column to change. The database lets nobody delete one.
KINDS = {
    Participant: "sex",
    Consent: "obtained_by",
    CriterionAnswer: "evidence",
    LabResult: "source",
    VitalSign: "source",
    Medication: "source",
    MedicalHistory: "source",
    SledaiScore: "source",
    SledaiItem: "code",
    ListTaken: "subject",
}


def rows_of(model, participant):
    if model is Participant:
        return Participant.objects.filter(pk=participant.pk)
    return model.objects.filter(participant=participant)


def by_save(row, column, value):
    setattr(row, column, value)
    with because("A slip of the pen"):
        row.save()


def by_update(row, column, value):
    type(row).objects.filter(pk=row.pk).update(**{column: value})


def by_bulk_update(row, column, value):
    setattr(row, column, value)
    type(row).objects.bulk_update([row], [column])


def by_sql(row, column, value):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {column} = %s WHERE id = %s", [value, row.pk])


@pytest.mark.parametrize("write", [by_save, by_update, by_bulk_update, by_sql])
@pytest.mark.parametrize("model", KINDS, ids=lambda model: model.__name__)
def test_every_kind_of_fact_by_every_way_to_write_makes_the_signature_stale_at_once(on_record, musc, model, write):
    participant = on_record()
    medicine(participant, musc, drug="Tea", drug_class="other", route="oral", started=date(2020, 1, 1))
    facts = {"term": "Migraine", "category": "other", "started": date(2020, 1, 1)}
    record_history(participant=participant, by=musc.coordinator, at=NOW, **facts)
    take_list(participant=participant, subject="medicines", complete_on=TODAY, by=musc.coordinator, at=NOW)
    answer_the_rest(participant, musc)
    musc.confirm(participant, NOW)
    assert reasons_against(participant) == []
    row = rows_of(model, participant).order_by("pk").first()
    write(row, KINDS[model], "M" if model is Participant else "other")
    assert standing(KIND, participant.identifier).is_signed is False
    assert against_infusion(participant, SCREENED) != []


def test_every_table_the_worksheet_reads_is_among_these_kinds(ready):
    with CaptureQueriesContext(connection) as read:
        standing(KIND, ready.identifier)
    tables = {name for each in read for name in re.findall(r'FROM "(participants_\w+)"', each["sql"])}
    named = {model._meta.db_table for model in KINDS}
    assert tables - named <= {"participants_infusion"}
    assert "participants_labresult" in tables


def test_signing_again_after_a_change_opens_the_gate(ready, musc):
    CHANGES["a weight added"](ready, musc.coordinator)
    musc.confirm(ready, NOW)
    assert valid_on(ready, SCREENED)


@pytest.mark.parametrize("visit", ["D0", "W1"])
def test_what_later_visits_record_does_not_undo_the_confirmation(ready, coordinator, visit):
    facts = {"participant": ready, "by": coordinator, "at": NOW, "visit_code": visit}
    record_lab(test="WBC", collected=TODAY, value=Decimal("1.5"), unit="10^9/L", **facts)
    record_vital(test="WEIGHT", measured_on=TODAY, value=Decimal(71), unit="kg", **facts)
    take_list(participant=ready, subject="medicines", complete_on=TODAY, by=coordinator, at=NOW)
    assert reasons_against(ready) == []


def test_on_the_day_of_the_infusion_what_counts_from_baseline_is_asked_again(ready, coordinator):
    assert against_infusion(ready, TODAY) == [
        "E1, E4b, E6a, E6b, E13b: Medical history: asked for up to Mon 16 Jun 2025. "
        "Ask again on the day of the infusion, Wed 18 Jun 2025.",
        "E4a: The last test was on 16-JUN-2025: repeat it before the infusion.",
        "E6c, E9, E10a, E10b, E11a, E11b, E11c: Medicines: asked for up to Mon 16 Jun 2025. "
        "Ask again on the day of the infusion, Wed 18 Jun 2025.",
    ]
    facts = {"participant": ready, "by": coordinator, "at": NOW}
    record_lab(test="HCG", collected=TODAY, result="NEGATIVE", visit_code="D0", **facts)
    for subject in ("medicines", "histories"):
        take_list(subject=subject, complete_on=TODAY, **facts)
    assert against_infusion(ready, TODAY) == []


def test_what_lapsed_since_screening_is_named(ready, musc):
    """Shingles after the Screening: signed again, and yet no infusion on that day."""
    started = {"term": "Shingles", "category": "zoster", "started": TODAY - timedelta(days=1), "is_ongoing": True}
    record_history(participant=ready, by=musc.coordinator, at=NOW, **started)
    found = [sentence for sentence in against_infusion(ready, TODAY) if sentence.startswith("E6a")]
    assert len(found) == 1
    assert "Shingles, 17-JUN-2025 to ongoing" in found[0]


def test_a_clock_that_runs_names_the_day_and_may_be_signed_for_it(on_record, musc, investigator):
    participant = on_record()
    medicine(participant, musc, started=date(2024, 1, 1), ended=date(2025, 3, 25))
    answer_the_rest(participant, musc)
    sheet = worksheet(participant, TODAY)
    assert (sheet.earliest_on, sheet.driver) == (date(2025, 6, 26), None)
    assert sheet.is_eligible
    musc.confirm(participant, NOW)
    found = against_infusion(participant, TODAY)
    assert [sentence for sentence in found if sentence.startswith("E11a")] != []


def test_only_an_investigator_decides_otherwise_than_the_record_and_says_why(on_record, musc, investigator):
    participant = on_record()
    void(fact=LabResult.objects.get(test="HCAB"), reason="Repeated", by=musc.coordinator, at=NOW)
    facts = {"participant": participant, "by": musc.coordinator, "at": NOW, "visit_code": "SCR"}
    record_lab(test="HCAB", collected=SCREENED, result="POSITIVE", **facts)
    given = {"participant": participant, "at": NOW}
    with pytest.raises(ScreeningRefused, match="Only an investigator decides otherwise"):
        answer(answers={"E2i": ("absent", "RNA negative")}, by=musc.coordinator, **given)
    with pytest.raises(ScreeningRefused, match="Say why you decide otherwise"):
        answer(answers={"E2i": ("absent", "")}, by=investigator, **given)
    answer(answers={"E2i": ("absent", "RNA negative")}, by=investigator, **given)
    row = worksheet(participant, TODAY).of("E2i")
    assert (row.result, row.answer.overrides, row.is_overridden) == ("absent", "present", True)


def test_an_answer_from_before_the_record_said_otherwise_no_longer_counts(ready, musc):
    void(fact=LabResult.objects.get(test="HBSAG"), reason="Repeated", by=musc.coordinator, at=NOW)
    facts = {"participant": ready, "by": musc.coordinator, "at": NOW, "visit_code": "SCR"}
    record_lab(test="HBSAG", collected=SCREENED, result="POSITIVE", **facts)
    row = worksheet(ready, TODAY).of("E2h")
    assert (row.result, row.note) == ("unknown", "Answered absent before the record proposed present: answer again.")


def test_someone_without_the_right_cannot_sign(on_record, musc, coordinator):
    participant = on_record()
    answer_the_rest(participant, musc)
    facts = {"displayed_hash": standing(KIND, "MUSC-001").sha256, "meaning": MEANING, "comment": ""}
    with pytest.raises(Exception, match="does not let you confirm eligibility"):
        sign(kind=KIND, key="MUSC-001", answered=Reauthenticated(coordinator.pk, NOW), by=coordinator, at=NOW, **facts)


def test_the_investigator_signs_on_the_page_with_the_password(on_record, musc, browse, investigator, frozen):
    participant = on_record()
    answer_the_rest(participant, musc)
    investigator.set_password(PASSWORD)
    investigator.save()
    client, address = browse(investigator), reverse("confirm_eligibility", args=["MUSC-001"])
    assert "I have reviewed the evidence of every criterion" in client.get(address).content.decode()
    typed = {"displayed_hash": standing(KIND, "MUSC-001").sha256, "meaning": MEANING, "sign": "1"}
    assert client.post(address, typed | {"password": "wrong"}).status_code == 422
    assert client.post(address, typed | {"password": PASSWORD}).url == "/participants/MUSC-001/enroll/"
    assert participant and reasons_against(participant) == []
    assert "✓ Signed" in client.get(reverse("worksheet", args=["MUSC-001"])).content.decode()


def test_a_stale_signature_is_said_on_the_worksheet(ready, browse, coordinator, frozen):
    CHANGES["a weight added"](ready, coordinator)
    page = browse(coordinator).get(reverse("worksheet", args=["MUSC-001"])).content.decode()
    assert "is stale:</strong> the record changed since" in page


def test_the_worksheet_says_until_when_evidence_serves_as_long_as_nobody_is_infused(
    ready, musc, browse, coordinator, frozen
):
    client = browse(coordinator)
    page = client.get(reverse("worksheet", args=["MUSC-001"])).content.decode()
    assert "Expires on Mon 16 Jun 2025 for a Baseline: repeat it before the infusion." in page
    take_list(participant=ready, subject="histories", complete_on=TODAY, by=coordinator, at=NOW)
    assert "Expires on Wed 18 Jun 2025 for" in client.get(reverse("worksheet", args=["MUSC-001"])).content.decode()
    treated = musc.infused()
    on = treated.infused_on
    take_list(participant=treated, subject="histories", complete_on=on, by=coordinator, at=NOW)
    page = client.get(reverse("worksheet", args=[treated.identifier])).content.decode()
    assert ("by the history taken up to" in page, "Expires on" in page) == (True, False)


@pytest.mark.parametrize("many", [1, 30])
def test_the_worksheet_takes_at_most_12_queries_however_much_is_on_record(
    ready, musc, browse, coordinator, frozen, many, django_assert_max_num_queries
):
    for _ in range(many):
        medicine(ready, musc, started=date(2020, 1, 1), ended=date(2021, 1, 1))
        facts = {"participant": ready, "by": coordinator, "at": NOW}
        record_lab(test="WBC", collected=TODAY, value=Decimal("3.9"), unit="10^9/L", **facts)
    client = browse(coordinator)
    client.get(reverse("worksheet", args=["MUSC-001"]))
    with django_assert_max_num_queries(12):
        assert client.get(reverse("worksheet", args=["MUSC-001"])).status_code == 200


def test_what_if_moves_every_clock_and_saves_nothing(on_record, musc, browse, coordinator, frozen):
    participant = on_record()
    medicine(participant, musc, started=date(2024, 1, 1), ended=date(2025, 3, 25))
    client, address = browse(coordinator), reverse("worksheet", args=["MUSC-001"])
    assert "Not yet: from Thu 26 Jun 2025" in client.get(address).content.decode()
    asked = {"baseline_day": "26", "baseline_month": "6", "baseline_year": "2025"}
    page = client.get(address, asked).content.decode()
    assert "Judged for a Baseline on Thu 26 Jun 2025. Nothing is saved." in page
    assert "Not yet: from" not in page
    assert client.get(address, asked | {"baseline_day": "31"}).status_code == 422


def test_the_criteria_version_is_in_what_is_signed(ready):
    assert standing(KIND, "MUSC-001").snapshot.facts["criteria_version"] == protocol.current().version
