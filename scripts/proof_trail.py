"""The trail at full size: killed writers, tampering owners, honest crowds, restore drills, each beside its control.

    .venv/bin/python scripts/proof_trail.py [--kills 10000] [--tamperings 10000] [--rows 100000] [--drills 100]
                                            [--seed 1] [--only sqlite|postgresql]

Each part runs on SQLite and on a throw-away PostgreSQL; 0 leaves a part out. Ends with exit code 1 when anything is
lost, undetected, falsely accused or not restored, or when a control finds nothing.
"""

import argparse
import json
import logging
import os
import random as chance
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
BATCH = 250  # kills, on one copy of the database
WRITERS, SEALERS = 16, 2
CONTROLS = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, size in (("kills", 10_000), ("tamperings", 10_000), ("rows", 100_000), ("drills", 100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    sizes = vars(parser.parse_args())
    only, codes = sizes.pop("only"), []
    if only != "postgresql":
        codes.append(run(sizes))
    programs = throwaway_postgres.find_programs()
    if only != "sqlite" and programs:
        with throwaway_postgres.running(programs) as url:
            codes.append(run(sizes, DATABASE_URL=url))
    elif only != "sqlite":
        print(f"PostgreSQL left out: {throwaway_postgres.HOW_TO_GET}")
    return max(codes, default=0)


def run(sizes, **environment) -> int:
    """In a process of its own: settings are read once."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        told = {**kept, **environment, "VAR_DIR": folder, "PROOF_SIZES": json.dumps(sizes), "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, __file__], env=told, cwd=ROOT).returncode


def prove(sizes) -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    django.setup()
    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment

    from studytracker.trust.acting import acting

    logging.disable(logging.WARNING)
    setup_test_environment()
    setup_databases(verbosity=0, interactive=False)
    well = True
    with acting("proof", source="direct"):
        person = prepared()
        for name, part in (("kills", kills), ("tamperings", tamperings), ("rows", honest), ("drills", drills)):
            if sizes[name]:
                started = time.monotonic()
                print(f"{connection.display_name}, {name} {sizes[name]}, seed {sizes['seed']}", flush=True)
                well &= part(sizes[name], sizes["seed"], person)
                print(f"  {time.monotonic() - started:.0f} s", flush=True)
    print("As it must be." if well else "NOT as it must be.")
    return 0 if well else 1


def prepared():
    from conftest import NOW
    from studytracker import protocol
    from studytracker.access.people import grant
    from studytracker.protocol.adopting import adopt

    adopt(protocol.current(), at=NOW)
    return grant(username="crc.proof", role="coordinator", site=protocol.current().sites[0].code).user


def kills(count, seed, person) -> bool:
    from django.db import connection

    from participants.models import Participant
    from studytracker.trust.tests.copies import private_copy
    from studytracker.trust.tests.killing import killed_writers, wrong_after

    seen, wrong = Counter(), []
    for number in range(0, count, BATCH):
        with private_copy(connection):
            found = killed_writers(person, min(BATCH, count - number), f"{seed} {number}")
            wrong += wrong_after(found, Participant.objects.count())
        seen += found
        if number % (BATCH * 8) == 0:
            print(f"  {dict(seen)}, wrong: {len(wrong)}", flush=True)
    print(f"  {dict(seen)}. Halves, lost answered posts, broken seals: {len(wrong)}")
    for words in wrong[:10]:
        print(f"    {words}")
    lost = two_transactions(connection)
    print(f"  control, entry written in a transaction after that of the row: {lost} of {CONTROLS} kills left a half")
    return not wrong and lost > 0


def two_transactions(connection) -> int:
    """Killed at a moment while rows and their entries are committed one after the other."""
    import signal

    from studytracker.trust.tests.copies import private_copy

    halves = 0
    with private_copy(connection):
        with connection.cursor() as cursor:
            for table in ("loose_row", "loose_entry"):
                cursor.execute(f"CREATE TABLE {table} (number integer)")
        for number in range(CONTROLS):
            reading, writing = os.pipe()
            writer = child(write_twice, number, writing)
            os.read(reading, 1)  # it has begun
            time.sleep(chance.uniform(0, 0.05))
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
            os.close(writing)
            os.close(reading)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM (SELECT number, count(*) AS held FROM loose_row GROUP BY number) AS a JOIN "
                "(SELECT number, count(*) AS held FROM loose_entry GROUP BY number) AS b USING (number) "
                "WHERE a.held <> b.held"
            )
            halves = cursor.fetchone()[0]
    return halves


def write_twice(number, pipe):
    from django.db import connection, transaction

    for _ in range(10_000):
        for table in ("loose_row", "loose_entry"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO {table} VALUES (%s)", [number])
        os.write(pipe, b".")


def tamperings(count, seed, person) -> bool:
    from django.db import connection, transaction

    from conftest import NOW
    from studytracker.protocol.models import Slot
    from studytracker.trust import sealing, verifier
    from studytracker.trust.exported import trail_lines
    from studytracker.trust.tests.copies import private_copy
    from studytracker.trust.tests.tampering import KINDS, ONLY_BY_ANCHOR, found, tamper

    random, tried, missed, unanchored = chance.Random(seed), Counter(), Counter(), Counter()
    with private_copy(connection):
        for number in range(40, 60):
            Slot.objects.create(number=number)
        Slot.objects.filter(number__gte=55).delete()
        sealing.seal(NOW)
        head = sealing.head()[:2]
        false_alarms = found([head], NOW)
        for number in range(count):
            kind = random.choice(list(KINDS))
            with transaction.atomic():
                tamper(kind, chance.Random(f"{seed} {number}"))
                tried[kind] += 1
                if not found([head], NOW):
                    missed[kind] += 1
                if kind in ONLY_BY_ANCHOR and not verifier.read(trail_lines(NOW)).report().findings:
                    unanchored[kind] += 1
                transaction.set_rollback(True)
            if (number + 1) % 1000 == 0:
                print(f"  {number + 1} tried, {missed.total()} missed", flush=True)
        false_alarms += found([head], NOW)
    print(f"  {tried.total()} tamperings of {len(tried)} kinds, missed: {dict(missed) or 0}; {head[0]} seals")
    print(f"  the untouched trail before and after: {len(false_alarms)} alarms")
    print(f"  control, without the anchor the file of {unanchored.total()} of them looks whole: {dict(unanchored)}")
    return not missed and not false_alarms and unanchored.total() > 0


def honest(rows, seed, person) -> bool:
    """16 writing processes, two sealers and a verifier at once: no accusation at any time, no fork at the end."""
    from django.db import connection

    from conftest import NOW
    from studytracker.trust import sealing
    from studytracker.trust.exported import checked
    from studytracker.trust.models import Entry, Seal
    from studytracker.trust.replay import verify
    from studytracker.trust.tests.copies import private_copy

    with private_copy(connection), tempfile.TemporaryDirectory() as folder:
        stop = Path(folder, "stop")
        watchers = [child(keep_sealing, stop) for _ in range(SEALERS)]
        watching = child(keep_checking, stop, Path(folder, "checks"))
        writers = [child(write, number, rows // WRITERS, seed) for number in range(WRITERS)]
        codes = [ended(writer) for writer in writers]
        stop.touch()
        codes += [ended(each) for each in (*watchers, watching)]
        sealing.seal(NOW)
        report, result = checked([sealing.head()[:2]]), verify()
        checks = Path(folder, "checks").read_text().splitlines()
        counts = Entry.objects.count(), Seal.objects.count()
        print(f"  {counts[0]} entries by {WRITERS} writers, {counts[1]} seals by {SEALERS} sealers")
        print(f"  {len(checks)} checks meanwhile: {sum(line != '0' for line in checks)} with an alarm")
        print(
            f"  at the end: {report.words} {len(report.findings) + len(result.differences)} alarms; exits {set(codes)}"
        )
    forks = forked()
    print(
        f"  control, read the end, then add to it, {WRITERS} at once without guards: {forks} of {WRITERS * 20} forked"
    )
    return not any(codes) and not report.findings and not result.differences and set(checks) == {"0"} and forks > 0


def write(writer, rows, seed):
    """One to five rows a transaction, one in ten rolled back."""
    from django.db import OperationalError, transaction

    from conftest import NOW
    from studytracker.outbox.models import Heartbeat
    from studytracker.trust.acting import acting

    random, made = chance.Random(f"{seed} {writer}"), 0
    with acting(f"writer {writer}", source="direct"):
        while made < rows:
            count = min(random.randint(1, 5), rows - made)
            takes_back = random.random() < 0.1
            try:
                with transaction.atomic():
                    for number in range(made, made + count):
                        Heartbeat.objects.create(job=f"w{writer}-{number}", at=NOW)
                    transaction.set_rollback(takes_back)
            except OperationalError:  # sixteen that never rest: on SQLite one may wait longer than its 20 s
                continue
            made += 0 if takes_back else count
            time.sleep(random.uniform(0, 0.01))


def keep_sealing(stop):
    from django.utils import timezone

    from studytracker.trust import sealing

    while not stop.exists():
        sealing.seal(timezone.now())
        time.sleep(0.2)


def keep_checking(stop, file):
    from studytracker.trust.exported import checked
    from studytracker.trust.replay import verify

    with file.open("w") as checks:
        while not stop.exists():
            checks.write(f"{len(checked().findings) + len(verify().differences)}\n")
            time.sleep(2)


def forked() -> int:
    from django.db import connection

    from studytracker.trust.tests.copies import private_copy

    with private_copy(connection):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE loose_chain (seq bigint)")
        for each in [child(add_to_loose_chain) for _ in range(WRITERS)]:
            ended(each)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) - count(DISTINCT seq) FROM loose_chain")
            return cursor.fetchone()[0]


def add_to_loose_chain():
    from django.db import connection

    for _ in range(20):
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(seq), 0) + 1 FROM loose_chain")
            seq = cursor.fetchone()[0]
            time.sleep(0.003)
            cursor.execute("INSERT INTO loose_chain VALUES (%s)", [seq])


def drills(count, seed, person) -> bool:
    from django.db import connection
    from django.utils import timezone

    from studytracker.trust import backup
    from studytracker.trust.tests.copies import private_copy

    seconds, bad, control = [], [], 0
    with private_copy(connection), tempfile.TemporaryDirectory() as folder, writing_meanwhile(Path(folder, "stop")):
        for number in range(count):
            started = time.monotonic()
            try:
                made = backup.take(Path(folder, f"drill{number}"), timezone.now())
                Path(made.file).unlink()
            except backup.Refused as refusal:
                bad.append(str(refusal))
            seconds.append(time.monotonic() - started)
            time.sleep(chance.uniform(0, 0.2))
        with careless_dumps():
            for number in range(20):
                try:
                    backup.take(Path(folder, f"careless{number}"), timezone.now())
                except Exception:
                    control += 1
        last = backup.last_verified()
    seconds.sort()
    print(f"  {count} drills under load, {len(bad)} not restored as taken; at the last {last.entries} entries")
    median = seconds[len(seconds) // 2]
    print(f"  backup, restore and verification together: median {median:.1f} s, most {seconds[-1]:.1f} s")
    for words in bad[:5]:
        print(f"    {words}")
    print(f"  control, dumped without the snapshot (file copied, pg_dump after counting): {control} of 20 refused")
    return not bad and control > 0


@contextmanager
def writing_meanwhile(stop):
    children = [child(write_slowly, stop, number) for number in range(4)] + [child(keep_sealing, stop)]
    time.sleep(0.5)
    try:
        yield
    finally:
        stop.touch()
        for each in children:
            ended(each)


def write_slowly(stop, writer):
    from conftest import NOW
    from studytracker.outbox.models import Heartbeat
    from studytracker.trust.acting import acting

    number = 0
    with acting(f"writer {writer}", source="direct"):
        while not stop.exists():
            number += 1
            Heartbeat.objects.create(job=f"d{writer}-{number}", at=NOW)
            Heartbeat.objects.filter(job=f"d{writer}-{number}").update(at=NOW.replace(year=2026))
            time.sleep(0.1)


@contextmanager
def careless_dumps():
    """As somebody would who knew no better: the file copied as it lies there, the dump in a snapshot of its own."""
    import shutil

    from studytracker.trust import dumps

    stock, stock_run = dumps.dump, dumps._run

    def copied(connection, file):
        time.sleep(0.2)  # a page is saved between the counting and the copying
        if connection.vendor == "sqlite":
            shutil.copy(connection.settings_dict["NAME"], file)
        else:
            stock(connection, file)

    def run_apart(connection, program, *arguments):
        return stock_run(connection, program, *(word for word in arguments if not word.startswith("--snapshot")))

    dumps.dump, dumps._run = copied, run_apart
    try:
        yield
    finally:
        dumps.dump, dumps._run = stock, stock_run


def child(act, *arguments) -> int:
    """A process of its own with connections of its own. It ends with 0 when `act` came to its end."""
    import contextvars
    import traceback

    from django.db import connections

    connections.close_all()
    if (number := os.fork()) == 0:
        code = 1
        try:
            contextvars.Context().run(act, *arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            connections.close_all()
            os._exit(code)
    return number


def ended(number) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


if __name__ == "__main__":
    sys.exit(prove(json.loads(os.environ["PROOF_SIZES"])) if "PROOF_SIZES" in os.environ else main())
