"""Screening cases written by hand: each criterion failing alone, each on its boundary, unknowns, composites."""

import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest

from participants.worksheet import judge

from .cases import evidence

CASES = tomllib.loads(Path(__file__).with_name("screening_cases.toml").read_text(encoding="utf-8"))["case"]
WORDS = {"not met": "failed", "waiting": "waiting", "unknown": "unknown", "not yet": "unanswered"}
EXPECTED = ("expect", "earliest", "rescreen", "driver", "fits", "baseline")


def judged(case):
    facts = {key: value for key, value in case.items() if key not in ("name", *EXPECTED)}
    facts = evidence(**facts)
    return judge(facts, baseline=case.get("baseline", facts.screened_on + timedelta(days=1)))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_comes_out_as_written(case):
    sheet = judged(case)
    found = {words: getattr(sheet.assessment, name) for words, name in WORDS.items()}
    state = next((f"{words} {' '.join(ids)}" for words, ids in found.items() if ids), "eligible")
    assert state == case["expect"]
    assert sheet.is_eligible is (case["expect"] == "eligible")
    assert (sheet.earliest_on.isoformat() if sheet.earliest_on else "none") == case["earliest"]
    assert sheet.rescreen_on == (date.fromisoformat(case["rescreen"]) if "rescreen" in case else None)
    assert sheet.driver is None or sheet.driver.part.id == case.get("driver", sheet.driver.part.id)
    assert sheet.fits is case.get("fits", case["earliest"] != "none")


def test_there_are_enough_cases_and_each_criterion_fails_in_one():
    assert len(CASES) >= 60
    failing = {
        each for case in CASES if case["expect"] != "eligible" for each in case["expect"].split() if each[0] in "RIE"
    }
    assert failing == {"R1", *(f"I{n}" for n in range(1, 6)), *(f"E{n}" for n in range(1, 14))}


def test_a_wrong_expectation_would_be_found():
    """The negative control: the same case with another expectation fails."""
    case = next(case for case in CASES if case["expect"] == "eligible")
    with pytest.raises(AssertionError):
        test_a_case_comes_out_as_written(case | {"earliest": "2025-06-20"})
