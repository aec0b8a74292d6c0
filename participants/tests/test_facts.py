from datetime import date, time
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY
from participants.facts import FactRefused, Implausible, void
from participants.histories import record_history, take_list
from participants.labs import record_lab, record_range
from participants.medicines import record_medication
from participants.models import LabResult, MedicalHistory, Medication, SiteLabRange, VitalSign
from participants.sledai import record_sledai, totals
from participants.vitals import record_vital, weight_on
from studytracker import protocol
from studytracker.dates import PartialDate

ITEMS = protocol.current().sledai.items


def lab(musc, participant, test="WBC", **facts):
    facts = {"collected": TODAY, "value": Decimal("3.4"), "unit": "10^9/L"} | facts
    return record_lab(participant=participant, test=test, by=musc.coordinator, at=NOW, **facts)


def limits(musc, **facts):
    facts = {"site": "MUSC", "test": "AST", "low": Decimal(10), "high": Decimal(34), "unit": "U/L"} | facts
    return record_range(**({"starts_on": date(2025, 1, 1)} | facts), by=musc.coordinator, at=NOW)


@pytest.mark.parametrize(
    ("test", "value", "unit", "standard"),
    [
        ("WBC", "3.4", "10^9/L", "3.4"),
        ("WBC", "1900", "/mm3", "1.9"),
        ("WBC", "2000", "/uL", "2"),
        ("PLAT", "30000", "/mm3", "30"),
        ("HGB", "80", "g/L", "8"),
        ("GFREI", "29.9", "mL/min/1.73 m2", "29.9"),
        ("ANAB", "160", "", "160"),
    ],
)
def test_a_value_is_kept_as_reported_and_in_the_protocol_s_unit(musc, test, value, unit, standard):
    row = lab(musc, musc.screened(), test, value=Decimal(value), unit=unit)
    row.refresh_from_db()
    assert (row.value, row.unit, row.standard_value) == (Decimal(value), unit, Decimal(standard))


def test_2000_in_giga_per_litre_is_asked_about_and_never_rescaled(musc):
    """Trap T1: the unit was meant to be per microlitre."""
    participant = musc.screened()
    with pytest.raises(Implausible) as asked:
        lab(musc, participant, value=Decimal(2000))
    assert asked.value.sentences == [
        "White blood cells 2000 10^9/L is outside what is plausible (0.1 to 100 10^9/L). Check the unit."
    ]
    assert LabResult.objects.count() == 0
    row = lab(musc, participant, value=Decimal(2000), acknowledged=asked.value.sentences)
    assert (row.standard_value, row.acknowledged_warning) == (Decimal(2000), asked.value.sentences[0])


def test_confirming_one_warning_does_not_confirm_another(musc):
    with pytest.raises(Implausible):
        lab(musc, musc.screened(), value=Decimal(2000), acknowledged=["White blood cells 300 10^9/L is outside"])


@pytest.mark.parametrize(
    ("facts", "field", "sentence"),
    [
        ({"unit": "mg/dL"}, "unit", 'White blood cells is not read in "mg/dL". It is read in: 10^9/L'),
        ({"collected": date(2025, 6, 19)}, "collected", "Thu 19 Jun 2025 is in the future"),
        ({"value": None}, "value", "Give the value or the result of White blood cells."),
        ({"value": Decimal("-1")}, "value", "cannot be below 0"),
        ({"test": "XYZ"}, "test", 'no laboratory test "XYZ"'),
        ({"test": "HIV12AGB"}, "value", "HIV is reported in words: choose the result."),
        ({"test": "HIV12AGB", "value": None, "result": "MAYBE"}, "result", 'HIV has no result "MAYBE"'),
        ({"comparator": "~"}, "comparator", "is no sign before a value"),
        ({"collected": PartialDate(2025, 5), "collected_time": time(9)}, "collected_time", "needs the day"),
    ],
)
def test_a_result_that_cannot_be_is_refused_with_a_sentence(musc, facts, field, sentence):
    with pytest.raises(FactRefused) as refusal:
        lab(musc, musc.screened(), **facts)
    assert refusal.value.field == field
    assert sentence in str(refusal.value).replace("19-JUN-2025", "Thu 19 Jun 2025")
    assert LabResult.objects.count() == 0


def test_the_range_in_force_on_the_day_is_stamped_and_a_later_one_changes_nothing(musc):
    """Trap T5."""
    participant = musc.screened()
    limits(musc)
    first = lab(musc, participant, "AST", value=Decimal(41), unit="U/L")
    limits(musc, high=Decimal(50), starts_on=date(2025, 6, 1))
    second = lab(musc, participant, "AST", value=Decimal(41), unit="U/L")
    older = lab(musc, participant, "AST", value=Decimal(41), unit="U/L", collected=date(2025, 5, 31))
    assert [LabResult.objects.get(pk=row.pk).flag for row in (first, second, older)] == ["HIGH", "NORMAL", "HIGH"]
    first.refresh_from_db()
    assert (first.low, first.high, first.times_high) == (10, 34, Decimal(41) / Decimal(34))


