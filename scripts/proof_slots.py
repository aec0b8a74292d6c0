"""The cap under a race, at full size: so many enrollments at once for the slots of the protocol, round after round.

    .venv/bin/python scripts/proof_slots.py [rounds on PostgreSQL] [rounds on SQLite] [mix, such as 2:1:2]

200 at once on PostgreSQL and 50 at once on SQLite, by three routes, in turn as the mix says: enroll(), the button of
the page, and a bare row as an import would write it, past every lock. Each round starts on a copy of the same
database. Beside it the negative control: count first, then insert. Stops with exit code 1 at the first round that does
not end with exactly the cap; any other error, such as a database that was locked for too long on a busy machine, is
counted and named.
"""

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"postgresql": 200, "sqlite": 50}
ROUNDS = {"postgresql": 1000, "sqlite": 100}
CONTROL_ROUNDS = 5
TOLD_EVERY = 10


def main() -> int:
    rounds = [int(text) for text in sys.argv[1:3]]
    wanted = dict(zip(ROUNDS, [*rounds, *list(ROUNDS.values())[len(rounds) :]], strict=True))
    if wanted["postgresql"] and (programs := throwaway_postgres.find_programs()):
        with throwaway_postgres.running(programs) as url:
            if code := run(wanted["postgresql"], DATABASE_URL=url):
                return code
    elif wanted["postgresql"]:
        print(f"PostgreSQL left out: {throwaway_postgres.HOW_TO_GET}")
    return run(wanted["sqlite"]) if wanted["sqlite"] else 0


def run(rounds, **environment) -> int:
    """In a process of its own: settings are read once."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        told = {**kept, **environment, "VAR_DIR": folder, "SLOTS_ROUNDS": str(rounds), "PYTHONPATH": str(ROOT)}
        told["SLOTS_MIX"] = (sys.argv[3:] or ["2:1:2"])[0]
        return subprocess.run([sys.executable, __file__], env=told, cwd=ROOT).returncode


def prove(rounds: int) -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    django.setup()
    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment

    from studytracker.trust.acting import acting

    logging.disable(logging.WARNING)  # each refused page would be one
    setup_test_environment()
    setup_databases(verbosity=0, interactive=False)
    with acting("proof", source="direct"):
        return race(connection, SIZES[connection.vendor], rounds)


def race(connection, size, rounds) -> int:
    from conftest import NOW, Browser
    from participants.models import Enrollment
    from participants.tests import test_enrollment_race as pieces
    from studytracker import protocol
    from studytracker.access.people import grant
    from studytracker.protocol.adopting import adopt
    from studytracker.trust.tests.copies import private_copy

    adopt(protocol.current(), at=NOW)
    trial, cap = protocol.current(), protocol.current().enrollment.cap
    people = {
        site.code: grant(username=f"pi.{site.code}", role="investigator", site=site.code).user for site in trial.sites
    }
    participants = pieces.many_eligible(size, trial, next(iter(people.values())), NOW)

    def browse(user):
        client = Browser()
        client.force_login(user)
        return client

    mix = [int(times) for times in os.environ["SLOTS_MIX"].split(":")]
    ways = pieces.mixed(participants, people, browse, NOW, mix)
    started, seen = time.monotonic(), Counter()
    for number in range(1, rounds + 1):
        with private_copy(connection):
            outcomes = Counter(map(str, pieces.together(ways)))
            slots = sorted(Enrollment.objects.values_list("slot_id", flat=True))
        seen.update(outcomes)
        if slots != list(range(1, cap + 1)) or outcomes["enrolled"] != cap:
            print(f"BROKEN in round {number}: slots {slots}, outcomes {dict(outcomes)}")
            return 1
        if number % TOLD_EVERY == 0:
            print(f"  {number} rounds, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{connection.display_name}: {rounds} rounds of {size} at once for {cap} slots: always exactly {cap}.")
    expected = {"enrolled", *pieces.refusals(cap)}
    for words, count in seen.most_common():
        print(f"  {count:7d}  {'' if words in expected else 'ANOTHER ERROR: '}{words}")
    return control(connection, cap, size, pieces)


def control(connection, cap, size, pieces) -> int:
    taken = []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scratch_seat (participant integer)")
    for _ in range(CONTROL_ROUNDS):
        pieces.together([partial(pieces.count_then_insert, cap, number) for number in range(size)])
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM scratch_seat")
            taken.append(cursor.fetchone()[0])
            cursor.execute("DELETE FROM scratch_seat")
    print(f"  control, count then insert, {CONTROL_ROUNDS} rounds: {taken} taken for {cap}")
    return 0 if max(taken) > cap else 1


if __name__ == "__main__":
    sys.exit(prove(int(os.environ["SLOTS_ROUNDS"])) if "SLOTS_ROUNDS" in os.environ else main())
