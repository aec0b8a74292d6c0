import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO

import django_tables2 as tables
import pytest
from django.utils.html import format_html
from openpyxl import load_workbook

from studytracker.exports.tables import as_csv, as_xlsx

DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "＝1+1",
    "＋1",
    "－1",
    "＠A1",
    '=cmd|" /C calc"!A0',
]
HARMLESS = ["a=1", "x,=1+1", '"=1+1"', "a\n=1+1", "3-4", "", "'=1", "MUSC-003", "#N/A", "é✓"]


class EventTable(tables.Table):
    text = tables.Column(verbose_name="Term")
    number = tables.Column()
    on = tables.DateColumn()
    at = tables.DateTimeColumn()
    chip = tables.Column(empty_values=(), verbose_name="Status")
    link = tables.Column(empty_values=(), exclude_from_export=True)

    def render_chip(self, record):
        return format_html(
            '<span class="chip"><span aria-hidden="true">✓</span> Done &lt;{}&gt;</span>', record["text"]
        )

    def render_link(self):
        return "Open"


def table_of(*texts, number=None, on=None, at=None):
    return EventTable([{"text": text, "number": number, "on": on, "at": at} for text in texts])


def csv_rows(table):
    response = as_csv(table, "events.csv")
    content = b"".join(response.streaming_content)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline="")))


def sheet(table, **kwargs):
    return load_workbook(BytesIO(as_xlsx(table, "events.xlsx", "Adverse events", **kwargs).content)).worksheets[0]


@pytest.mark.parametrize("text", DANGEROUS)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert csv_rows(table_of(text))[1][0] == f"'{text}"
    cell = sheet(table_of(text))["A2"]
    assert (cell.data_type, cell.value.replace("\r", "\n")) == ("s", f"'{text}".replace("\r", "\n"))


def test_a_leading_nul_is_guarded_and_kept_out_of_xlsx():
    assert csv_rows(table_of("\0=1"))[1][0] == "'\0=1"
    assert sheet(table_of("\0=1"))["A2"].value == "\N{REPLACEMENT CHARACTER}=1"


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_left_as_it_is(text):
    assert csv_rows(table_of(text))[1][0] == text
    cell = sheet(table_of(text))["A2"]
    assert cell.value == (text or None)
    assert cell.data_type in ("s", "n" if not text else "s")


@pytest.mark.parametrize("number", [-1.5, 0, -3, Decimal("-0.50"), 10**12])
def test_numbers_stay_numbers(number):
    assert csv_rows(table_of("x", number=number))[1][1] == str(number)
    cell = sheet(table_of("x", number=number))["B2"]
    assert (cell.data_type, cell.value) == ("n", float(number))


def test_dates_are_real_dates_and_instants_are_in_utc():
    table = table_of("x", on=date(2025, 6, 14), at=datetime(2025, 6, 14, 18, 5, tzinfo=UTC))
    assert csv_rows(table)[1][2:4] == ["2025-06-14", "2025-06-14T18:05:00Z"]
    row = sheet(table)[2]
    assert (row[2].is_date, row[2].value) == (True, datetime(2025, 6, 14))
    assert (row[3].is_date, row[3].value) == (True, datetime(2025, 6, 14, 18, 5))


def test_what_is_missing_is_an_empty_cell_not_a_dash():
    assert csv_rows(table_of("x"))[1][1:4] == ["", "", ""]
    assert [cell.value for cell in sheet(table_of("x"))[2]][1:4] == [None, None, None]


def test_the_header_comes_first_and_columns_of_buttons_are_left_out():
    header = ["Term", "Number", "On", "At", "Status"]
    assert csv_rows(table_of("x"))[0] == header
    found = sheet(table_of("x"))
    assert [cell.value for cell in found[1]] == header
    assert found.freeze_panes == "A2"


def test_cells_of_html_become_the_text_a_person_reads():
    assert csv_rows(table_of("a & b"))[1][4] == "✓ Done <a & b>"
    assert sheet(table_of("a & b"))["E2"].value == "✓ Done <a & b>"


def test_lines_end_and_quote_as_rfc_4180_says():
    content = b"".join(as_csv(table_of('say "no", twice'), "e.csv").streaming_content)
    assert content.endswith('"say ""no"", twice","","","","✓ Done <say ""no"", twice>"\r\n'.encode())


def test_a_text_that_cannot_be_encoded_does_not_stop_the_file():
    assert csv_rows(table_of("a\ud800b"))[1][0] == "a\N{REPLACEMENT CHARACTER}b"
    assert sheet(table_of("a\ud800\x0bb"))["A2"].value == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"


def test_a_text_longer_than_a_cell_says_that_it_is_cut():
    value = sheet(table_of("x" * 40_000))["A2"].value
    assert len(value) == 32_767
    assert value.endswith("x [cut here: the CSV file has the whole text]")
    assert csv_rows(table_of("x" * 40_000))[1][0] == "x" * 40_000


def test_the_second_sheet_says_what_the_rows_are():
    response = as_xlsx(table_of("x"), "events.xlsx", "Adverse events", about=[("Filters", "=none")])
    book = load_workbook(BytesIO(response.content))
    assert book.sheetnames == ["Adverse events", "About"]
    assert list(book["About"].values) == [("Title", "Adverse events"), ("Filters", "'=none")]


def test_a_title_no_sheet_may_have_is_made_fit():
    response = as_xlsx(table_of("x"), "e.xlsx", "AEs: serious/not [all sites, all grades and more]")
    assert load_workbook(BytesIO(response.content)).sheetnames[0] == "AEs  serious not  all sites, al"


def test_files_are_downloads_that_no_cache_keeps():
    response = as_csv(table_of("x"), "adverse-events.csv")
    assert response["Content-Disposition"] == 'attachment; filename="adverse-events.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "private, no-store"


def test_an_error_in_a_row_stops_the_file_before_it_begins():
    class Broken(EventTable):
        def value_text(self, value):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        as_csv(Broken([{"text": "x"}]), "events.csv")
