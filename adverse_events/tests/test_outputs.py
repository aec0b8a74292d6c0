"""The safety outputs: one class a table, the same rows on the page, as CSV, XLSX and PDF."""

import csv
import io
import re
import shutil
import subprocess

import pytest
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader

from adverse_events.outputs.catalogue import OUTPUTS
from adverse_events.outputs.making import header
from adverse_events.reporting import report
from adverse_events.tests.test_listing import AEL02_ED
from conftest import NOW, staged
from studytracker.dates import PartialDate


@staged
def events(musc, emory, coordinator, emory_coordinator):
    first, second, other = musc.infused(), musc.infused(), emory.infused()
    for participant, by, term, facts in (
        (first, coordinator, "Rash", {"grade": 3, "causality": "possible"}),
        (first, coordinator, "rash", {"grade": 1}),
        (second, coordinator, "Nausea", {"grade": 2, "is_hospitalization": True}),
        (other, emory_coordinator, "Fever", {"grade": 4}),
    ):
        report(participant=participant, term=term, started=PartialDate(2025, 6, 3), by=by, at=NOW, **facts)


def address(code, **query):
    return reverse("safety_output", args=[code]), query


def table_of(client, code, **query):
    url, query = address(code, format="csv", **query)
    response = client.get(url, query)
    assert response.status_code == 200
    lines = list(csv.reader(io.StringIO(b"".join(response).decode("utf-8-sig"))))
    cut = lines.index([])
    return lines[:cut], dict(lines[cut + 1 :])


def test_every_output_is_a_page_and_three_files_that_say_what_they_are(events, chair, browse, frozen):
    client = browse(chair)
    for code in OUTPUTS:
        check(client, code)


def check(client, code):
    url, _ = address(code)
    page = client.get(url)
    assert page.status_code == 200
    lines, about = table_of(client, code)
    assert set(about) >= {"Title", "Filters", "Data as of", "Protocol", "Sites"}
    assert about["Data as of"].startswith("audit entry ")
    assert about["Data as of"].endswith("2025-06-18 15:00:00 UTC")
    book = load_workbook(io.BytesIO(client.get(url, {"format": "xlsx"}).content))
    sheet = [["" if value is None else str(value) for value in row] for row in book.worksheets[0].values]
    assert [len(row) for row in sheet] == [len(row) for row in lines]
    assert sheet[0] == lines[0]
    paper = PdfReader(io.BytesIO(client.get(url, {"format": "pdf"}).content))
    assert paper.trailer["/Root"]["/MarkInfo"]["/Marked"]
    text = "".join("".join(each.extract_text() for each in paper.pages).split())
    for words in ("Page1of", "auditentry", "Protocol:version", "Filters:none"):
        assert words in text


LONG = "Itching that " + "nobodycouldexplainatall" * 6 + " and that came back whenever it was hot in the evening"


@staged
def long_terms(musc, coordinator):
    assert len(f"{LONG[:195]} 00") == 198
    participant = musc.infused()
    for number in range(30):
        facts = {"grade": 2, "is_hospitalization": True, "causality": "possible"}
        report(
            participant=participant,
            term=f"{LONG[:195]} {number:02}",
            started=PartialDate(2025, 6, 3),
            by=coordinator,
            at=NOW,
            **facts,
        )


def squeezed(text):
    """Without blanks and hyphens, which a line end may add."""
    return "".join(text.split()).replace("-", "").replace("\u00ad", "")


@pytest.mark.parametrize("code", ["events", "serious-events", "by-term", "by-grade", "coding"])
def test_a_long_term_wraps_and_no_cell_is_cut_off(long_terms, chair, browse, frozen, tmp_path, code):
    content = browse(chair).get(reverse("safety_output", args=[code]), {"format": "pdf"}).content
    paper = PdfReader(io.BytesIO(content))
    text = squeezed("".join(page.extract_text() for page in paper.pages)).upper()
    for number in range(30):
        assert text.count(squeezed(f"{LONG[:195]} {number:02}").upper()) >= 1
    assert f"Page{len(paper.pages)}of{len(paper.pages)}".upper() in text
    assert fonts_not_embedded(paper) == []
    assert paper.trailer["/Root"]["/MarkInfo"]["/Marked"]
    if shutil.which("pdftotext"):
        assert words_outside(content, tmp_path) == []


