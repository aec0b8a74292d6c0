"""Reminders under faults, at full size: nothing lost, nothing twice but a mail with the same Message-ID.

    .venv/bin/python scripts/proof_reminders.py [--only kills,calls,smtp,clock,servers] [--database both]
        [--kills 10000] [--rounds 500] [--sweeps 1000] [--freeze 90] [--seed 1] [--here]

kills    the sweep, and the sending with it, killed with SIGKILL at a random moment, again and again
calls    killed before and after every n-th statement and commit, once each
smtp     twelve faults of a mail server, so many rounds each
clock    the clock stepped by an hour, a day, a year and back, between sweeps and in the middle of one
servers  real Redis, Celery worker and beat: stopped, flushed, frozen, out of memory, killed; two and five beats

Each stands beside a control that does it wrong. --here uses the database of DATABASE_URL as it is, migrated.
Exit code 1 where something was lost, or came twice with another Message-ID, or a control did not fail.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("kills", "calls", "smtp", "clock", "servers")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--freeze", type=float, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--here", action="store_true")
    parser.add_argument("--without-controls", action="store_true", help="of the kills: they need many to fail")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if given.here:
        return prove(given)
    codes = []
    if given.database != "sqlite":
        if programs := throwaway_postgres.find_programs():
            with throwaway_postgres.running(programs) as url:
                codes.append(run(DATABASE_URL=url.rpartition("/")[0] + "/postgres"))
        else:
            print(f"PostgreSQL left out: {throwaway_postgres.HOW_TO_GET}")
    if given.database != "postgresql":
        codes.append(run())
    return max(codes, default=0)


def run(**environment) -> int:
    """In a process of its own: settings are read once."""
    # A process that is killed loses nothing that a disk has not got yet; in memory the proof is faster.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="proof-", dir=memory) as folder:
        kept = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        env = {**kept, **environment, "VAR_DIR": folder, "PYTHONPATH": str(ROOT)}
        steps = [[sys.executable, "manage.py", *words] for words in (["migrate", "-v0"], ["adopt_protocol"])]
        steps.append([sys.executable, __file__, *sys.argv[1:], "--here"])
        for step in steps:
            code = subprocess.run(step, env=env, cwd=ROOT).returncode
            if code:
                return code
    return 0


def prove(given) -> int:
    sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    os.environ.setdefault("FROM_EMAIL", "proof@example.org")
    import django

    django.setup()
    import logging

    import proof_parts
    from django.db import connection

    from studytracker.trust.acting import acting

    logging.disable(logging.ERROR)  # each refused mail would be a line
    wanted = [part for part in PARTS if part in given.only.split(",")]
    print(f"== {connection.display_name}, seed {given.seed}: {', '.join(wanted)}", flush=True)
    failures = []
    with acting("proof", source="direct"):
        stage = proof_parts.Stage()
        for part in wanted:
            began, seed = time.monotonic(), random.Random(given.seed)
            words, wrong = getattr(proof_parts, part)(stage, given, seed)
            failures += wrong
            print(f"{part}: {words} ({time.monotonic() - began:.0f} s)", flush=True)
            for line in wrong:
                print(f"  BROKEN: {line}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
