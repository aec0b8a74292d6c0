"""An export of 1,000,000 adverse events: CSV beside PostgreSQL's COPY, XLSX beside openpyxl, the peak of memory.

    make bench ONLY=exports        (or: .venv/bin/python scripts/bench_exports.py [rows] [rounds])

Starts a PostgreSQL of its own and fills it by seed. Each measurement is a process of its own, so that its peak of
memory is its own; CSV and COPY take turns. It fails where CSV takes more than 1.5 times the COPY of the same query to
a file, where XLSX is not 5 times as fast as openpyxl's write-only mode with the same 100,000 rows, in time of the
processor, which other work on the machine disturbs less than the clock's, or where any of ours, a whole package
included, needs 200 MB or more. The negative control reads all rows into a list first and has to break that line.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))
import throwaway_postgres  # noqa: E402

COPY_LIMIT, XLSX_LIMIT, MEMORY_LIMIT = 1.5, 5, 200
BESIDE_OPENPYXL = 100_000


def main(rows: int, rounds: int) -> int:
    programs = throwaway_postgres.find_programs()
    if programs is None:
        print(throwaway_postgres.HOW_TO_GET)
        return 1
    with throwaway_postgres.running(programs) as url, tempfile.TemporaryDirectory() as folder:
        server = url.rpartition("/")[0]
        ready = {"DJANGO_SETTINGS_MODULE": "studytracker.settings", "VAR_DIR": folder}
        os.environ |= {"DATABASE_URL": f"{server}/postgres", **ready}
        fill(rows)
        os.environ["DATABASE_URL"] = f"{server}/bench_exports"
        return report(measure(rows, rounds), rows)


def fill(rows):
    import django

    django.setup()
    from bench_events import fill as fill_events
    from django.db import connections
    from side_by_side import Database

    Database("bench_exports", rows, fill_events)
    connections.close_all()


def measure(rows: int, rounds: int) -> dict[str, list[dict]]:
    found = {}
    for one, other, size in (("copy", "csv", rows), ("openpyxl", "xlsx", min(rows, BESIDE_OPENPYXL))):
        for number in range(rounds):
            for name in (one, other) if number % 2 == 0 else (other, one):
                found.setdefault(name, []).append(child(name, size))
    for name in ("xlsx, all rows", "csv through Python", "package csv", "package xlsx", "control"):
        found[name] = [child(name, rows)]
    return found


def child(name: str, rows: int) -> dict:
    done = subprocess.run([sys.executable, __file__, "--one", name, str(rows)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    told = json.loads(done.stdout.splitlines()[-1])
    times = f"{told['seconds']:8.2f} s, {told['processor']:7.2f} s of the processor"
    print(f"{name:20} {rows:>9,} rows {times} {told['peak']:7.0f} MB", flush=True)
    return told


def one(name: str, rows: int) -> None:
    import django

    django.setup()
    from studytracker.exports import package  # noqa: F401  (what is imported is not timed)

    extract_of(1).count()
    with tempfile.TemporaryDirectory() as folder:
        started, used = time.perf_counter(), time.process_time()
        KINDS[name](Path(folder), rows)
        seconds, processor = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "processor": processor, "peak": peak, "rows": rows}))


def extract_of(rows: int):
    from studytracker.exports.datasets import all_datasets
    from studytracker.exports.privacy import Level, Pseudonyms
    from studytracker.exports.reading import Extract, extract

    codes = Pseudonyms("bench", ())
    whole = extract(all_datasets()["adverse_events"], sites=("EMORY", "MUSC"), level=Level.CODED, pseudonyms=codes)
    return Extract(whole.dataset, whole.columns, whole.queryset[:rows], whole.pseudonyms, whole.zones)


def copy(folder, rows):
    """The same query, in the same order, as PostgreSQL writes it."""
    from django.db import connection

    wanted = extract_of(rows)
    sources = (column.source for column, _ in wanted.columns)
    statement, parameters = wanted.queryset.values_list(*sources).query.sql_with_params()
    with (
        (folder / "copy.csv").open("wb", buffering=1 << 20) as file,
        connection.cursor() as cursor,
        cursor.cursor.copy(f"COPY ({statement}) TO STDOUT WITH (FORMAT csv)", parameters) as sent,
    ):
        for block in sent:
            file.write(block)


def ours(kind):
    def write(folder, rows):
        from studytracker.exports import formats
        from studytracker.exports.reading import snapshot

        (folder / "data").mkdir()
        with snapshot():
            (told,) = formats.WRITERS[kind].write(folder, [extract_of(rows)], lambda *told: None)
        assert told.rows == rows, told

    return write


def through_python(folder, rows):
    from studytracker.exports import formats

    formats.can_copy = lambda extract: False
    ours("csv")(folder, rows)


def openpyxl(folder, rows):
    from openpyxl import Workbook

    from studytracker.exports.formats import _xlsx_value
    from studytracker.exports.reading import snapshot

    book, wanted = Workbook(write_only=True), extract_of(rows)
    sheet = book.create_sheet("Adverse events")
    sheet.append(wanted.header)
    with snapshot():
        for row in wanted.rows():
            sheet.append(list(map(_xlsx_value, row)))
    book.save(folder / "openpyxl.xlsx")


def package(kind):
    def build(folder, rows):
        from django.utils import timezone

        from studytracker.exports import package
        from studytracker.exports.order import Order
        from studytracker.exports.privacy import Level

        facts = {"format": kind, "level": Level.CODED, "purpose": "bench", "role": "", "at": timezone.now()}
        order = Order("BENCH", ("adverse_events",), ("EMORY", "MUSC"), **facts)
        told = package.build(order, folder / "building", folder / "bench.zip", lambda *told: None, timezone.now)
        assert told["datasets"][0]["rows"] == rows

    return build


def control(folder, rows):
    """What nobody may do: the rows in a list first."""
    from studytracker.exports.reading import Extract

    lazily = Extract.rows
    Extract.rows = lambda self, limit=None: list(lazily(self, limit))
    through_python(folder, rows)


KINDS = {
    "copy": copy,
    "csv": ours("csv"),
    "csv through Python": through_python,
    "openpyxl": openpyxl,
    "xlsx": ours("xlsx"),
    "xlsx, all rows": ours("xlsx"),
    "package csv": package("csv"),
    "package xlsx": package("xlsx"),
    "control": control,
}
OURS = ("csv", "xlsx", "xlsx, all rows", "csv through Python", "package csv", "package xlsx")


def report(found, rows) -> int:
    pairs = [one["seconds"] / other["seconds"] for one, other in zip(found["csv"], found["copy"], strict=True)]
    csv, copy = (min(each["seconds"] for each in found[name]) for name in ("csv", "copy"))
    theirs, ours = (min(each["processor"] for each in found[name]) for name in ("openpyxl", "xlsx"))
    faster = theirs / ours
    by_the_clock = [min(each["seconds"] for each in found[name]) for name in ("openpyxl", "xlsx")]
    peak = max(each["peak"] for name in OURS for each in found[name])
    control = found["control"][0]["peak"]
    print(
        f"CSV against COPY: {csv / copy:.2f} (fastest of each), {statistics.median(pairs):.2f} (median of the pairs)"
    )
    clock = f"{by_the_clock[0] / by_the_clock[1]:.1f} by the clock"
    print(
        f"XLSX: {faster:.1f} times as fast as openpyxl's write-only mode in processor time, {clock} (fastest of each)"
    )
    print(f"peak of ours {peak:.0f} MB; of the control {control:.0f} MB")
    failed = [
        words
        for words, is_so in (
            (f"CSV took more than {COPY_LIMIT} times the COPY", csv / copy > COPY_LIMIT),
            (f"XLSX is not {XLSX_LIMIT} times as fast as openpyxl", faster < XLSX_LIMIT),
            (f"ours needed {MEMORY_LIMIT} MB or more", peak >= MEMORY_LIMIT),
            ("the control stayed below the line, so the line tells nothing", control < MEMORY_LIMIT),
        )
        if is_so
    ]
    for words in failed:
        print(f"FAILED: {words}.")
    return int(bool(failed))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]))
        sys.exit()
    given = [int(each.replace(",", "").replace("_", "")) for each in sys.argv[1:]]
    sys.exit(main(*given, *(1_000_000, 5)[len(given) :]))
