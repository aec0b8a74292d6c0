"""One ZIP: the data, their dictionary, a manifest, checksums, and a page in plain words.

Built in a folder of its own and checked by reading it again; only then does it get its name, so half a package is
never offered.
"""

import csv
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.db.models import Max
from django.template.loader import render_to_string

import studytracker
from studytracker import protocol
from studytracker.trust import sealing
from studytracker.trust.as_of import point_at, standing_at
from studytracker.trust.models import Entry

from .datasets import Dataset, all_datasets
from .formats import BLOCK, FIXED_DATE, WRITERS, Written, dictionary
from .order import Incomplete, Order
from .privacy import ABOUT, Level, left_out
from .reading import Extract, extract, snapshot
from .whole import WHOLE


class Cancelled(Exception):
    """Somebody cancelled the export meanwhile."""


@contextmanager
def record(order: Order):
    """The record of one moment, today's or that of the entry asked for. Yields the number of its last entry."""
    with snapshot():
        if order.as_of is None:
            yield Entry.objects.aggregate(last=Max("id"))["last"] or 0
            return
        point = point_at(order.as_of)
        with standing_at(point):
            yield point.entry


def extracts_for(order: Order) -> list[Extract]:
    known = all_datasets()
    pseudonyms = order.pseudonyms
    return [
        extract(known[name], sites=order.sites, level=order.level, pseudonyms=pseudonyms)
        for name in order.datasets
        if known[name].leaves_at(order.level)
    ]


def kept_back(order: Order) -> list[Dataset]:
    """Datasets that were chosen and have nothing that may leave at this level."""
    known = all_datasets()
    return [known[name] for name in order.datasets if not known[name].leaves_at(order.level)]


Tell = Callable[[str, int, int, int], None]


def build(order: Order, folder: Path, target: Path, tell: Tell, clock: Callable[[], datetime]) -> dict:
    """Write the package to `target` and return its manifest. `tell(title, step, rows, of)` may raise Cancelled."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    try:
        with record(order) as as_of:
            if order.format in WHOLE:
                extracts, written = [], WHOLE[order.format](order, folder, tell, as_of)
            else:
                extracts = extracts_for(order)
                written = _write(order, folder, extracts, tell)
        manifest = _manifest(order, written, as_of, _head(as_of, clock()))
        _write_papers(folder, order, extracts, manifest)
        _zip(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return manifest


def _write(order, folder, extracts, tell) -> list[Written]:
    writer = WRITERS[order.format]
    expected = {each.dataset.name: each.count() for each in extracts}
    steps = {each.dataset.name: number for number, each in enumerate(extracts, 1)}
    written = writer.write(
        folder,
        extracts,
        lambda each, rows: tell(each.dataset.title, steps[each.dataset.name], rows, expected[each.dataset.name]),
    )
    _check(folder, writer, written, expected, extracts)
    return written


def _check(folder, writer, written, expected, extracts):
    """Read each file again: as many rows as the database held in the same snapshot."""
    titles = {each.dataset.name: each.dataset.title for each in extracts}
    for each in written:
        name = titles[each.dataset] if each.name.endswith(".xlsx") else each.dataset
        found = writer.count(folder / each.name, name)
        if not found == each.rows == expected[each.dataset]:
            raise Incomplete(
                f"{each.name} holds {found} rows of {each.dataset}, {each.rows} were written, "
                f"and the database held {expected[each.dataset]}."
            )


def _head(as_of: int, at: datetime) -> sealing.Head | None:
    """The end of the chain at the package's entry, which is sealed for it where nobody has yet.

    An open transaction can hold the sealer up: then the head is of an earlier entry, and the manifest says of which.
    """
    found = sealing.head_at(as_of)
    if found is None or found.entry_id < as_of:
        sealing.seal(at)
        found = sealing.head_at(as_of)
    return found


def _manifest(order, written, as_of, head) -> dict:
    rules = protocol.current()
    return {
        "package": order.export,
        "product": {"name": "Study Tracker", "version": studytracker.__version__},
        "created_at": f"{order.at:%Y-%m-%dT%H:%M:%SZ}",
        "created_by_role": order.role,
        "purpose": order.purpose,
        "study": rules.registry.id,
        "protocol": {"version": rules.version, "sha256": rules.sha256},
        "as_of": {
            "audit_entry": as_of,
            "chain_head": head.text if head else None,
            "sealed_up_to_entry": head.entry_id if head else None,
        },
        "kept_back": [] if order.format in WHOLE else [each.name for each in kept_back(order)],
        "sites": [] if order.level == Level.STUDY_DAY else list(order.sites),
        "privacy": {"level": order.level, "words": ABOUT[order.level]},
        "ctcae_version": rules.ctcae.version,
        "options": order.options,
        "datasets": [
            {"dataset": each.dataset, "file": each.name, "rows": each.rows, "columns": each.columns}
            for each in written
        ],
    }


def _write_papers(folder: Path, order: Order, extracts, manifest):
    if extracts:
        _write_dictionary(folder, extracts)
    about = {
        "manifest": manifest,
        "level": Level(order.level).label,
        "left_out": [(each.dataset.name, left_out(each.dataset.columns, order.level)) for each in extracts],
        "kept_back": manifest["kept_back"],
        "has_dictionary": bool(extracts),
    }
    (folder / "README.txt").write_text(render_to_string("exports/readme.txt", about), encoding="utf-8")
    _seal(folder, manifest)


def _write_dictionary(folder, extracts):
    with (folder / "data_dictionary.csv").open("w", encoding="utf-8", newline="") as file:
        rows = dictionary(extracts)
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\r\n")
        table.writeheader()
        table.writerows(rows)
    _write_codelists(folder / "codelists.csv", extracts)


def _seal(folder, manifest):
    """The manifest knows every file before it, the checksums know the manifest too."""
    manifest["files"] = [
        {"name": name, "bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in _files(folder)
    ]
    (folder / "manifest.json").write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    sums = [f"{sha256(path)}  {name}\n" for name, path in _files(folder)]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def _write_codelists(path: Path, extracts):
    rules = protocol.current()
    columns = [column for each in extracts for column, _ in each.columns if column.vocabulary]
    used = sorted({column.vocabulary for column in columns})
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\r\n")
        table.writerow(["codelist", "code", "label", "cdisc"])
        for name in used:
            table.writerows([name, term.code, term.label, term.cdisc or ""] for term in rules.terms(name))
            besides = {each for column in columns if column.vocabulary == name for each in column.besides}
            table.writerows([name, code, label, ""] for code, label in sorted(besides))


def _files(folder: Path) -> list[tuple[str, Path]]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted((path.relative_to(folder).as_posix(), path) for path in paths)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _zip(folder: Path, target: Path):
    """Under another name first: the rename is one step, so the target is whole or not there."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in _files(folder):
            entry = zipfile.ZipInfo(name, FIXED_DATE)
            entry.compress_type, entry.external_attr = _packing(name), 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as place:
                shutil.copyfileobj(source, place, BLOCK)
    with unfinished.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, target)


def _packing(name) -> int:
    """A workbook is compressed already."""
    return zipfile.ZIP_STORED if name.endswith(".xlsx") else zipfile.ZIP_DEFLATED


def preview(order: Order, rows: int) -> list[tuple[Dataset, list[str], list[list], list]]:
    """The first rows of each dataset as the package would hold them, and what its level leaves out."""
    with record(order):
        return [
            (each.dataset, each.header, list(each.rows(limit=rows)), left_out(each.dataset.columns, order.level))
            for each in extracts_for(order)
        ]
