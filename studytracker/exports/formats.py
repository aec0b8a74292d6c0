"""One writer per format. Each writes a package's datasets into a folder and can read back how many rows it wrote."""

import csv
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from lxml import etree
from rustpy_xlsxwriter import Format, write_worksheets

from studytracker.dates import PartialDate

from .copying import can_copy, copy_rows
from .reading import Extract
from .tables import UNWRITABLE, guarded, sheet_name, xlsx_text

ROWS_PER_SHEET = 1_000_000
FIXED_DATE = (2000, 1, 1, 0, 0, 0)
WRITTEN_AT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
BLOCK = 1 << 20
LENGTHS_AT, SIZES_FOLLOW = 26, 0x08  # in the header of an entry of a ZIP file
BOOK = "studytracker.xlsx"
DATE_FORMAT, INSTANT_FORMAT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"


class Written(NamedTuple):
    """A file of the package; `rows` is what was written into it for one dataset."""

    name: str
    dataset: str
    rows: int
    columns: int


Told = Callable[[int], None]


def counted(rows: Iterable[list], tell: Told, every: int = 1000) -> Iterator[list]:
    """The rows, telling now and then how many have passed."""
    number = 0
    for number, row in enumerate(rows, 1):
        if number % every == 0:
            tell(number)
        yield row
    tell(number)


def text(value) -> str:
    """A value as CSV and JSON text: ISO 8601, instants in UTC."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case date():
            return value.isoformat()
        case PartialDate():
            return value.iso
        case Decimal():
            return f"{value:f}"
    return UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))


def _csv_value(value):
    return guarded(text(value)) if isinstance(value, str) else text(value)


def write_csv(folder: Path, extracts: list[Extract], tell: Callable[[Extract, int], None]) -> list[Written]:
    """UTF-8 without a byte order mark, RFC 4180; text a spreadsheet would run as a formula gets an apostrophe."""
    written = []
    for extract in extracts:
        name, told = f"data/{extract.dataset.name}.csv", partial(tell, extract)
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(extract.header)
            rows = 0 if can_copy(extract) else _write_rows(writer, counted(extract.rows(), told))
        if can_copy(extract):
            rows = copy_rows(extract, folder / name, told)
        written.append(Written(name, extract.dataset.name, rows, len(extract.header)))
    return written


def _write_rows(writer, rows) -> int:
    written = 0
    for row in rows:
        writer.writerow(map(_csv_value, row))
        written += 1
    return written


def count_csv(path: Path, dataset: str) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def _json_value(value):
    return value if value is None or isinstance(value, bool | int) else text(value)


def write_json(folder: Path, extracts: list[Extract], tell: Callable[[Extract, int], None]) -> list[Written]:
    """{"dataset", "columns", "rows"}: one row a line, decimals as text so that no place is lost."""
    written = []
    for extract in extracts:
        name, rows = f"data/{extract.dataset.name}.json", 0
        head = {"dataset": extract.dataset.name, "columns": extract.header}
        with (folder / name).open("w", encoding="utf-8") as file:
            file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": [')
            for row in counted(extract.rows(), lambda done, extract=extract: tell(extract, done)):
                file.write(",\n" if rows else "\n")
                file.write(json.dumps([_json_value(value) for value in row], ensure_ascii=False, allow_nan=False))
                rows += 1
            file.write("\n]}\n")
        written.append(Written(name, extract.dataset.name, rows, len(extract.header)))
    return written


def count_json(path: Path, dataset: str) -> int:
    """Reads a row a line, so that a long file needs no more memory than a short one."""
    with path.open(encoding="utf-8") as file:
        head, end = json.loads(file.readline() + "]}"), ""
        rows = 0
        for end in file:
            if end != "]}\n":
                rows += len(json.loads(end.rstrip(",\n"))) == len(head["columns"])
    return rows if end == "]}\n" else -1


def _xlsx_value(value):
    """Dates and numbers stay what they are; text is always a text cell, so nothing can run."""
    kind = type(value)
    if kind is str:
        return xlsx_text(value)
    if value is None or kind is int or kind is bool or kind is date:
        return value
    if kind is datetime:
        return value.astimezone(UTC).replace(tzinfo=None)
    if kind is PartialDate:
        return value.iso
    return float(value) if kind is Decimal else text(value)


def write_xlsx(folder: Path, extracts: list[Extract], tell: Callable[[Extract, int], None]) -> list[Written]:
    """One workbook, a sheet a dataset and a dictionary; a dataset longer than a sheet goes on in the next."""
    sheets, counts = [], {}
    for extract in extracts:
        total = extract.count()
        rows = counted(extract.rows(), lambda done, extract=extract: tell(extract, done))
        counts[extract.dataset.name] = 0
        for part in range(0, max(total, 1), ROWS_PER_SHEET):
            title = extract.dataset.title if not part else f"{extract.dataset.title} {part // ROWS_PER_SHEET + 1}"
            sheets.append((sheet_name(title), _records(extract, islice(rows, ROWS_PER_SHEET), counts)))
    sheets.append(("Dictionary", dictionary(extracts)))
    write_worksheets(
        sheets,
        str(folder / BOOK),
        freeze_panes={"general": {"row": 1, "col": 0}},
        bold_headers=True,
        datetime_format=INSTANT_FORMAT,
        column_formats={title: _date_formats(extract) for extract, (title, _) in zip(extracts, sheets, strict=False)},
    )
    timeless(folder / BOOK)
    return [
        Written(BOOK, extract.dataset.name, counts[extract.dataset.name], len(extract.header)) for extract in extracts
    ]


def timeless(book: Path):
    """Take out when the workbook was written, which nothing else in it depends on: the same rows, the same bytes.

    What is compressed is copied as it is.
    """
    fresh = book.with_name(f".{book.name}")
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(fresh, "w") as new, book.open("rb") as source:
        for entry in old.infolist():
            entry.date_time = FIXED_DATE
            if entry.filename == "docProps/core.xml":
                made = zipfile.ZipInfo(entry.filename, FIXED_DATE)
                new.writestr(made, WRITTEN_AT.sub(b"2000-01-01T00:00:00Z", old.read(entry)))
            else:
                _copy_entry(source, new, entry)
    fresh.replace(book)


def _copy_entry(source, new: zipfile.ZipFile, entry: zipfile.ZipInfo):
    source.seek(entry.header_offset + LENGTHS_AT)
    name, extra = struct.unpack("<HH", source.read(4))
    source.seek(name + extra, os.SEEK_CUR)
    entry.header_offset, entry.flag_bits, entry.extra = new.fp.tell(), entry.flag_bits & ~SIZES_FOLLOW, b""
    new.fp.write(entry.FileHeader())
    left = entry.compress_size
    while left:
        block = source.read(min(BLOCK, left))
        new.fp.write(block)
        left -= len(block)
    new.start_dir = new.fp.tell()
    new._didModify = True
    new.filelist.append(entry)
    new.NameToInfo[entry.filename] = entry


def _records(extract, rows, counts):
    header, empty = extract.header, True
    for row in rows:
        empty = False
        counts[extract.dataset.name] += 1
        yield dict(zip(header, map(_xlsx_value, row)))  # noqa: B905 (checked by the reader; this is the inner loop)
    if empty:
        yield dict.fromkeys(header)  # no cell is written for it, but the header is


def _date_formats(extract):
    return {
        column.name: Format().set_num_format(DATE_FORMAT)
        for column, _ in extract.columns
        if column.kind.name == "DATE"
    }


def count_xlsx(path: Path, dataset: str) -> int:
    """Rows below the headers of the sheets of a dataset, from the sheets' own XML: a reader of cells takes minutes."""
    with zipfile.ZipFile(path) as book:
        places = _sheets(book)
        titles = [title for title in places if title == dataset or title.startswith(f"{dataset} ")]
        return sum(_rows_in(book, places[title]) - 1 for title in titles)


