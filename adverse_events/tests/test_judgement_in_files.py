"""What else an event is related to, and its special interest: in the files of the listing and in what is exported."""

import csv
import io

import openpyxl
import pytest

from adverse_events.datasets import events as dataset
from adverse_events.reporting import report
from conftest import NOW
from studytracker.dates import PartialDate
from studytracker.exports import package
from studytracker.exports.formats import dictionary
from studytracker.exports.privacy import Level, Pseudonyms
from studytracker.exports.reading import extract

COLUMNS = [
    "Related to the infusion procedure",
    "Related to the disease",
    "Related to a background medicine",
    "Related to something else",
    "What else it is related to",
    "Event of special interest",
]
NAMES = [
    *("related_to_infusion", "related_to_disease", "related_to_medicine", "related_to_other"),
    *("related_to_text", "special_interest"),
]
ANSWERED = {
    "is_related_to_infusion": False,
    "is_related_to_disease": True,
    "is_related_to_other": True,
    "related_to_text": "Influenza in the household",
    "special_interest": "infection",
}
IN_FILES = {
    "Fever": ["No", "Yes", "", "Yes", "Influenza in the household", "Infection"],
    "Rash": ["", "", "", "", "", "None of these"],
    "Cough": [""] * 6,
}


@pytest.fixture
def events(musc, coordinator, frozen):
    participant = musc.screened()
    for term, facts in (("Fever", ANSWERED), ("Rash", {"special_interest": "none"}), ("Cough", {})):
        facts = facts | {"is_hospitalization": True, "started": PartialDate(2025, 6)}
        report(participant=participant, term=term, by=coordinator, at=NOW, **facts)


@pytest.mark.parametrize("address", ["/adverse-events/", "/adverse-events/serious/"])
def test_the_csv_of_the_listing_has_each_answer(events, coordinator, browse, address):
    content = browse(coordinator).get(f"{address}?format=csv").getvalue().decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(content))
    assert {row["Reported term"]: [row[name] for name in COLUMNS] for row in rows} == IN_FILES


def test_the_workbook_of_the_listing_has_the_same(events, coordinator, browse):
    content = browse(coordinator).get("/adverse-events/?format=xlsx").getvalue()
    header, *rows = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    table = [dict(zip(header, row, strict=True)) for row in rows if row[0] is not None or row[1] is not None]
    told = {row["Reported term"]: [row[name] or "" for name in COLUMNS] for row in table if row["Reported term"]}
    assert told == IN_FILES


def exported(level):
    return extract(dataset, sites=["MUSC"], level=level, pseudonyms=Pseudonyms("E", ()))


def test_the_dataset_has_each_answer_by_its_code(events):
    told = exported(Level.IDENTIFIED)
    rows = [dict(zip(told.header, row, strict=True)) for row in told.rows()]
    assert {row["term"]: [row[name] for name in NAMES] for row in rows} == {
        "Fever": [False, True, None, True, "Influenza in the household", "infection"],
        "Rash": [None, None, None, None, "", "none"],
        "Cough": [None, None, None, None, "", ""],
    }


def test_the_words_stay_here_where_free_text_does(events):
    assert [name for name in NAMES if name not in exported(Level.STUDY_DAY).header] == ["related_to_text"]


def test_the_dictionary_and_the_codelist_say_what_the_columns_hold(events, tmp_path):
    told = exported(Level.IDENTIFIED)
    entries = {each["column"]: (each["label"], each["holds"], each["codelist"]) for each in dictionary([told])}
    assert [entries[name] for name in NAMES] == [
        ("Related to the infusion procedure", "yes or no", ""),
        ("Related to the disease", "yes or no", ""),
        ("Related to a background medicine", "yes or no", ""),
        ("Related to something else", "yes or no", ""),
        ("What else it is related to", "free text", ""),
        ("Event of special interest; empty: not answered", "a code", "special_interest"),
    ]
    package._write_codelists(tmp_path / "codelists.csv", [told])
    lines = csv.DictReader(io.StringIO((tmp_path / "codelists.csv").read_text(encoding="utf-8")))
    assert {line["code"]: line["label"] for line in lines if line["codelist"] == "special_interest"} == {
        "infusion_reaction": "Infusion reaction",
        "infection": "Infection",
        "thromboembolism": "Thromboembolism",
        "malignancy": "Malignancy",
        "ectopic_tissue": "Ectopic tissue",
        "none": "None of these",
    }
