"""Races at one row, at full size: two editors, one form sent twice, a signature against an edit.

    .venv/bin/python scripts/proof_edits.py [rounds on SQLite] [rounds on PostgreSQL]

Each kind with its negative control: a save without the version, a form without its key, a signature without the hash
that was displayed. Stops with exit code 1 at the first lost update, second record or signature over unseen data.
"""

import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 10_000
CONTROL_ROUNDS = 100


def main() -> int:
    given = [int(text) for text in sys.argv[1:3]]
    sqlite, postgres = [*given, ROUNDS, ROUNDS][:2] if len(given) < 2 else given
    if sqlite and (code := run(sqlite)):
        return code
    programs = throwaway_postgres.find_programs()
    if not programs or not postgres:
        print("PostgreSQL left out")
        return 0
    with throwaway_postgres.running(programs) as url:
        return run(postgres, DATABASE_URL=url)


def run(rounds, **environment) -> int:
    """In a process of its own: settings are read once."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        told = {**kept, **environment, "VAR_DIR": folder, "EDITS_ROUNDS": str(rounds), "PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, __file__], env=told, cwd=ROOT).returncode


def prove(rounds: int) -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    django.setup()
    from django.conf import settings
    from django.test.utils import setup_databases, setup_test_environment

    from studytracker.trust.acting import acting
    from studytracker.trust.tests.subject import SETTING

    logging.disable(logging.WARNING)
    setup_test_environment()
    setup_databases(verbosity=0, interactive=False)
    settings.SIGNED_KINDS = settings.SIGNED_KINDS | SETTING
    with acting("proof", source="direct"):
        return race(rounds)


def race(rounds) -> int:
    from django.db import connection

    from adverse_events.reporting import report
    from conftest import NOW, Browser, Cast
    from studytracker import protocol
    from studytracker.access.people import grant
    from studytracker.dates import PartialDate
    from studytracker.protocol.adopting import adopt
    from studytracker.trust.tests import racing
    from studytracker.trust.tests.test_races import ADDRESS, TYPED
    from visits.models import Deviation

    adopt(protocol.current(), at=NOW)
    coordinator = grant(username="crc", role="coordinator", site="MUSC").user
    investigator = grant(username="pi", role="investigator", site="MUSC").user
    people = {"monitor": ("monitor", None), "administrator": ("administrator", None), "chair": ("chair", None)}

    def named(name):
        role, site = people.get(name, ("investigator" if "investigator" in name else "coordinator", "MUSC"))
        return grant(username=f"proof-{name}", role=role, site=site).user

    participant = Cast("MUSC", coordinator, investigator, named).infused()
    event = report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    print(f"{connection.display_name}, {rounds} rounds of each race", flush=True)

    def browse(user):
        client = Browser()
        client.force_login(user)
        return client

    started = time.monotonic()
    told = [racing.edit_at_once(event, number) for number in range(rounds)]
    saved, lost = (sum(each) for each in zip(*told, strict=True))
    print(f"  two editors: {saved} saved, {lost} lost ({time.monotonic() - started:.0f} s)", flush=True)
    control = [racing.edit_at_once(event, number, racing.plain) for number in range(CONTROL_ROUNDS)]
    print(f"  control without the version: {sum(lost for _, lost in control)} lost in {CONTROL_ROUNDS}", flush=True)

    started, before = time.monotonic(), Deviation.objects.count()
    for number in range(rounds):
        racing.send_twice(browse, coordinator, ADDRESS, TYPED, f"{number:032d}")
    made = Deviation.objects.count() - before
    print(f"  double submits: {made} records ({time.monotonic() - started:.0f} s)", flush=True)
    for _ in range(CONTROL_ROUNDS):
        racing.send_twice(browse, coordinator, ADDRESS, TYPED, "")
    doubled = Deviation.objects.count() - before - made
    print(f"  control without the key: {doubled} records in {CONTROL_ROUNDS}", flush=True)

    started = time.monotonic()
    unseen = sum(racing.sign_while_edited(investigator, event, number) for number in range(rounds))
    print(f"  sign against edit: {unseen} over unseen data ({time.monotonic() - started:.0f} s)", flush=True)
    blind = sum(
        racing.sign_while_edited(investigator, event, number, sees_hash=False) for number in range(CONTROL_ROUNDS)
    )
    print(f"  control without the displayed hash: {blind} over unseen data in {CONTROL_ROUNDS}", flush=True)
    return int(bool(lost or made != rounds or unseen))


if __name__ == "__main__":
    sys.exit(prove(int(os.environ["EDITS_ROUNDS"])) if "EDITS_ROUNDS" in os.environ else main())
