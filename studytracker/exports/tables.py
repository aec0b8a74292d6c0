"""One writer per spreadsheet format. The rows are those of a table class, so page and files cannot differ.

These files are for spreadsheets: text that a spreadsheet would run as a formula gets a leading apostrophe.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from html import unescape
from io import BytesIO

import django_tables2
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The last four are the full-width forms of the first four, which spreadsheets read alike.
FORMULA_STARTS = frozenset("=+-@\t\r\n\0＝＋－＠")
UNWRITABLE = re.compile("[\ud800-\udfff]")
UNWRITABLE_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LONGEST_CELL = 32_767
_CUT = " [cut here: the CSV file has the whole text]"


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text):
        return text


def as_csv(table, filename: str, about: Iterable[tuple[str, str]] = ()) -> StreamingHttpResponse:
    """UTF-8 with a byte order mark, quoted as RFC 4180 says, sent line by line. What they are (`about`) stands below.

    The rows are read before the first line leaves: an error must give an error page, never a short file.
    """
    found = [*rows(table), *([[], *map(list, about)] if about else [])]
    return _as_download(StreamingHttpResponse(_csv_lines(found), "text/csv; charset=utf-8"), filename)


def as_xlsx(table, filename: str, title: str, about: Iterable[tuple[str, str]] = ()) -> HttpResponse:
    """The rows on one sheet, what they are on the next. Dates and numbers are real; instants are in UTC."""
    book = Workbook(write_only=True)
    _write_rows(book.create_sheet(sheet_name(title)), table)
    _write_about(book.create_sheet("About"), [("Title", title), *about])
    made = BytesIO()
    book.save(made)
    return _as_download(HttpResponse(made.getvalue(), XLSX), filename)


def _as_download(response, filename):
    response["Content-Disposition"] = content_disposition_header(True, filename)
    response["Cache-Control"] = "private, no-store"
    return response


def rows(table) -> Iterator[list]:
    """The header, then every row with dates as dates and cells of HTML as their text."""
    readers = [_reader(bound) for bound in table.columns.iterall() if not bound.column.exclude_from_export]
    values = table.as_values()
    yield [plain(header) for header in next(values)]
    for row in values:
        yield [read(plain(value)) for read, value in zip(readers, row, strict=True)]


def _reader(bound):
    # These columns turn what they hold into text, and nothing into a dash, before an export sees it.
    if isinstance(bound.column, django_tables2.DateTimeColumn):
        return partial(_parsed, datetime.fromisoformat, bound.default)
    if isinstance(bound.column, django_tables2.DateColumn):
        return partial(_parsed, date.fromisoformat, bound.default)
    return lambda value: value


def _parsed(parse, dash, value):
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except ValueError:
        return None if value == dash else value


def plain(value):
    """Cells are rendered for the page; what carries markup becomes the text a person reads there."""
    if isinstance(value, SafeString):
        return " ".join(unescape(strip_tags(value)).split())
    return value


def guarded(text: str) -> str:
    return f"'{text}" if text[:1] in FORMULA_STARTS else text


def _csv_lines(found):
    writer = csv.writer(_Echo(), lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    yield codecs.BOM_UTF8
    for row in found:
        yield writer.writerow([_csv_value(value) for value in row]).encode()


def _csv_value(value):
    if isinstance(value, datetime) and timezone.is_aware(value):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, str):
        return guarded(UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", value))
    return value


def sheet_name(title: str) -> str:
    """Excel allows 31 characters, and some not at all."""
    return re.sub(r"[\[\]:*?/\\'\x00-\x1f]", " ", title).strip()[:31] or "Rows"


def _write_rows(sheet, table):
    found = rows(table)
    header = next(found)
    sheet.freeze_panes = "A2"
    for number, name in enumerate(header, 1):
        sheet.column_dimensions[get_column_letter(number)].width = max(12, min(40, len(str(name)) + 4))
    sheet.append([_cell(sheet, name, bold=True) for name in header])
    for row in found:
        sheet.append([_cell(sheet, value) for value in row])


def _write_about(sheet, lines):
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 22, 90
    for label, text in lines:
        sheet.append([_cell(sheet, label, bold=True), _cell(sheet, text)])


def _cell(sheet, value, *, bold=False):
    cell = WriteOnlyCell(sheet)
    if isinstance(value, str):
        cell.value = xlsx_text(value)
        cell.data_type = "s"  # or "#N/A" would be stored as an error
    elif isinstance(value, datetime) and timezone.is_aware(value):
        cell.value = value.astimezone(UTC).replace(tzinfo=None)
    else:
        cell.value = value
    if bold:
        cell.font = Font(bold=True)
    return cell


def xlsx_text(text: str) -> str:
    if not (text.isascii() and text.isprintable()):  # hardly ever, so most texts are spared the search
        text = UNWRITABLE_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    text = guarded(text)
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - len(_CUT)] + _CUT
