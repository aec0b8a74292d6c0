"""The shipped file against the registry record and the published sources."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from studytracker.protocol import UnknownCode
from studytracker.protocol.criteria import Limit, LookBack

# The bullets of the registry record, typed from it.
INCLUSION = [
    "Definite SLE by meeting either SLICC or ACR Classification Criteria for SLE",
    "Evidence of a positive ANA (≥1:80 titer) or positive dsDNA antibody test within 6 months of screening",
    "Clinically mild to moderately active SLE determined by SLEDAI score ≥4 and ≤10 at screening, despite SOC therapy",
    "If the patient has BILAG A or two BILAG Bs in the renal organ system, he/she must have completed at "
    "least 6 months of therapy with either mycophenolate mofetil or cyclophosphamide for the current episode "
    "of nephritis",
    "Able and willing to give written informed consent",
]
EXCLUSION = [
    "Active lupus nephritis requiring dialysis",
    "Laboratory exclusions: eGFR <30, WBC <2.0/mm3, hemoglobin <8 g/dL, platelet count <30,000/mm3, liver "
    "enzymes AST or ALT >4 times upper limit normal; Positive testing for HIV, hepatitis B or hepatitis C",
    "History of malignant neoplasm within the last 3 years, except for adequately treated cancers of the skin "
    "(basal or squamous cell) or carcinoma in situ of the uterine cervix",
    "Pregnant or breast feeding; males or females not willing to use adequate contraception",
    "History of renal transplantation",
    "Herpes zoster within the past 90 days or any infection requiring hospitalization or intravenous "
    "antibiotics within the past 60 days",
    "Clinically significant EKG or chest X-ray abnormalities",
    "Any other medical condition, related or unrelated to SLE, that in the opinion of the investigator would "
    "render the patient inappropriate or too unstable to complete study protocol",
    "Use of prednisone >0.5 mg/kg/day (or equivalent corticosteroid) within 1 month of Baseline visit",
    "Change or addition to immunosuppressant regimen within 3 months of Baseline visit (except "
    "corticosteroids); Use of other experimental therapeutic agents within 3 months of Baseline visit",
    "Having received belimumab within 3 months of Baseline, or having received rituximab or other B cell "
    "depleting biologic therapy within 6 months of Baseline.",
    "Comorbidities requiring corticosteroid therapy",
    "Current substance abuse or recent (within 60 days) history of substance abuse",
]
PARTS = {
    "R1": "R1", "R2": "R2", "R3": "R3",
    "I1": "I1", "I2": "I2a I2b", "I3": "I3a I3b I3c", "I4": "I4a I4b", "I5": "I5",
    "E1": "E1", "E2": "E2a E2b E2c E2d E2e E2f E2g E2h E2i", "E3": "E3", "E4": "E4a E4b E4c", "E5": "E5",
    "E6": "E6a E6b E6c", "E7": "E7a E7b", "E8": "E8", "E9": "E9", "E10": "E10a E10b",
    "E11": "E11a E11b E11c", "E12": "E12", "E13": "E13a E13b",
}  # fmt: skip


def test_the_inclusion_criteria_are_those_of_the_record_word_for_word(shipped):
    criteria = [each for each in shipped.criteria if each.kind == "inclusion"]
    assert [each.text for each in criteria] == INCLUSION
    assert [each.id for each in criteria] == ["I1", "I2", "I3", "I4", "I5"]


def test_the_exclusion_criteria_are_those_of_the_record_word_for_word(shipped):
    criteria = [each for each in shipped.criteria if each.kind == "exclusion"]
    assert [each.text for each in criteria] == EXCLUSION
    assert [each.id for each in criteria] == [f"E{number}" for number in range(1, 14)]


def test_every_part_is_there_once_and_in_order(shipped):
    assert {each.id: " ".join(part.id for part in each.parts) for each in shipped.criteria} == PARTS
    assert [part.id for part in shipped.parts()] == " ".join(PARTS.values()).split()


def test_an_answer_is_asked_for_only_one_of_the_structured_fields(shipped):
    structured = [each for each in shipped.criteria if each.kind == "structured"]
    assert [each.id for each in structured if each.answered] == ["R1"]


def test_only_the_renal_parts_may_be_not_applicable(shipped):
    assert [part.id for part in shipped.parts() if part.not_applicable] == ["I4a", "I4b"]


@pytest.mark.parametrize(
    "part, anchor, look_back",
    [
        ("I2a", "screening", "6 calendar months"),
        ("E3", "screening", "3 calendar years"),
        ("E5", None, "ever"),
        ("E6a", "screening", "90 days"),
        ("E6c", "screening", "60 days"),
        ("E9", "baseline", "1 calendar month"),
        ("E10a", "baseline", "3 calendar months"),
        ("E11a", "baseline", "3 calendar months"),
        ("E11b", "baseline", "6 calendar months"),
        ("E13b", "screening", "60 days"),
    ],
)
def test_look_backs_keep_the_unit_and_the_anchor_of_the_record(shipped, part, anchor, look_back):
    assert shipped.part(part).anchor == anchor
    assert shipped.part(part).look_back.words == look_back


@pytest.mark.parametrize(
    "part, measured, holds",
    [
        ("R1", "17", False),
        ("R1", "18", True),
        ("R1", "65", True),
        ("R1", "66", False),
        ("I2a", "40", False),
        ("I2a", "80", True),
        ("I3a", "3", False),
        ("I3a", "4", True),
        ("I3b", "10", True),
        ("I3b", "11", False),
        ("E2a", "30", False),
        ("E2a", "29.9", True),
        ("E2b", "2.0", False),
        ("E2b", "1.9", True),
        ("E2c", "8.0", False),
        ("E2d", "29", True),
        ("E2e", "4.0", False),
        ("E2e", "4.01", True),
        ("E9", "0.5", False),
        ("E9", "0.51", True),
    ],
)
def test_limits_are_strict_or_not_as_the_record_prints_the_sign(shipped, part, measured, holds):
    assert shipped.part(part).holds(Decimal(measured)) is holds


@pytest.mark.parametrize("part", ["E1", "E2a", "E3", "E4a", "E6a", "E6b", "E7a", "E8", "E12", "E13b"])
def test_an_anchor_the_record_does_not_state_is_marked(shipped, part):
    assert shipped.part(part).is_assumed("anchor")


@pytest.mark.parametrize("part", ["I2a", "I2b", "I3a", "E9", "E10a", "E10b", "E11a", "E11b", "E11c"])
def test_an_anchor_the_record_states_is_not_marked(shipped, part):
    assert not shipped.part(part).is_assumed("anchor")


def test_the_missing_exponent_and_the_missing_unit_are_marked(shipped):
    assert shipped.part("E2b").is_assumed("unit")
    assert shipped.part("E2b").is_assumed("limit")
    assert shipped.part("E2a").is_assumed("unit")


def test_the_windows_are_the_agreed_placeholders(shipped):
    assert [(visit.code, visit.opens, visit.day, visit.closes) for visit in shipped.visits] == [
        ("SCR", -28, -1, -1),
        ("D0", 0, 0, 0),
        ("W1", 5, 7, 9),
        ("W2", 11, 14, 17),
        ("W4", 25, 28, 31),
        ("W8", 49, 56, 63),
        ("W12", 77, 84, 91),
        ("W16", 105, 112, 119),
        ("W20", 133, 140, 147),
        ("W24", 161, 168, 175),
        ("W36", 238, 252, 266),
        ("W52", 350, 364, 378),
    ]


def test_every_window_and_every_visit_after_the_infusion_is_marked(shipped):
    screening, baseline, *rest = shipped.visits
    assert screening.is_assumed("before")
    assert baseline.assumes == ("procedures",)
    assert {key for visit in rest for key in ("day", "before", "after") if not visit.is_assumed(key)} == set()


def test_windows_read_as_protocol_days(shipped):
    assert shipped.visit("SCR").target_words == "before D0"
    assert shipped.visit("SCR").window_words == "D-28 to D-1"
    assert shipped.visit("D0").window_words == "D0"
    assert shipped.visit("W2").window_words == "D11 to D17"


def test_sledai_has_24_descriptors_that_sum_to_105(shipped):
    assert len(shipped.sledai.items) == 24
    assert shipped.sledai.maximum == 105
    assert sum(item.kind == "clinical" for item in shipped.sledai.items) == 16


def test_clocks_without_a_length_say_so_and_the_others_say_how_days_count(shipped):
    lengths = {clock.id: clock.length_words for clock in shipped.clocks}
    assert lengths == {
        "K1": "immediately",
        "K1b": "24 hours",
        "K2": "not configured",
        "K3": "7 calendar days",
        "K4": "15 calendar days",
        "K4b": "15 calendar days",
        "K5": "15 calendar days",
        "K5b": "15 calendar days",
        "K6": "8 calendar days",
        "K7": "promptly",
        "K8": "10 business days",
        "K9": "not configured",
        "K10": "1 calendar week",
        "K10b": "2 calendar weeks",
        "K11": "1 calendar month",
        "K12": "not configured",
        "K13": "not configured",
        "K14": "60 calendar days",
        "K15": "shortly after",
        "K16": "2 calendar years",
    }


def test_a_clock_of_one_site_does_not_run_at_the_other(shipped):
    assert shipped.clock("K8").applies_to("EMORY") is True
    assert shipped.clock("K8").applies_to("MUSC") is False
    assert shipped.clock("K3").applies_to("MUSC") is True


def test_clocks_that_rest_on_no_regulation_are_marked(shipped):
    loose = [each for each in shipped.clocks if each.basis in ("convention", "placeholder", "site policy")]
    assert [clock.id for clock in loose if not clock.assumption] == []
    assert [clock.id for clock in loose] == ["K1b", "K2", "K4b", "K5", "K8", "K9", "K12", "K13"]


def test_the_example_stopping_rule_is_switched_off_and_says_that_it_is_an_example(shipped):
    (rule,) = shipped.stopping_rules
    assert rule.switched_on is False
    assert rule.text.startswith("EXAMPLE ONLY, not from this protocol")


def test_the_six_seriousness_criteria_are_those_of_the_regulation(shipped):
    assert [(term.code, term.cdisc) for term in shipped.vocabularies["seriousness"]] == [
        ("death", "AESDTH"),
        ("life_threatening", "AESLIFE"),
        ("hospitalization", "AESHOSP"),
        ("disability", "AESDISAB"),
        ("congenital_anomaly", "AESCONG"),
        ("important_medical_event", "AESMIE"),
    ]


def test_possible_and_stronger_count_as_related(shipped):
    related = [term.code for term in shipped.terms("causality") if term.related]
    assert related == ["definite", "probable", "possible"]


def test_choices_and_labels_come_from_the_vocabulary(shipped):
    assert shipped.choices("sex") == (("F", "Female"), ("M", "Male"), ("U", "Unknown"))
    assert shipped.label("outcome", "not_recovered") == "Not recovered / not resolved"


def test_the_dose_cap_and_identifier_are_those_of_the_trial(shipped):
    assert shipped.treatment.dose_per_kg == 1_000_000
    assert shipped.enrollment.cap == 6
    assert shipped.identifier("MUSC", 3) == "MUSC-003"
    assert shipped.identifier("EMORY", 12) == "EMO-012"


def test_a_consent_form_is_valid_from_its_first_day(shipped):
    assert shipped.consent_forms_at("MUSC", date(2017, 3, 31)) == ()
    assert [form.version for form in shipped.consent_forms_at("MUSC", date(2017, 4, 1))] == ["1.0"]


def test_a_site_reads_the_clock_in_its_own_zone(shipped):
    late_evening = datetime(2017, 7, 1, 3, 30, tzinfo=UTC)
    assert late_evening.astimezone(shipped.site("MUSC").zone).date() == date(2017, 6, 30)


def test_every_assumption_says_why_and_names_what(shipped):
    assumptions = shipped.assumptions()
    assert [each.table for each in assumptions if not each.why.strip()] == []
    assert [each.table for each in assumptions if not each.value_text.strip()] == []
    assert [each.table for each in assumptions if not each.table.strip()] == []


@pytest.mark.parametrize(
    "table, key",
    [
        ("enrollment", "cap"),
        ("days", "look_back_boundary"),
        ("consent_form 1.0", "valid_from"),
        ("criterion E2.part E2b", "limit"),
        ("visit W24", "day"),
        ("status", "upcoming_days"),
        ("reminder_stage overdue-again", "every_days"),
        ("clock K1b", "amount"),
        ("sledai", "variant"),
        ("ctcae", "version"),
    ],
)
def test_the_values_the_record_does_not_give_are_listed(shipped, table, key):
    (found,) = [each for each in shipped.assumptions() if each.table == table]
    assert key in found.keys


@pytest.mark.parametrize("table", ["vocabulary causality", "stagger", "adverse_event_collection", "clock K9"])
def test_a_table_that_is_assumed_as_a_whole_is_listed_with_its_values(shipped, table):
    (found,) = [each for each in shipped.assumptions() if each.table == table]
    assert found.keys == ()
    assert ": " in found.value_text


@pytest.mark.parametrize(
    "look_up, sentence",
    [
        (lambda p: p.site("DUKE"), 'Protocol 1.0 has no site "DUKE". It has: MUSC, EMORY.'),
        (lambda p: p.clock("K99"), 'Protocol 1.0 has no safety clock "K99". It has: K1, K1b, K2,'),
        (lambda p: p.visit("W3"), 'Protocol 1.0 has no planned visit "W3". It has: SCR, D0, W1,'),
        (lambda p: p.unplanned_visit("W1"), 'Protocol 1.0 has no kind of unplanned visit "W1".'),
        (lambda p: p.procedure("mri"), 'Protocol 1.0 has no procedure "mri". It has: consent,'),
        (lambda p: p.criterion("E99"), 'Protocol 1.0 has no criterion "E99". It has: R1,'),
        (lambda p: p.part("E2z"), 'Protocol 1.0 has no part of a criterion "E2z".'),
        (lambda p: p.choices("colour"), 'Protocol 1.0 has no vocabulary "colour". It has: grade,'),
        (
            lambda p: p.label("sex", "X"),
            'Protocol 1.0 has no term of the vocabulary sex "X". It has: F, M, U.',
        ),
    ],
)
def test_an_unknown_code_is_refused_with_a_sentence(shipped, look_up, sentence):
    with pytest.raises(UnknownCode) as refused:
        look_up(shipped)
    assert str(refused.value).startswith(sentence)


def test_nothing_in_a_protocol_can_be_changed(shipped):
    with pytest.raises(ValueError, match="frozen"):
        shipped.enrollment.cap = 7
    with pytest.raises(TypeError):
        shipped.vocabularies["sex"] = ()


def test_lengths_and_limits_read_as_words():
    assert LookBack(years=1).words == "1 calendar year"
    assert LookBack(days=90).words == "90 days"
    assert Limit(operator=">=", value="0.5").words == "at least 0.5"
