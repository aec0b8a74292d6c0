import csv
import io
import re
from datetime import date

import openpyxl
import pytest

from adverse_events.reporting import report
from conftest import NOW
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)


@pytest.fixture
def events(musc, emory, coordinator, emory_coordinator):
    first, second, other = musc.infused(DAY0), musc.infused(DAY0), emory.infused(DAY0)

    def log(participant, by, term, started, **facts):
        return report(participant=participant, term=term, started=started, by=by, at=NOW, **facts)

    log(first, coordinator, "Fatigue", PartialDate(2025, 6, 2), grade=1, causality="possible")
    log(second, coordinator, "=1+1 headache", PartialDate(2025, 6), grade=3, is_hospitalization=True)
    ended = {"ended": PartialDate(2025, 6, 4), "is_ongoing": False, "outcome": "recovered"}
    log(first, coordinator, "Rash", PartialDate(2025, 5, 31), grade=2, **ended)
    log(other, emory_coordinator, "Secret of Emory", PartialDate(2025, 6, 2), grade=4)


def rows(client, query=""):
    response = client.get(f"/adverse-events/?format=csv{query}")
    assert response.status_code == 200
    text = b"".join(response).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_listing_holds_the_events_of_the_reader_s_sites(events, browse, coordinator, chair):
    assert [row["Reported term"] for row in rows(browse(coordinator))] == ["Rash", "Fatigue", "'=1+1 headache"]
    assert len(rows(browse(chair))) == 4


def test_each_row_says_days_and_duration_or_leaves_them_open(events, browse, coordinator, frozen):
    table = {row["Reported term"]: row for row in rows(browse(coordinator))}
    study_day, from_dose = "Study day of onset (infusion = 1)", "Days from infusion"
    fatigue, rash, headache = table["Fatigue"], table["Rash"], table["'=1+1 headache"]
    assert (fatigue["Onset"], fatigue[study_day], fatigue[from_dose], fatigue["End"]) == (
        "02-JUN-2025",
        "3",
        "2",
        "Ongoing",
    )
    assert (rash[study_day], rash[from_dose], rash["End"], rash["Duration (days)"]) == ("1", "0", "04-JUN-2025", "5")
    assert (headache["Onset"], headache[study_day], headache[from_dose]) == ("UN-JUN-2025", "", "1 to 18")
    assert (headache["Serious"], headache["CTCAE grade"], fatigue["Related to the cells"]) == ("Yes", "3", "Possible")


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("&is_serious=True", ["'=1+1 headache"]),
        ("&grade_from=2", ["Rash", "'=1+1 headache"]),
        ("&causality=possible", ["Fatigue"]),
        ("&term=RASH", ["Rash"]),
        ("&is_ongoing=False", ["Rash"]),
        ("&identifier=002", ["'=1+1 headache"]),
        ("&site=EMORY", []),
        ("&sort=-grade", ["'=1+1 headache", "Rash", "Fatigue"]),
        ("&sort=term", ["'=1+1 headache", "Fatigue", "Rash"]),
        ("&sort=nothing;drop", ["Rash", "Fatigue", "'=1+1 headache"]),
        ("&grade_from=abc", ["Rash", "Fatigue", "'=1+1 headache"]),
    ],
)
def test_the_file_holds_what_the_page_shows(events, browse, coordinator, query, terms):
    client = browse(coordinator)
    assert [row["Reported term"] for row in rows(client, query)] == terms
    page = client.get(f"/adverse-events/?{query[1:]}").content.decode()
    for term in ("Fatigue", "Rash"):
        assert bool(re.search(rf">\s*{term}\s*</td>", page)) is (term in terms)


def test_the_workbook_holds_real_numbers_and_no_formula(events, browse, coordinator):
    response = browse(coordinator).get("/adverse-events/?format=xlsx&sort=-grade")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(response)))
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    grade, term = header.index("CTCAE grade"), header.index("Reported term")
    assert [(row[grade].value, row[term].value) for row in sheet.iter_rows(min_row=2)] == [
        (3, "'=1+1 headache"),
        (2, "Rash"),
        (1, "Fatigue"),
    ]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}


def test_a_monitor_reads_the_listing_and_takes_no_file(events, browse, monitor):
    client = browse(monitor)
    page = client.get("/adverse-events/")
    assert page.status_code == 200
    assert b"Secret of Emory" in page.content
    assert b"Download CSV" not in page.content
    assert client.get("/adverse-events/?format=csv").status_code == 403


@pytest.mark.parametrize("many", [1, 40])
def test_the_listing_takes_the_same_queries_however_many_events(
    musc, coordinator, browse, many, django_assert_num_queries
):
    participant = musc.infused(DAY0)
    for number in range(many):
        report(participant=participant, term=f"Event {number}", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    client = browse(coordinator)
    client.get("/adverse-events/")
    with django_assert_num_queries(8):
        client.get("/adverse-events/")
