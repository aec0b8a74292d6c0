from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studytracker import protocol
from studytracker.protocol.grading import Reading, suggest

D = Decimal


def grade(test, value, low=None, high=None, baseline=None, **kwargs):
    reading = Reading(D(value), low and D(low), high and D(high))
    before = baseline and Reading(D(baseline), None, high and D(high))
    found = suggest(protocol.current(), test, reading, before)
    return found.flag if found else ""


@pytest.mark.parametrize(
    ("test", "value", "low", "high", "flag"),
    [
        # Hemoglobin, below LLN 12: to 10.0, to 8.0, below 8.0; grade 4 is no number.
        *(("HGB", value, "12", None, flag) for value, flag in [
            ("12", ""), ("11.9", "L1"), ("10.0", "L1"), ("9.9", "L2"), ("8.0", "L2"), ("7.9", "L3"), ("4", "L3"),
        ]),
        *(("WBC", value, "4.0", None, flag) for value, flag in [
            ("4.0", ""), ("3.9", "L1"), ("3.0", "L1"), ("2.9", "L2"), ("2.0", "L2"), ("1.9", "L3"), ("1.0", "L3"),
            ("0.9", "L4"),
        ]),
        *(("PLAT", value, "150", None, flag) for value, flag in [
            ("150", ""), ("149", "L1"), ("75", "L1"), ("74", "L2"), ("50", "L2"), ("49", "L3"), ("25", "L3"),
            ("24", "L4"),
        ]),
        *(("NEUT", value, "1.8", None, flag) for value, flag in [
            ("1.8", ""), ("1.5", "L1"), ("1.49", "L2"), ("1.0", "L2"), ("0.5", "L3"), ("0.49", "L4"),
        ]),
        *(("AST", value, None, "34", flag) for value, flag in [
            ("34", ""), ("34.1", "H1"), ("102", "H1"), ("102.1", "H2"), ("170", "H2"), ("170.1", "H3"), ("680", "H3"),
            ("680.1", "H4"),
        ]),
        *(("TEMP", value, None, None, flag) for value, flag in [
            ("37.9", ""), ("38.0", "H1"), ("39.0", "H1"), ("39.1", "H2"), ("40.0", "H2"), ("40.1", "H3"),
        ]),
        # Without the limit the first grade cannot be told, the others can.
        ("WBC", "3.5", None, None, ""),
        ("WBC", "1.5", None, None, "L3"),
        ("AST", "900", None, None, ""),
        ("CREAT", "9", "0.5", "1.2", ""),
    ],
)  # fmt: skip
def test_a_value_suggests_the_grade_that_its_number_decides(test, value, low, high, flag):
    assert grade(test, value, low, high) == flag


@pytest.mark.parametrize(
    ("value", "flag"), [("74", ""), ("75", "H1"), ("150", "H1"), ("151", "H2"), ("251", "H3"), ("1001", "H4")]
)
def test_from_an_abnormal_baseline_multiples_of_the_baseline_count(value, flag):
    assert grade("ALT", value, None, "34", baseline="50") == flag


def test_a_normal_baseline_changes_nothing():
    assert grade("ALT", "40", None, "34", baseline="30") == "H1"


@given(st.decimals("0.01", "30", places=2), st.decimals("0.01", "30", places=2))
def test_a_lower_count_never_suggests_a_lower_grade(one, other):
    lower, higher = sorted([one, other])
    grades = [grade("WBC", value, "4.0") or "L0" for value in (lower, higher)]
    assert grades[0] >= grades[1]


def test_the_numbers_that_are_used_are_those_that_are_shown():
    """The page shows the grades in words; each limit stands in the words of its grade."""
    for hint in protocol.current().ctcae.hints:
        words = (hint.grade_1, hint.grade_2, hint.grade_3, hint.grade_4)
        for limit, text in zip(hint.limits, words, strict=False):
            assert str(limit) in text or (limit == 1 and "ULN" in text), (hint.term, limit, text)