def _sheets(book) -> dict[str, str]:
    """Where each sheet is, by title."""
    links = {each.get("Id"): each.get("Target") for each in etree.fromstring(book.read("xl/_rels/workbook.xml.rels"))}
    listed = etree.fromstring(book.read("xl/workbook.xml")).iterfind(".//{*}sheet")
    key = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    return {each.get("name"): f"xl/{links[each.get(key)]}" for each in listed}


def _rows_in(book, name) -> int:
    rows, kept = 0, b""
    with book.open(name) as sheet:
        while block := sheet.read(BLOCK):
            rows += (kept + block).count(b"<row ")
            kept = block[-4:]  # a tag may lie across two blocks
    return rows


def dictionary(extracts: list[Extract]) -> list[dict]:
    """One row a column: what it is, where from, and what this export did with it."""
    return [
        {
            "dataset": extract.dataset.name,
            "column": column.name,
            "label": column.label,
            "holds": str(column.kind),
            "unit": column.unit,
            "codelist": column.vocabulary,
            "source": column.source,
            "given": action.words,
        }
        for extract in extracts
        for column, action in extract.columns
    ]


class Writer(NamedTuple):
    """`write` and `count` are None for a format of the whole trial (`whole.py`)."""

    label: str
    write: Callable
    count: Callable


AS_RECORDED_ONLY = {"odm-snapshot", "odm-transactional"}  # they hold accounts, dates and words throughout
WRITERS = {
    "csv": Writer("CSV", write_csv, count_csv),
    "xlsx": Writer("XLSX", write_xlsx, count_xlsx),
    "json": Writer("JSON", write_json, count_json),
    "sdtm-xpt": Writer("SDTM 3.4 as SAS transport (XPT 5), with Define-XML", None, None),
    "sdtm-json": Writer("SDTM 3.4 as Dataset-JSON, with Define-XML", None, None),
    "odm-snapshot": Writer("ODM-XML 1.3.2 Snapshot: the record as it stands, to read in again", None, None),
    "odm-transactional": Writer("ODM-XML 1.3.2 Transactional: every entry of the trail", None, None),
    "registry": Writer("ClinicalTrials.gov: participant flow and adverse events", None, None),
}
