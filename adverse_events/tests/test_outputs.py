"""The safety outputs: one class a table, the same rows on the page, as CSV, XLSX and PDF."""

import csv
import io

import pytest
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader

from adverse_events.outputs.catalogue import OUTPUTS
from adverse_events.reporting import report
from conftest import NOW
from studytracker.dates import PartialDate


@pytest.fixture
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
