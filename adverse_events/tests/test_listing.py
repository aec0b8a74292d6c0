import csv
import io
import re
from datetime import date, time

import openpyxl
import pytest
from pypdf import PdfReader

from adverse_events.reporting import report
from conftest import NOW, staged
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)
GRADE = "Most Extreme Intensity (CTCAE grade)"


@staged
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
    return list(csv.DictReader(io.StringIO(text_of(response))))


def text_of(response):
    return b"".join(response).decode("utf-8-sig")


def test_the_listing_holds_the_events_of_the_reader_s_sites(events, browse, coordinator, chair):
    assert [row["Reported term"] for row in rows(browse(coordinator))] == ["Rash", "Fatigue", "'=1+1 headache"]
    assert len(rows(browse(chair))) == 4


def test_each_row_says_days_and_duration_or_leaves_them_open(events, browse, coordinator, frozen):
    table = {row["Reported term"]: row for row in rows(browse(coordinator))}
    days, length = "Days from infusion", "AE Duration in Days"
    fatigue, rash, headache = table["Fatigue"], table["Rash"], table["'=1+1 headache"]
    assert (fatigue["Onset"], fatigue["Study Day of Onset"], fatigue[days], fatigue["End"]) == (
        "02-JUN-2025",
        "3",
        "2",
        "Ongoing",
    )
    assert (rash["Study Day of Onset"], rash[days], rash["End"], rash[length]) == ("1", "0", "04-JUN-2025", "5")
    assert (headache["Onset"], headache["Study Day of Onset"], headache[days]) == ("UN-JUN-2025", "", "1 to 18")
    assert (headache["Serious"], headache[GRADE], fatigue["Related to the cells"]) == ("Yes", "3", "Possible")


AEL02_ED = [
    "Treatment",
    "Center/Participant ID",
    "Age/Sex/Race",
    "Adverse Event Dictionary Term (CTCAE)",
    "Study Day of Onset",
    "Time from Last Dose to Onset, days",
    "Time from Last Dose to Onset, hrs",
    "Time from Last Dose to Onset, mins",
    "AE Duration in Days",
    "Serious",
    GRADE,
    "Caused by Study Drug",
    "Outcome (1)",
    "Treatment for AE",
    "Action Taken (2)",
]
AEL03 = [
    "Treatment",
    "Center/Participant ID",
    "Age/Sex/Race",
    "Adverse Event Dictionary Term (CTCAE)",
    "Date of First Study Drug Administration",
    "Study Day of Onset",
    "AE Duration in Days",
    GRADE,
    "Caused by Study Drug",
    "Outcome (1)",
    "Treatment for AE",
    "Action Taken (2)",
    "Reason Classified as Serious (3)",
]


def test_the_files_begin_with_the_columns_of_the_standard_listings(events, browse, coordinator):
    assert list(rows(browse(coordinator))[0])[:15] == AEL02_ED
    serious = list(csv.reader(io.StringIO(text_of(browse(coordinator).get("/adverse-events/serious/?format=csv")))))
    assert serious[0][:13] == AEL03
    assert [(row[1], row[4], row[12]) for row in serious[1:]] == [("MUSC-002", "2025-05-31", "3")]


def test_the_time_from_dose_is_told_as_far_as_known(musc, browse, coordinator):
    participant = musc.infused(DAY0)
    facts = {"term": "Chills", "started": PartialDate(2025, 5, 31), "started_time": time(12, 40), "by": coordinator}
    report(participant=participant, at=NOW, causality="possible", action_taken="not_applicable", **facts)
    [row] = rows(browse(coordinator))
    assert [row[name] for name in AEL02_ED[:8]] == [
        "Low Dose Mesenchymal Stem Cells (MSCs)",
        "MUSC-001",
        "41/F/–",
        "Chills",
        "1",
        "0",
        "2",
        "25",
    ]
    assert [row[name] for name in AEL02_ED[8:]] == ["", "No", "", "Yes", "", "", "6"]


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("&is_serious=True", ["'=1+1 headache"]),
        ("&grade_from=2", ["Rash", "'=1+1 headache"]),
        ("&causality=possible", ["Fatigue"]),
        ("&term=RASH", ["Rash"]),
        ("&is_ongoing=False", ["Rash"]),
        ("&identifier=musc-002", ["'=1+1 headache"]),
        ("&term=ra", ["Rash", "Fatigue", "'=1+1 headache"]),
        ("&since_day=2&since_month=6&since_year=2025", ["Fatigue", "'=1+1 headache"]),
        ("&until_day=31&until_month=5&until_year=2025", ["Rash"]),
        ("&since_day=3&since_month=6&since_year=2025", ["'=1+1 headache"]),
        ("&sort=grade", ["Fatigue", "Rash", "'=1+1 headache"]),
        ("&site=EMORY", []),
        ("&sort=-grade", ["'=1+1 headache", "Rash", "Fatigue"]),
        ("&sort=started", ["Rash", "'=1+1 headache", "Fatigue"]),
        ("&sort=term", ["Rash", "Fatigue", "'=1+1 headache"]),  # words have no order: as it is without
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
    grade, term = header.index(GRADE), header.index("Reported term")
    assert [(row[grade].value, row[term].value) for row in sheet.iter_rows(min_row=2)] == [
        (3, "'=1+1 headache"),
        (2, "Rash"),
        (1, "Fatigue"),
    ]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}


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
    with django_assert_num_queries(7):
        client.get("/adverse-events/")


HYPHEN = "\u2010"  # where a word is parted at the end of a line


@pytest.mark.parametrize("name", ["", "serious/"])
def test_the_listing_is_a_tagged_pdf_with_its_footnotes(events, browse, coordinator, name):
    response = browse(coordinator).get(f"/adverse-events/{name}?format=pdf")
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    paper = PdfReader(io.BytesIO(response.content))
    text = " ".join(page.extract_text() for page in paper.pages).replace(HYPHEN, "")
    assert paper.trailer["/Root"]["/MarkInfo"]["/Marked"]
    for words in ("(1) Outcome: 1 fatal;", "=1+1 headache", "Page 1 of 1", "Treatment for AE"):
        assert "".join(words.split()) in "".join(text.split())


def test_deep_pages_are_read_without_counting_the_rows(musc, coordinator, browse, django_assert_num_queries):
    participant = musc.infused(DAY0)
    for number in range(60):
        report(participant=participant, term=f"Event {number}", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    client = browse(coordinator)
    pages = {number: client.get(f"/adverse-events/?page={number}") for number in (1, 2, 3, 9, 999999)}
    assert {number: page.context["rows_words"] for number, page in pages.items()} == {
        1: "Rows 1 to 25, more follow",
        2: "Rows 26 to 50, more follow",
        3: "Rows 51 to 60 of 60",
        9: "Rows 51 to 60 of 60",
        999999: "Rows 51 to 60 of 60",
    }
    seen = [row.record.number for number in (1, 2, 3) for row in pages[number].context["table"].page.object_list]
    assert seen == list(range(1, 61))


def test_a_participant_is_printed_once_for_a_run_of_rows(events, browse, coordinator, frozen):
    page = browse(coordinator).get("/adverse-events/").content.decode()
    assert page.count(">MUSC-001</a>") == 1
    assert page.count('<span class="visually-hidden">MUSC-001</span>') == 1
    assert ">None<" not in page
    assert [row["Center/Participant ID"] for row in rows(browse(coordinator))] == ["MUSC-001", "MUSC-001", "MUSC-002"]
