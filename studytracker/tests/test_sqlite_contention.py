"""SQLite with the settings of this project, written by threads and processes at once; and without them.

The file is its own program: each process of the experiment runs it with a scratch database of its own, so it does
not matter which database the rest of the suite is on.
"""

import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from subprocess import PIPE

import django
from django.conf import settings
from django.db import OperationalError, connection, connections, transaction

THREADS, MORE_PROCESSES = 8, (1, 1)  # threads of the first process, and of each further one
WRITERS = THREADS + sum(MORE_PROCESSES)
THOUGHT = 0.003  # seconds that a page spends between what it reads and what it writes


def write_once(writer):
    """What a page does: read, decide, write, in one atomic block."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT written FROM tally")
        written = cursor.fetchone()[0]
        time.sleep(THOUGHT)
        cursor.execute("INSERT INTO entry VALUES (%s)", [writer])
        cursor.execute("UPDATE tally SET written = %s", [written + 1])


def write_many(writer, times):
    """Returns how often it went well and which errors it met."""
    seen = Counter()
    for _ in range(times):
        try:
            write_once(writer)
            seen["written"] += 1
        except OperationalError as error:
            seen[str(error)] += 1
    connections.close_all()
    return seen


def main(path, options, threads, times):
    """One process of the experiment. It says when it is ready, waits for a line, and prints its counts."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": json.loads(options)}
    settings.configure(DATABASES={"default": database})
    django.setup()
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(int(threads)) as pool:
        counts = pool.map(write_many, range(int(threads)), [int(times)] * int(threads))
        print(json.dumps(sum(counts, Counter())))


def started(stack, command):
    process = stack.enter_context(subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True))
    stack.callback(process.kill)
    assert process.stdout.readline() == "ready\n"
    return process


def contend(path, options, times):
    """All writers at once on a new database: what they say they met, and what is in the tables afterwards."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE entry (writer integer); CREATE TABLE tally (written integer); INSERT INTO tally VALUES (0)"
        )
    arguments = [sys.executable, __file__, str(path), json.dumps(options)]
    with ExitStack() as stack:
        processes = [started(stack, [*arguments, str(threads), str(times)]) for threads in (THREADS, *MORE_PROCESSES)]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        met = sum((Counter(json.loads(process.communicate(timeout=60)[0])) for process in processes), Counter())
    with closing(sqlite3.connect(path)) as database:
        entries = database.execute("SELECT count(*) FROM entry").fetchone()[0]
        return met, entries, database.execute("SELECT written FROM tally").fetchone()[0]


def test_every_write_of_threads_and_processes_at_once_is_kept_and_none_meets_a_locked_database(tmp_path):
    met, entries, written = contend(tmp_path / "ours.sqlite3", settings.SQLITE_OPTIONS, times=100)
    assert met == {"written": WRITERS * 100}
    assert (entries, written) == (WRITERS * 100, WRITERS * 100)


def test_with_the_options_that_django_has_by_default_the_same_writers_meet_a_locked_database(tmp_path):
    """The negative control: more than half of the writes fail, or the test above proves nothing."""
    met, entries, written = contend(tmp_path / "default.sqlite3", {}, times=30)
    print(f"With Django's default options, of {WRITERS * 30} writes: {dict(met)}")
    assert met["database is locked"] > met.total() / 2
    assert met.total() == WRITERS * 30
    assert (entries, written) == (met["written"], met["written"])


if __name__ == "__main__":
    main(*sys.argv[1:])