def fonts_not_embedded(paper):
    found = [font.get_object() for page in paper.pages for font in page["/Resources"]["/Font"].values()]
    assert found
    inner = [each.get_object() for font in found for each in font.get("/DescendantFonts", [font])]
    return [
        font["/BaseFont"]
        for font in inner
        if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(font["/FontDescriptor"].get_object())
    ]


def words_outside(content, folder):
    """Words whose box leaves the page, by poppler."""
    (folder / "it.pdf").write_bytes(content)
    told = subprocess.run(["pdftotext", "-bbox", folder / "it.pdf", "-"], capture_output=True, check=True, text=True)
    box = re.compile(r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>')
    found = [(*map(float, each[:4]), each[4]) for each in box.findall(told.stdout)]
    assert len(found) > 100
    return [each for each in found if each[0] < 30 or each[1] < 10 or each[2] > 792 - 30 or each[3] > 612 - 10]


@pytest.mark.parametrize("many", [1, 12])
@pytest.mark.parametrize(("code", "queries"), [("events", 10), ("overview", 10), ("visit-compliance", 9)])
def test_an_output_takes_the_same_queries_however_many_rows(
    musc, coordinator, browse, frozen, many, code, queries, django_assert_num_queries
):
    participant = musc.infused()
    for number in range(many):
        report(participant=participant, term=f"E{number}", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    client = browse(coordinator)
    client.get(reverse("safety_output", args=[code]))
    with django_assert_num_queries(queries):
        client.get(reverse("safety_output", args=[code]))


AEL03 = [
    "Treatment",
    "Center/Participant ID",
    "Age/Sex/Race",
    "Adverse Event Dictionary Term (CTCAE)",
    "Date of First Study Drug Administration",
    "Study Day of Onset",
    "AE Duration in Days",
    "Most Extreme Intensity (CTCAE grade)",
    "Caused by Study Drug",
    "Outcome (1)",
    "Treatment for AE",
    "Action Taken (2)",
    "Reason Classified as Serious (3)",
]
AEL04 = [
    "Treatment",
    "Center/Participant ID",
    "Age/Sex/Race",
    "Date of First Study Drug Administration",
    "Day of Last Study Drug Administration",
    "Day of Death",
    "Cause of Death",
    "Autopsy Performed?",
]


def test_the_listings_have_the_columns_of_the_standard_in_their_order(events, chair, browse, frozen):
    client = browse(chair)
    shown = {
        code: header(client.get(reverse("safety_output", args=[code])).context["made"].table)
        for code in ("events", "serious-events", "deaths")
    }
    assert shown == {"events": AEL02_ED, "serious-events": AEL03, "deaths": AEL04}


def test_events_before_the_infusion_are_listed_apart_and_counted_nowhere(musc, coordinator, chair, browse, frozen):
    participant = musc.infused()
    for term, month, day in (("Early", 5, 25), ("Late", 6, 3)):
        started = PartialDate(2025, month, day)
        report(participant=participant, term=term, started=started, by=coordinator, at=NOW, is_fatal=False)
    client = browse(chair)
    lines, _ = table_of(client, "events")
    assert [(row[0], row[3]) for row in lines[1:]] == [
        ("Low Dose Mesenchymal Stem Cells (MSCs)", "Late"),
        ("Before the infusion", "Early"),
    ]
    counted, about = table_of(client, "overview")
    assert dict(row[:2] for row in counted)["Total number of AEs"] == "1"
    notes = client.get(reverse("safety_output", args=["overview"])).context["made"].table.footnotes
    assert any("in the listing alone: 1 here" in note for note in notes)


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ({}, {"Rash", "rash", "Nausea", "Fever"}),
        ({"site": "MUSC"}, {"Rash", "rash", "Nausea"}),
        ({"serious": "on"}, {"Nausea"}),
        ({"related": "on"}, {"Rash"}),
        ({"grade": "3"}, {"Rash", "Fever"}),
        ({"grade": "3", "site": "EMORY"}, {"Fever"}),
        ({"grade": "nine"}, {"Rash", "rash", "Nausea", "Fever"}),
    ],
)
def test_an_output_holds_what_its_filters_say(events, chair, browse, frozen, query, terms):
    lines, about = table_of(browse(chair), "events", **query)
    place = lines[0].index("Reported term")
    assert {row[place] for row in lines[1:]} == terms
    assert (about["Filters"] == "none") == (query in ({}, {"grade": "nine"}))
