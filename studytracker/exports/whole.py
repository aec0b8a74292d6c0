"""Formats that hold the whole trial, whatever datasets are chosen: their parts refer to each other."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from studytracker.trust.models import Entry

from .formats import Written
from .odm import checking as odm_checking
from .odm import writing as odm_writing
from .odm.model import records
from .order import Incomplete, Order
from .registry import checking as registry_checking
from .registry import files as registry_files
from .registry import tables as registry_tables
from .sdtm import building

Tell = Callable[[str, int, int, int], None]


def sdtm(order: Order, folder: Path, tell: Tell, as_of: int) -> list[Written]:
    tell("SDTM", 1, 0, len(settings.SDTM))
    trial = building.trial_of(
        order.participants().select_related("infusion", "site").prefetch_related("consents"),
        level=order.level,
        pseudonyms=order.pseudonyms,
        sites=order.sites,
        at=order.at,
    )
    kind = order.format.removeprefix("sdtm-")
    written = [
        Written(f"data/{name}", dataset, rows, columns)
        for name, dataset, rows, columns in building.write(folder / "data", trial, kind=kind)
    ]
    for each in written:
        if (found := building.count(folder / each.name)) != each.rows:
            raise Incomplete(f"{each.name} holds {found} rows, and {each.rows} were written.")
    tell("SDTM", 1, len(settings.SDTM), len(settings.SDTM))
    return written


def registry(order: Order, folder: Path, tell: Tell, as_of: int) -> list[Written]:
    tell("Tables of the registry", 1, 0, 2)
    found = registry_tables.results(order)
    registry_files.write_xml(folder / "data" / "results.xml", found)
    if problems := registry_checking.problems(folder / "data" / "results.xml"):
        raise Incomplete(f"results.xml does not hang together: {problems[0]}")
    registry_files.write_table(folder / "data" / "adverse_events.xlsx", found)
    tell("Tables of the registry", 1, 2, 2)
    lines = len(found.events.lines)
    return [
        Written("data/results.xml", "participant_flow", len(found.flow.reasons) + 2, 2),
        Written("data/results.xml", "adverse_events", lines, 6),
        Written("data/adverse_events.xlsx", "adverse_events", lines, len(registry_files.COLUMNS)),
    ]


def odm(order: Order, folder: Path, tell: Tell, as_of: int) -> list[Written]:
    kind = order.format.removeprefix("odm-")
    path = folder / "data" / f"{kind}.xml"
    if kind == "transactional":
        total = Entry.objects.count()
        counts = {
            "audit_trail": odm_writing.write_transactional(path, order, lambda done: tell("ODM", 1, done, total))
        }
        expected = counts
    else:
        total = order.participants().count()
        counts = odm_writing.write_snapshot(path, order, lambda done: tell("ODM", 1, done, total))
        expected = {each._meta.db_table: odm_writing.rows_of(each, order.sites).count() for each in records()}
    found = odm_checking.counted(path)
    if counts != expected or sum(found.values()) != sum(counts.values()):
        raise Incomplete(f"{path.name} holds {sum(found.values())} rows, the database held {sum(expected.values())}.")
    if problems := odm_checking.dangling(path):
        raise Incomplete(f"{path.name} does not hang together: {problems[0]}")
    return [Written(f"data/{path.name}", table, rows, 0) for table, rows in counts.items() if rows]


WHOLE: dict[str, Callable[[Order, Path, Tell, int], list[Written]]] = {
    "sdtm-xpt": sdtm,
    "sdtm-json": sdtm,
    "registry": registry,
    "odm-snapshot": odm,
    "odm-transactional": odm,
}