def test_a_range_for_the_sex_goes_before_one_for_everybody_and_another_site_s_never_counts(musc, emory):
    limits(musc, high=Decimal(40))
    limits(musc, high=Decimal(31), sex="F", starts_on=date(2024, 1, 1))
    woman, man = musc.screened(sex="F"), musc.screened(sex="M")
    found = [lab(musc, row, "AST", value=Decimal(20), unit="U/L").high for row in (woman, man)]
    assert found == [31, 40]
    assert lab(musc, emory.screened(), "AST", value=Decimal(20), unit="U/L").high is None


def test_a_range_in_another_unit_is_converted(musc):
    limits(musc, test="HGB", low=Decimal(120), high=Decimal(160), unit="g/L")
    row = lab(musc, musc.screened(), "HGB", value=Decimal("11.9"), unit="g/dL")
    row.refresh_from_db()
    assert (row.low, row.high, row.flag) == (12, 16, "LOW")


def test_another_laboratory_s_limits_come_with_the_result(musc):
    limits(musc)
    row = lab(musc, musc.screened(), "AST", value=Decimal(60), unit="U/L", high=Decimal(55), laboratory="Quest")
    assert (row.low, row.high) == (None, 55)


def test_two_ranges_from_the_same_day_are_refused_until_one_is_voided(musc):
    first = limits(musc)
    with pytest.raises(FactRefused, match="A range of AST from Wed 1 Jan 2025 is on file at MUSC. Void it first."):
        limits(musc, high=Decimal(40))
    void(fact=first, reason="Typed wrongly", by=musc.coordinator, at=NOW)
    assert limits(musc, high=Decimal(40)).high == 40
    assert SiteLabRange.objects.standing().get().high == 40


def test_the_words_of_a_result(musc):
    participant = musc.screened()
    below = lab(musc, participant, "DDNAIGAB", value=Decimal(30), unit="IU/mL", comparator="<", result="NEGATIVE")
    titer = lab(musc, participant, "ANAB", value=Decimal(160), unit="")
    words = lab(musc, participant, "HIV12AGB", value=None, unit="", result="NEGATIVE")
    assert [row.reported for row in (below, titer, words)] == ["<30 IU/mL (negative)", "1:160", "Negative"]


def test_a_vital_sign_is_converted_and_its_warning_kept(musc):
    facts = {"participant": musc.screened(), "measured_on": TODAY, "by": musc.coordinator, "at": NOW}
    fever = record_vital(test="TEMP", value=Decimal("101.3"), unit="F", measured_time=time(9, 30), **facts)
    assert (round(fever.standard_value, 2), fever.standard_unit) == (Decimal("38.50"), "C")
    assert fever.measured_at.isoformat() == "2025-06-18T13:30:00+00:00"
    with pytest.raises(Implausible) as asked:
        record_vital(test="WEIGHT", value=Decimal(724), unit="kg", **facts)
    kept = record_vital(test="WEIGHT", value=Decimal(724), unit="kg", acknowledged=asked.value.warnings, **facts)
    assert kept.acknowledged_warning == "Weight 724 kg is outside what is plausible (30 to 200 kg). Check the unit."
    with pytest.raises(FactRefused, match='not read in "stone"'):
        record_vital(test="WEIGHT", value=Decimal(11), unit="stone", **facts)
    with pytest.raises(FactRefused, match="in the future"):
        record_vital(test="PULSE", value=Decimal(70), unit="beats/min", measured_time=time(11, 1), **facts)


def test_the_last_weight_on_or_before_a_day(musc):
    participant = musc.screened()
    facts = {"participant": participant, "by": musc.coordinator, "at": NOW, "test": "WEIGHT", "unit": "kg"}
    for on, value in ((date(2025, 6, 1), "71"), (date(2025, 6, 10), "72.4"), (date(2025, 6, 18), "73")):
        record_vital(measured_on=on, value=Decimal(value), **facts)
    assert weight_on(participant, date(2025, 6, 17)).standard_value == Decimal("72.4")
    assert weight_on(participant, date(2025, 5, 31)) is None


