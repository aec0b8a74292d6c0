"""What a page of visits costs at 1,000 and at 1,000,000 visits, in one run on PostgreSQL.

    .venv/bin/python scripts/bench_visits.py [small] [large]

Starts a throw-away server, or takes DATABASE_URL, whose data it adds to. The rows are made by SQL without the audit
triggers, which bench_trail.py measures. Prints the median of interleaved requests through the whole application.
"""

import os
import random
import re
import statistics
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import throwaway_postgres

ROUNDS = 15
PER_PARTICIPANT = 10
SEED = 1
PAGES = {
    "listing, both sites": ("chair", "/visits/"),
    "listing, one site": ("crc", "/visits/"),
    "by last day of the window": ("chair", "/visits/?sort=closes_on"),
    "by attendance, latest first": ("chair", "/visits/?sort=-attended_on"),
    "filtered: overdue": ("chair", "/visits/?status=overdue"),
    "filtered: week 4": ("chair", "/visits/?code=W4"),
    "home of a coordinator": ("crc", "/"),
}
# One visit in a hundred is overdue, half lie ahead, the others were attended on their target.
FILL = """
ALTER TABLE participants_participant DISABLE TRIGGER ALL;
ALTER TABLE visits_visit DISABLE TRIGGER ALL;
INSERT INTO participants_participant (site_id, number, identifier, protocol_version, screened_on, age, sex,
    screened_at, screened_by_id, screen_failed_reason, withdrawn_reason, withdrawn_note {more_columns})
SELECT CASE n %% 2 WHEN 0 THEN 'MUSC' ELSE 'EMORY' END, n, 'P-' || n, '1.0', DATE '2024-01-01', 40, 'F',
    now(), %(by)s, '', '', '' {more_values} FROM generate_series(%(first)s, %(last)s) n;
INSERT INTO visits_visit (participant_id, site_id, code, unplanned, "order", protocol_version, dropped_in, target_on,
    opens_on, closes_on, attended_on, attended_at, attended_by_id, out_of_window_reason, visit_type,
    late_entry_reason, note, missed_reason {visit_columns})
SELECT p.id, p.site_id, v.code, '', v.n, '', '', day, day - 3, day + 3,
    CASE WHEN day < CURRENT_DATE - 3 AND (p.number + v.n) %% 100 > 0 THEN day END,
    CASE WHEN day < CURRENT_DATE - 3 AND (p.number + v.n) %% 100 > 0 THEN now() END,
    CASE WHEN day < CURRENT_DATE - 3 AND (p.number + v.n) %% 100 > 0 THEN %(by)s END, '', '', '', '', '' {visit_values}
FROM participants_participant p
CROSS JOIN (SELECT row_number() OVER () AS n, code FROM unnest(%(codes)s::text[]) code) v
CROSS JOIN LATERAL (SELECT CURRENT_DATE - 400 + ((p.number * 7919 + v.n * 97) %% 800)::int AS day) d
WHERE p.number BETWEEN %(first)s AND %(last)s;
ALTER TABLE participants_participant ENABLE TRIGGER ALL;
ALTER TABLE visits_visit ENABLE TRIGGER ALL;
"""


def main(small: int, large: int) -> None:
    given = os.environ.get("DATABASE_URL")
    programs = throwaway_postgres.find_programs()
    if not given and not programs:
        raise SystemExit(f"Nothing was measured: {throwaway_postgres.HOW_TO_GET}.")
    with nullcontext(given) if given else throwaway_postgres.running(programs) as url:
        os.environ["DATABASE_URL"] = url if given else url.rpartition("/")[0] + "/postgres"
        measure(small, large)


def measure(small, large):
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    call_command("adopt_protocol")
    clients = people()
    found = {}
    for size in (small, large):
        started = time.perf_counter()
        fill(connection, size // PER_PARTICIPANT)
        print(f"{size:,} visits, {time.perf_counter() - started:.0f} s to make them")
        found[size] = timed(clients)
    report(connection, small, large, found)


def people():
    from django.conf import settings
    from django.test import Client

    from studytracker.access.people import grant
    from studytracker.trust.acting import acting

    settings.ALLOWED_HOSTS = ["testserver"]
    clients = {}
    for name, role, site in (("chair", "chair", None), ("crc", "coordinator", "MUSC")):
        with acting("bench", source="command"):
            user = grant(username=name, role=role, site=site, email=f"{name}@example.org").user
        clients[name] = Client(raise_request_exception=True)
        with acting(user, source="web"):
            clients[name].force_login(user)
    return clients


def fill(connection, participants):
    """Up to that many participants; NOT NULL columns that this script does not know get their type's empty value."""
    from studytracker import protocol

    codes = [visit.code for visit in protocol.current().visits][2 : 2 + PER_PARTICIPANT]
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(number), 0) FROM participants_participant")
        first = cursor.fetchone()[0] + 1
        cursor.execute("SELECT id FROM access_user ORDER BY id LIMIT 1")
        by = cursor.fetchone()[0]
        facts = {"first": first, "last": participants, "by": by, "codes": codes}
        more = unknown(cursor, "participants_participant", FILL) | {}
        visits = unknown(cursor, "visits_visit", FILL)
        cursor.execute(
            FILL.format(
                more_columns="".join(f', "{name}"' for name in more),
                more_values="".join(f", {value}" for value in more.values()),
                visit_columns="".join(f', "{name}"' for name in visits),
                visit_values="".join(f", {value}" for value in visits.values()),
            ),
            facts,
        )
        for table in ("participants_participant", "visits_visit"):
            cursor.execute(f"VACUUM ANALYZE {table}")


def unknown(cursor, table, text):
    """{column: an empty value} of the columns that must be filled and are not in the statement."""
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    )
    empty = {"character varying": "''", "text": "''", "boolean": "false"}
    return {name: empty.get(kind, "1") for name, kind in cursor.fetchall() if not re.search(rf"\b{name}\b", text)}


def timed(clients):
    """Median milliseconds by page, the pages in random order within each round."""
    seconds = {name: [] for name in PAGES}
    shuffled = random.Random(SEED)
    for _ in range(ROUNDS + 1):
        for name in shuffled.sample(list(PAGES), len(PAGES)):
            person, address = PAGES[name]
            started = time.perf_counter()
            answer = clients[person].get(address)
            seconds[name].append(time.perf_counter() - started)
            assert answer.status_code == 200, (name, answer.status_code)
    return {name: statistics.median(each[1:]) * 1000 for name, each in seconds.items()}


def report(connection, small, large, found):
    version = connection.cursor().execute("SHOW server_version").fetchone()[0]
    print(f"PostgreSQL {version}, {datetime.now(UTC):%Y-%m-%d}, median of {ROUNDS} interleaved requests, seed {SEED}:")
    for name in PAGES:
        few, many = found[small][name], found[large][name]
        print(f"  {name:<28} {few:7.1f} ms at {small:,}   {many:8.1f} ms at {large:,}   ratio {many / few:.2f}")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*(given or (1_000, 1_000_000)))
