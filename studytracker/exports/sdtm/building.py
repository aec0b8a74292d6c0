"""The whole of SDTM for an export: every dataset that has records, built in one snapshot, written and read again."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from ..privacy import Pseudonyms
from . import files
from .define import write_define
from .model import Table, fitted, models
from .subjects import SdtmTrial


def trial_of(participants: Iterable, *, level: str, pseudonyms: Pseudonyms, sites, at: datetime) -> SdtmTrial:
    """`participants` with their consents, infusion and site."""
    participants = tuple(participants)
    facts = {name: import_string(path)(participants) for name, path in settings.SDTM_FACTS.items()}
    facts["last_days"] = _last_days(participants)
    return SdtmTrial(participants, level, pseudonyms, tuple(sorted(sites)), at, facts)


def _last_days(participants) -> dict:
    found = {}
    for path in settings.SDTM_LAST_DAYS:
        for pk, on in import_string(path)(participants).items():
            found[pk] = max(on, found.get(pk, on))
    return found


def tables(trial: SdtmTrial) -> list[Table]:
    """Every dataset with records, in the order of the settings. One without is left out, and Define says so."""
    built = (fitted(name, trial.study, import_string(path)(trial)) for name, path in settings.SDTM.items())
    return [table for table in built if table.rows]


def write(folder: Path, trial: SdtmTrial, *, kind: str) -> list[tuple[str, str, int, int]]:
    """(file, dataset, rows, columns) of each file. `kind` is "xpt" or "json"."""
    found = []
    for table in tables(trial):
        files.guarded(table)
        if kind == "xpt":
            name = files.write_xpt(folder, table)
        else:
            name = files.write_json(folder, table, trial.study, trial.at)
        found.append((name, table))
    missing = [models()[name] for name in settings.SDTM if name not in {table.name for _, table in found}]
    write_define(folder / "define.xml", trial, [(name, table) for name, table in found], missing)
    return [(name, table.name, len(table.rows), len(table.variables)) for name, table in found]


def count(path: Path) -> int:
    return len(files.read_xpt(path)) if path.suffix == ".xpt" else files.count_json(path)