def test_a_medicine_keeps_what_is_known_of_its_dates(musc):
    row = record_medication(
        participant=musc.screened(),
        drug="mycophenolate Mofetil",
        drug_class="immunosuppressant",
        route="oral",
        started=PartialDate(2025, 2),
        is_ongoing=True,
        by=musc.coordinator,
        at=NOW,
    )
    row.refresh_from_db()
    assert (str(row.started), row.ended, row.drug_code) == ("UN-FEB-2025", None, "mycophenolate_mofetil")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"drug_class": "herb"}, 'no class of medicines "herb"'),
        ({"route": "by ear"}, 'no term of the vocabulary route "by ear"'),
        ({"drug_class": "antibiotic"}, "Prednisone belongs to the class Corticosteroid."),
        ({"started": PartialDate(2025, 6, 2), "ended": PartialDate(2025, 5)}, "The end, UN-MAY-2025, is before"),
        ({"started": PartialDate(2025, 7)}, "UN-JUL-2025 is in the future"),
        ({"ended": PartialDate(2025, 5), "is_ongoing": True}, "An ongoing medicine has no last dose"),
        ({"dose_unit": ""}, "Give the dose as a number above 0 with its unit."),
        ({"per_day": None}, "leaves the prednisone equivalent unknown"),
    ],
)
def test_a_medicine_that_cannot_be_is_refused(musc, facts, sentence):
    usual = {"drug": "Prednisone", "drug_class": "corticosteroid", "route": "oral"}
    usual |= {"dose": Decimal(10), "dose_unit": "mg", "per_day": Decimal(1)}
    with pytest.raises(FactRefused) as refusal:
        record_medication(participant=musc.screened(), by=musc.coordinator, at=NOW, **usual | facts)
    assert sentence in str(refusal.value)
    assert Medication.objects.count() == 0


def test_an_end_in_the_month_of_the_start_is_taken(musc):
    row = record_history(
        participant=musc.screened(),
        term="Shingles",
        category="zoster",
        started=PartialDate(2025, 3, 20),
        ended=PartialDate(2025, 3),
        by=musc.coordinator,
        at=NOW,
    )
    assert MedicalHistory.objects.get() == row


def test_a_voided_fact_stays_and_counts_nowhere(musc):
    participant = musc.screened()
    row = lab(musc, participant)
    with pytest.raises(FactRefused, match="Say why"):
        void(fact=row, reason=" ", by=musc.coordinator, at=NOW)
    void(fact=row, reason="Another person's report", by=musc.coordinator, at=NOW)
    assert (LabResult.objects.count(), LabResult.objects.of(participant).count()) == (1, 0)
    with pytest.raises(FactRefused, match="voided already"):
        void(fact=row, reason="Another person's report", by=musc.coordinator, at=NOW)


def test_taking_a_list_is_a_fact_of_its_day(musc):
    participant = musc.screened()
    row = take_list(participant=participant, subject="medicines", complete_on=TODAY, by=musc.coordinator, at=NOW)
    assert str(row) == "MUSC-001 medicines up to 2025-06-18"
    with pytest.raises(FactRefused, match="no list that is taken"):
        take_list(participant=participant, subject="wishes", complete_on=TODAY, by=musc.coordinator, at=NOW)


def test_sledai_sums_the_weights_of_what_is_present():
    nothing = {item.code: False for item in ITEMS}
    assert totals(ITEMS, nothing) == (0, 0)
    assert totals(ITEMS, dict.fromkeys(nothing, True)) == (105, 101)
    assert totals(ITEMS, nothing | {"arthritis": True, "rash": True, "dna_binding": True}) == (8, 6)


@pytest.mark.parametrize(("open_one", "expected"), [("rash", (None, None)), ("dna_binding", (None, 0))])
def test_an_unanswered_descriptor_makes_the_total_incomplete_not_zero(open_one, expected):
    assert totals(ITEMS, {item.code: False for item in ITEMS if item.code != open_one}) == expected


def test_a_sledai_assessment_keeps_its_descriptors_with_their_weights(musc):
    present = {item.code: item.code in ("arthritis", "low_complement") for item in ITEMS}
    facts = {"participant": musc.screened(), "assessed_on": TODAY, "by": musc.coordinator, "at": NOW}
    score = record_sledai(present=present, visit_code="SCR", **facts)
    assert (score.total, score.clinical_total, score.variant, score.look_back_days) == (6, 4, "SLEDAI-2K", 28)
    assert sum(item.points for item in score.items.all()) == 6
    assert score.items.count() == 24
    with pytest.raises(FactRefused, match="no descriptor hiccup"):
        record_sledai(present={"hiccup": True}, **facts)


@pytest.mark.parametrize(
    "change",
    [{"value": None, "standard_value": None}, {"standard_value": None}, {"voided_reason": "because"}],
)
def test_the_database_refuses_a_result_that_is_none(musc, change):
    row = lab(musc, musc.screened())
    with pytest.raises(IntegrityError), transaction.atomic():
        LabResult.objects.filter(pk=row.pk).update(**change)


def test_facts_are_seen_only_at_one_s_site(musc, emory, coordinator, emory_coordinator, outsider):
    row = lab(musc, musc.screened())
    weight = {"measured_on": TODAY, "value": Decimal(70), "unit": "kg", "by": musc.coordinator, "at": NOW}
    record_vital(participant=row.participant, test="WEIGHT", **weight)
    for model in (LabResult, VitalSign):
        seen = [model.objects.visible_to(person).count() for person in (coordinator, emory_coordinator, outsider)]
        assert seen == [1, 0, 0]
