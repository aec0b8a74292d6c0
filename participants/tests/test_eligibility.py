import pytest
from hypothesis import given
from hypothesis import strategies as st

from participants.eligibility import answers_for, assess
from studytracker import protocol

RULES = protocol.current()
CRITERIA = RULES.criteria
PARTS = {part.id: (criterion, part) for criterion in CRITERIA if criterion.answered for part in criterion.parts}
PASSING = {part: "absent" if criterion.is_exclusion else "met" for part, (criterion, _) in PARTS.items()}


def result(criterion, **answers):
    [verdict] = assess([RULES.criterion(criterion)], answers).verdicts
    return verdict.result


def test_everything_met_and_absent_is_eligible():
    assert assess(CRITERIA, PASSING).is_eligible
    assert assess(CRITERIA, PASSING).sentences() == []


@pytest.mark.parametrize("part", PARTS)
def test_each_part_alone_that_fails_makes_its_criterion_fail_unless_one_is_enough(part):
    criterion, _ = PARTS[part]
    failing = "present" if criterion.is_exclusion else "not_met"
    state = assess(CRITERIA, PASSING | {part: failing})
    alternative = criterion.combine == "any" and not criterion.is_exclusion
    assert state.failed == (() if alternative else (criterion.id,))
    assert state.is_eligible is alternative


@pytest.mark.parametrize("part", PARTS)
def test_each_part_unknown_or_open_blocks_unless_another_part_is_enough(part):
    criterion, _ = PARTS[part]
    alternative = criterion.combine == "any" and not criterion.is_exclusion
    assert assess(CRITERIA, PASSING | {part: "unknown"}).unknown == (() if alternative else (criterion.id,))
    open_answers = {key: value for key, value in PASSING.items() if key != part}
    assert assess(CRITERIA, open_answers).unanswered == (() if alternative else (criterion.id,))


@pytest.mark.parametrize(
    ("ana", "dsdna", "expected"),
    [
        ("met", "not_met", "met"),
        ("not_met", "met", "met"),
        ("not_met", "not_met", "not_met"),
        ("not_met", "unknown", "unknown"),
        ("unknown", None, "unknown"),
        ("not_met", None, "not_yet"),
    ],
)
def test_ana_or_dsdna_is_enough(ana, dsdna, expected):
    answers = {"I2a": ana} | ({"I2b": dsdna} if dsdna else {})
    assert result("I2", **answers) == expected


def test_a_laboratory_exclusion_holds_though_the_other_values_are_fine():
    fine = {part.id: "absent" for part in RULES.criterion("E2").parts}
    assert result("E2", **fine) == "met"
    assert result("E2", **fine | {"E2b": "present"}) == "not_met"


def test_the_renal_criterion_is_met_when_it_does_not_apply():
    assert result("I4", I4a="not_applicable", I4b="not_applicable") == "met"
    assert result("I4", I4a="met", I4b="not_met") == "not_met"


def test_only_conditional_parts_may_be_answered_not_applicable():
    offering = {
        part
        for part, (criterion, row) in PARTS.items()
        if ("not_applicable", "Not applicable") in answers_for(criterion, row)
    }
    assert offering == {"I4a", "I4b"}


def test_refusals_name_what_fails_what_is_unknown_and_what_is_open():
    answers = PASSING | {"E2b": "present", "E8": "unknown"}
    del answers["I5"]
    assert assess(CRITERIA, answers).sentences() == [
        "Not eligible by E2.",
        "Still unknown: E8. Find the evidence and answer.",
        "Not answered yet: I5. Answer every criterion first.",
    ]


@given(
    st.dictionaries(
        st.sampled_from(sorted(PARTS)), st.sampled_from(["met", "not_met", "absent", "present", "unknown"])
    )
)
def test_eligible_means_no_part_fails_is_unknown_or_open_but_where_one_is_enough(answers):
    """The plain reading of the rule, written a second time."""

    def passes(criterion):
        good = {"met", "not_applicable", "absent"}
        given = [answers.get(part.id) in good for part in criterion.parts]
        return any(given) if criterion.combine == "any" and not criterion.is_exclusion else all(given)

    assert assess(CRITERIA, answers).is_eligible is all(passes(each) for each in CRITERIA if each.answered)
