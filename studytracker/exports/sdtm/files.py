"""SDTM tables as XPT version 5 and as Dataset-JSON 1.1. What cannot be written is refused, never cut."""

import json
import unicodedata
from pathlib import Path

import pandas
import pyreadstat

from .model import Table

LONGEST_TEXT, LONGEST_LABEL, LONGEST_NAME = 200, 40, 8
# Printable ASCII only (FDA study data technical conformance guide). Accents fall off by decomposition.
MAPPED = {
    **dict.fromkeys("\u2013\u2014", "-"),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    **dict.fromkeys("\u00b5\u03bc", "u"),
    "\u2265": ">=",
    "\u2264": "<=",
    "\u00d7": "x",
    "\u00b0": " deg ",
}


class CannotBeWritten(Exception):
    """A value that the format has no place for, named with its dataset, row and variable."""


def ascii_text(text: str) -> str:
    mapped = "".join(MAPPED.get(character, character) for character in text)
    plain = unicodedata.normalize("NFKD", mapped).encode("ascii", "ignore").decode()
    return "".join(character if character.isprintable() else " " for character in plain).strip()


def guarded(table: Table) -> tuple[Table, int]:
    """The table in printable ASCII, and how many values had to be mapped. Too long is refused, never cut."""
    mapped = 0
    for variable in table.variables:
        if len(variable.name) > LONGEST_NAME or len(variable.label) > LONGEST_LABEL:
            raise CannotBeWritten(f"{table.name}.{variable.name}: the name or label is too long for XPT.")
    for number, row in enumerate(table.rows, 1):
        for name, value in row.items():
            if isinstance(value, str):
                row[name] = ascii_text(value)
                mapped += row[name] != value
                if len(row[name]) > LONGEST_TEXT:
                    raise CannotBeWritten(f"{table.name} row {number} {name}: {len(row[name])} characters, 200 fit.")
    return table, mapped


def write_xpt(folder: Path, table: Table) -> str:
    name = f"{table.name.lower()}.xpt"
    frame = pandas.DataFrame(table.rows, columns=[variable.name for variable in table.variables])
    for variable in table.variables:
        frame[variable.name] = (
            pandas.to_numeric(frame[variable.name]).astype(float)
            if variable.is_number
            else frame[variable.name].astype(str)
        )
    pyreadstat.write_xport(
        frame,
        str(folder / name),
        file_label=table.model.label,
        column_labels=[variable.label for variable in table.variables],
        table_name=table.name,
        file_format_version=5,
    )
    return name


NARROW = 80  # bytes; pandas takes blanks at the end of a narrower record for padding, and loses the record


def read_xpt(path: Path) -> pandas.DataFrame:
    """By pandas, which is not what wrote it, where it can."""
    with pandas.read_sas(path, format="xport", encoding="ascii", iterator=True) as reader:
        if reader.record_length > NARROW:
            return reader.read()
    return pyreadstat.read_xport(str(path))[0]


JSON_TYPES = {"integer": "integer", "float": "float"}  # all others are strings


def write_json(folder: Path, table: Table, study: str, at) -> str:
    name = f"{table.name.lower()}.json"
    keys = {key: number for number, key in enumerate(table.model.keys, 1)}
    columns = []
    for variable in table.variables:
        column = {
            "itemOID": f"IT.{table.name}.{variable.name}",
            "name": variable.name,
            "label": variable.label,
            "dataType": JSON_TYPES.get(variable.type, "string"),
        }
        if not variable.is_number:
            column["length"] = max([len(row[variable.name]) for row in table.rows] + [1])
        if variable.name in keys:
            column["keySequence"] = keys[variable.name]
        columns.append(column)
    whole = {
        "datasetJSONCreationDateTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "datasetJSONVersion": "1.1.0",
        "fileOID": f"{study}.{table.name}",
        "originator": "Study Tracker",
        "sourceSystem": {"name": "Study Tracker", "version": "1"},
        "studyOID": study,
        "metaDataVersionOID": "MDV.1",
        "metaDataRef": "define.xml",
        "itemGroupOID": f"IG.{table.name}",
        "records": len(table.rows),
        "name": table.name,
        "label": table.model.label,
        "columns": columns,
        "rows": [[row[variable.name] for variable in table.variables] for row in table.rows],
    }
    (folder / name).write_text(
        json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8"
    )
    return name


def count_json(path: Path) -> int:
    return len(json.loads(path.read_text(encoding="utf-8"))["rows"])
