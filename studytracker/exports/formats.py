"""One writer per format. Each writes a package's datasets into a folder and can read back how many rows it wrote."""

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from openpyxl import load_workbook
from rustpy_xlsxwriter import Format, write_worksheets

from studytracker.dates import PartialDate

from .reading import Extract
from .tables import UNWRITABLE, guarded, sheet_name, xlsx_text

ROWS_PER_SHEET = 1_000_000
FIXED_DATE = (2000, 1, 1, 0, 0, 0)
WRITTEN_AT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
BLOCK = 1 << 20
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
        name, rows = f"data/{extract.dataset.name}.csv", 0
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(extract.header)
            for row in counted(extract.rows(), lambda done, extract=extract: tell(extract, done)):
                writer.writerow(map(_csv_value, row))
                rows += 1
        written.append(Written(name, extract.dataset.name, rows, len(extract.header)))
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
    return len(json.loads(path.read_text(encoding="utf-8"))["rows"])


def _xlsx_value(value):
    """Dates and numbers stay what they are; text is always a text cell, so nothing can run."""
    match value:
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None)
        case Decimal():
            return float(value)
        case PartialDate():
            return value.iso
        case str():
            return xlsx_text(value)
    return value


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
    """Take out when the workbook was written, which nothing else in it depends on: the same rows, the same bytes."""
    fresh = book.with_name(f".{book.name}")
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as new:
        for entry in old.infolist():
            made = zipfile.ZipInfo(entry.filename, FIXED_DATE)
            made.compress_type = zipfile.ZIP_DEFLATED
            if entry.filename == "docProps/core.xml":
                new.writestr(made, WRITTEN_AT.sub(b"2000-01-01T00:00:00Z", old.read(entry)))
                continue
            with old.open(entry) as source, new.open(made, "w", force_zip64=True) as place:
                shutil.copyfileobj(source, place, BLOCK)
    fresh.replace(book)


def _records(extract, rows, counts):
    header, empty = extract.header, True
    for row in rows:
        empty = False
        counts[extract.dataset.name] += 1
        yield dict(zip(header, map(_xlsx_value, row), strict=True))
    if empty:
        yield dict.fromkeys(header)  # no cell is written for it, but the header is


def _date_formats(extract):
    return {
        column.name: Format().set_num_format(DATE_FORMAT)
        for column, _ in extract.columns
        if column.kind.name == "DATE"
    }


def count_xlsx(path: Path, dataset: str) -> int:
    book = load_workbook(path, read_only=True)
    try:
        titles = [sheet for sheet in book.sheetnames if sheet == dataset or sheet.startswith(f"{dataset} ")]
        return sum(sum(1 for row in book[title].iter_rows(min_row=2)) for title in titles)
    finally:
        book.close()


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


WRITERS = {
    "csv": Writer("CSV", write_csv, count_csv),
    "xlsx": Writer("XLSX", write_xlsx, count_xlsx),
    "json": Writer("JSON", write_json, count_json),
    "sdtm-xpt": Writer("SDTM 3.4 as SAS transport (XPT 5), with Define-XML", None, None),
    "sdtm-json": Writer("SDTM 3.4 as Dataset-JSON, with Define-XML", None, None),
    "registry": Writer("ClinicalTrials.gov: participant flow and adverse events", None, None),
}
