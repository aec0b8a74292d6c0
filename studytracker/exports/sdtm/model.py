"""The SDTM datasets that the product writes: their variables as data, and rows fitted to them."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path

TERMINOLOGY = "2025-03-28"
GUIDE = "3.4"


@dataclass(frozen=True)
class Variable:
    name: str
    label: str
    role: str
    type: str = "text"
    required: bool = True

    @property
    def is_number(self):
        return self.type in ("integer", "float")


@dataclass(frozen=True)
class DatasetModel:
    name: str
    label: str
    class_name: str
    structure: str
    is_reference: bool
    repeating: bool
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]

    @property
    def sequence(self) -> str | None:
        """The variable that numbers a subject's records; the trial's own datasets have none."""
        names = {variable.name for variable in self.variables}
        return f"{self.name}SEQ" if {f"{self.name}SEQ", "USUBJID"} <= names else None


@dataclass
class Table:
    """One dataset as it leaves: the variables that hold anything, or must be there, and its rows in order."""

    model: DatasetModel
    variables: list[Variable]
    rows: list[dict] = field(default_factory=list)

    @property
    def name(self):
        return self.model.name


@cache
def _file() -> dict:
    return tomllib.loads((Path(__file__).parent / "datasets.toml").read_text(encoding="utf-8"))


@cache
def models() -> dict[str, DatasetModel]:
    return {
        each["name"]: DatasetModel(
            each["name"],
            each["label"],
            each["class"],
            each["structure"],
            each["is_reference"],
            each["repeating"],
            tuple(each["keys"]),
            tuple(Variable(**variable) for variable in each["variables"]),
        )
        for each in _file()["dataset"]
    }


def fitted(name: str, study: str, rows: Iterable[dict]) -> Table:
    """Rows of a dataset sorted by its keys, numbered within the subject, with every variable filled or empty."""
    model = models()[name]
    whole = [{"STUDYID": study, "DOMAIN": name, **row} for row in rows]
    unknown = {key for row in whole for key in row} - {variable.name for variable in model.variables}
    if unknown:
        raise ValueError(f"{name} has no variables {', '.join(sorted(unknown))}.")
    if model.sequence:
        whole = _numbered(model, whole)
    used = [variable for variable in model.variables if _is_used(variable, whole)]
    blank = {variable.name: None if variable.is_number else "" for variable in used}
    filled = [blank | {name: row[name] for name in blank if row.get(name) is not None} for row in whole]
    return Table(model, used, filled)


def _is_used(variable, rows) -> bool:
    """A permissible variable that is empty in every row is left out: an empty column misleads who joins by it."""
    if variable.required or variable.name in _file()["kept_when_empty"]:
        return True
    return any(row.get(variable.name) not in (None, "") for row in rows)


def _numbered(model, rows):
    """--SEQ counts within a subject in the order the rows come, which builders keep stable."""
    found = []
    for _, theirs in groupby(sorted(rows, key=lambda row: row["USUBJID"]), lambda row: row["USUBJID"]):
        found += [row | {model.sequence: number} for number, row in enumerate(theirs, 1)]
    return found
