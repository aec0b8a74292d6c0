"""Exports at full size: workers killed at any call, and the record carried as ODM into another deployment.

    .venv/bin/python scripts/proof_exports.py [--kills 50] [--seed 1] [--only sqlite|postgresql]

Each part runs on SQLite and on a throw-away PostgreSQL, on the demonstration's record. Killed: a forked worker gets
SIGKILL at one of all the calls that a job of its format takes, in Python and in C. Afterwards the download, as its
owner and as somebody of another site, and the folder are looked at; the next worker has to end the job. Carried: the
record is written as ODM, loaded into an empty deployment of the same protocol by real commands, and written again.
Ends with exit code 1 when a half is offered, a job does not end, or a byte differs.
"""

import argparse
import logging
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("sqlite", "postgresql")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=BACKENDS)
    parser.add_argument("--in", dest="here", choices=BACKENDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        return int(not (killed(given.kills, given.seed) and carried()))
    return max(on(backend, given) for backend in BACKENDS if given.only in (None, backend))


def on(backend, given) -> int:
    """In a process of its own: Django holds one database's settings."""
    print(f"== {backend}", flush=True)
    again = [sys.executable, __file__, "--in", backend, "--kills", str(given.kills), "--seed", str(given.seed)]
    with tempfile.TemporaryDirectory() as folder:
        ready = {**os.environ, "VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "studytracker.settings", "DEMO": "1"}
        ready.pop("DATABASE_URL", None)
        if backend == "sqlite":
            return subprocess.run(again, env=ready).returncode
        programs = throwaway_postgres.find_programs()
        if programs is None:
            print(f"Not run: {throwaway_postgres.HOW_TO_GET}")
            return 0
        with throwaway_postgres.running(programs) as url:
            server = url.rpartition("/")[0]
            for name in ("first", "second"):
                create(f"{server}/postgres", name)
            return subprocess.run(again, env={**ready, "DATABASE_URL": f"{server}/first"}).returncode


def create(url, name):
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")


def killed(kills, seed) -> bool:
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    logging.disable(logging.WARNING)
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    settings.ALLOWED_HOSTS = ["testserver"]
    for name in ("migrate", "adopt_protocol", "load_demo"):
        call_command(name, verbosity=0)
    from studytracker.access.models import User
    from studytracker.exports.tests.killing import killed_jobs

    by, elsewhere = (User.objects.get(username=name) for name in ("pi.musc", "pi.emory"))
    seen, wrong = killed_jobs(by, elsewhere, kills, seed, timezone.now())
    print(f"  killed: {dict(sorted(seen.items()))}. Wrong: {len(wrong)}")
    for words in wrong[:10]:
        print(f"    {words}")
    return not wrong


def carried() -> bool:
    """By the commands alone, each a process."""
    folder = Path(os.environ["VAR_DIR"])
    second = {**os.environ, "VAR_DIR": str(folder / "second"), "DEMO": "0"}
    if "DATABASE_URL" in second:
        second["DATABASE_URL"] = f"{second['DATABASE_URL'].rpartition('/')[0]}/second"
    (folder / "second").mkdir()
    first_file, second_file = folder / "first.xml", folder / "second.xml"
    written(os.environ, first_file)
    for words in (
        ("migrate", "-v0"),
        ("adopt_protocol",),
        ("add_member", "admin", "--role", "administrator", "--email", "admin@example.org"),
        ("import_odm", str(first_file), "--load", "--by", "admin"),
    ):
        manage(second, *words)
    print(f"  {manage(second, 'import_odm', str(first_file)).strip()}")
    written(second, second_file)
    one, other = (
        re.sub(rb'(FileOID|CreationDateTime)="[^"]*"', b"", f.read_bytes()) for f in (first_file, second_file)
    )
    print(f"  carried: {len(one):,} bytes there, {len(other):,} back, {'equal' if one == other else 'DIFFERENT'}")
    return one == other


def written(environment, file):
    facts = ("--format", "odm-snapshot", "--privacy", "identified", "--reason", "A proof", "--purpose", "A proof")
    manage(environment, "export", "--by", "admin", *facts, "--output", str(file.with_suffix(".zip")))
    with zipfile.ZipFile(file.with_suffix(".zip")) as archive:
        file.write_bytes(archive.read("data/snapshot.xml"))


def manage(environment, *words) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *words], env=environment, capture_output=True, text=True, cwd=ROOT
    )
    if done.returncode:
        raise SystemExit(f"manage.py {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
