"""Reading NCI's public CTCAE workbook, v5.0 or v6.0: sheet and columns are found by their words, not by place."""

import re
import zipfile
from dataclasses import dataclass

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from studytracker.refusal import Refused

VERSIONS = ("5.0", "6.0")
LARGEST_FILE = 20_000_000  # bytes; the two public ones have less than half a million
MOST_ROWS = 5_000
GRADES = tuple(f"grade {number}" for number in range(1, 6))
NEEDED = ("term", "soc", *GRADES, "definition", "navigational note")
LONGEST_TERM = 100


class WorkbookRefused(Refused):
    """The file is not a CTCAE workbook that can be read; nothing was loaded."""


@dataclass(frozen=True)
class Row:
    """One term. `grades` are the five texts, empty where the term does not have that grade."""

    name: str
    body_system: str
    grades: tuple[str, ...]
    definition: str
    note: str
    code: int | None


def read(path) -> tuple[str, list[Row]]:
    """The version and its terms. Raises WorkbookRefused."""
    if path.stat().st_size > LARGEST_FILE:
        raise WorkbookRefused(f"{path.name} has more than {LARGEST_FILE:,} bytes, so it is not the public workbook.")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise WorkbookRefused(f"{path.name} cannot be read as an .xlsx workbook: {error}.") from None
    sheet = _clean_copy(book)
    found = sheet.iter_rows(values_only=True, max_row=MOST_ROWS + 2)
    header = [plain(cell).casefold() for cell in next(found, ())]
    version = _version(sheet.title, header)
    columns = _columns(header, sheet.title)
    rows = [_row(cells, columns) for cells in found if any(map(plain, cells))]
    if len(rows) > MOST_ROWS:
        raise WorkbookRefused(f"The sheet has more than {MOST_ROWS:,} terms, so it is not the public workbook.")
    _refuse_doubles(rows)
    return version, rows


def plain(cell) -> str:
    """Every run of white space is one blank, and a lone dash means nothing."""
    text = " ".join(str("" if cell is None else cell).split())
    return "" if text == "-" else text


def _clean_copy(book):
    found = [sheet for sheet in book.worksheets if "clean copy" in sheet.title.casefold()]
    if len(found) != 1:
        names = ", ".join(sheet.title for sheet in book.worksheets)
        raise WorkbookRefused(f'One sheet named like "CTCAE v5.0 Clean Copy" is needed. The file has: {names}.')
    return found[0]


def _version(title, header) -> str:
    """The sheet's name says the version; a header that names another one is a mixed-up file."""
    named = set(re.findall(r"v(\d\.\d)", title.casefold()))
    in_columns = {version for text in header for version in re.findall(r"ctcae v(\d\.\d)", text)}
    if len(named) != 1 or in_columns - named or not named <= set(VERSIONS):
        found = ", ".join(sorted(named | in_columns)) or "none"
        raise WorkbookRefused(f"Sheet and columns must name one version, {' or '.join(VERSIONS)}. Found: {found}.")
    return named.pop()


def _columns(header, title) -> dict[str, int]:
    columns = {}
    for place, text in enumerate(header):
        name = next((each for each in (*NEEDED, "code") if text == each or text.endswith(f" {each}")), None)
        if name and name not in columns:
            columns[name] = place
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise WorkbookRefused(f"The sheet {title} lacks: {', '.join(missing)}.")
    return columns


def _row(cells, columns) -> Row:
    texts = {name: plain(cells[place]) if place < len(cells) else "" for name, place in columns.items()}
    if not texts["term"] or len(texts["term"]) > LONGEST_TERM:
        raise WorkbookRefused(f'A term is missing or too long: "{texts["term"][:120]}".')
    code = texts.get("code", "")
    return Row(
        name=texts["term"],
        body_system=texts["soc"][:LONGEST_TERM],
        grades=tuple(texts[grade] for grade in GRADES),
        definition=texts["definition"],
        note=texts["navigational note"],
        code=int(code) if code.isascii() and code.isdigit() else None,
    )


def _refuse_doubles(rows):
    seen = set()
    for row in rows:
        if row.name.casefold() in seen:
            raise WorkbookRefused(f'The term "{row.name}" stands in the sheet twice.')
        seen.add(row.name.casefold())
    if not rows:
        raise WorkbookRefused("The sheet holds no terms.")
