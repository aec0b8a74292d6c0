"""The sweep over many visits beside the same statements in plain SQL, and 10,000 reminders to 100 people as digests.

    .venv/bin/python scripts/bench_reminders.py [visits] [reminders] [people]

On a throw-away PostgreSQL. Rounds are interleaved; times are minimum, median, maximum. Quote the ratios: the machine
may be busy with other work.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5
VISITS_EACH = 10
AT = datetime(2026, 6, 17, 15, tzinfo=UTC)
TODAY = AT.date()


def main() -> int:
    programs = throwaway_postgres.find_programs()
    if not programs:
        print(f"Left out: {throwaway_postgres.HOW_TO_GET}")
        return 0
    with throwaway_postgres.running(programs) as url, tempfile.TemporaryDirectory() as folder:
        kept = {key: value for key, value in os.environ.items() if key != "REDIS_URL"}
        env = {
            **kept,
            "DATABASE_URL": url.rpartition("/")[0] + "/postgres",
            "VAR_DIR": folder,
            "PYTHONPATH": str(ROOT),
            "REMINDERS_BENCH": "1",
        }
        for words in (["manage.py", "migrate", "-v0"], ["manage.py", "adopt_protocol"], [__file__, *sys.argv[1:]]):
            code = subprocess.run([sys.executable, *words], env=env, cwd=ROOT).returncode
            if code:
                return code
    return 0


def bench(visits=1_000_000, reminders=10_000, people=100):
    sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    import django

    django.setup()
    import logging

    from django.db import connection

    from studytracker.trust.acting import acting

    logging.disable(logging.WARNING)
    print(f"{platform.python_version()}, Django {django.get_version()}, PostgreSQL {connection.pg_version}")
    with acting("bench", source="direct"):
        fill(connection, visits)
        sweep_beside_plain_sql(connection)
        digests(connection, reminders, people)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Peak memory of this process: {peak:.0f} MB")


def fill(connection, visits):
    """Copies of one participant and one visit. One in a hundred is overdue, one to come, the rest are done."""
    from studytracker.access.people import grant
    from studytracker.trust import triggers

    for site, prefix in (("MUSC", "m"), ("EMORY", "e")):
        grant(username=f"crc.{prefix}", role="coordinator", site=site, email=f"{prefix}@example.org")
    model, row = one_participant()
    triggers.drop(connection)
    last = f"DATE '{TODAY}'"
    people = {"id": "1000 + n", "identifier": "'X-' || n", "number": "1000 + n"}
    people["site_id"] = site_of("n")
    visit = {
        "id": "1000 + n",
        "participant_id": f"1000 + n / {VISITS_EACH}",
        "site_id": site_of(f"(n / {VISITS_EACH})"),
        "code": f"'V' || (n % {VISITS_EACH})",
        "target_on": f"{last} + shift",
        "opens_on": f"{last} + shift - 3",
        "closes_on": f"{last} + shift + 3",
        "attended_on": f"CASE WHEN n % 50 > 0 THEN {last} - 30 END",
        "attended_at": f"CASE WHEN n % 50 > 0 THEN TIMESTAMPTZ '{AT}' END",
        "attended_by_id": "CASE WHEN n % 50 > 0 THEN 1 END",
    }
    shift = "CASE WHEN n % 100 = 0 THEN -4 - n % 60 WHEN n % 100 = 50 THEN 40 ELSE -30 END"
    copy(connection, model, row, people, f"generate_series(0, {visits // VISITS_EACH}) AS n")
    source = f"(SELECT n, {shift} AS shift FROM generate_series(0, {visits - 1}) AS n) AS numbers"
    copy(connection, row.visits.model, row.visits.get(code="SCR"), visit, source)
    triggers.install(connection)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"{visits:,} visits of {visits // VISITS_EACH:,} participants, {visits // 100:,} overdue", flush=True)


def site_of(participant):
    """SQL. Ten participants at one site, ten at the other: of each ten one has a visit overdue."""
    return f"CASE WHEN ({participant} / 10) % 2 = 0 THEN 'MUSC' ELSE 'EMORY' END"


def one_participant():
    from participants.models import Participant
    from participants.screening import screen
    from studytracker.access.models import User
    from studytracker.protocol.models import Site

    on = TODAY - timedelta(days=60)
    facts = {"age": 41, "sex": "F", "consent_version": "1.0", "consent_on": on, "consent_time": AT.time()}
    by = User.objects.get(username="crc.m")
    made = screen(site=Site.objects.get(code="MUSC"), screened_on=on, by=by, at=AT, **facts)
    return Participant, made


def copy(connection, model, row, changes, source):
    table = model._meta.db_table
    columns = [field.column for field in model._meta.local_concrete_fields]
    values = ", ".join(changes.get(column, f'origin."{column}"') for column in columns)
    into = f"INSERT INTO {table} ({', '.join(f'{chr(34)}{c}{chr(34)}' for c in columns)})"
    with connection.cursor() as cursor:
        cursor.execute(f"{into} SELECT {values} FROM {source}, {table} AS origin WHERE origin.id = {row.pk:d}")


# What the protocol's stages for the coordinator say, written by hand. The other two roles have no holder here.
PLAIN = """
INSERT INTO outbox_notice (dedupe_key, source, object_id, stage, turn, is_urgent, site_id, recipient_id, created_at,
                           cancelled_why)
SELECT 'visit:' || id || ':' || stage || '.' || turn || ':' || user_id, 'visit', id, stage, turn, false, site_id,
       user_id, %(at)s, ''
FROM (SELECT v.id, v.site_id, m.user_id,
             CASE WHEN v.closes_on <= %(today)s - 8 THEN 'overdue-again'
                  WHEN v.closes_on <= %(today)s - 1 THEN 'overdue-1'
                  WHEN v.target_on <= %(today)s - 1 THEN 'late' WHEN v.target_on <= %(today)s THEN 'due'
                  ELSE 'opens' END AS stage,
             CASE WHEN v.closes_on <= %(today)s - 8 THEN (%(today)s - v.closes_on - 8) / 7 ELSE 0 END AS turn
      FROM visits_visit v
      JOIN participants_participant p ON p.id = v.participant_id
      JOIN access_membership m ON m.site_id = v.site_id AND m.role = 'coordinator' AND m.ended_at IS NULL
      JOIN access_user u ON u.id = m.user_id AND u.is_active
      WHERE v.attended_on IS NULL AND v.missed_at IS NULL AND v.opens_on <= %(today)s
        AND (p.withdrawn_on IS NULL OR v.closes_on < p.withdrawn_on)) AS found
ON CONFLICT DO NOTHING
"""


def sweep_beside_plain_sql(connection):
    from studytracker.outbox.ledger import note
    from studytracker.outbox.models import Notice
    from visits.reminders import due

    def ours():
        note("visit", due(AT), AT)

    def plain():
        with connection.cursor() as cursor:
            cursor.execute(PLAIN, {"at": AT, "today": TODAY})

    found, rows = {"ours": [], "plain": []}, {}
    again = {"ours": [], "plain": []}
    for _ in range(ROUNDS):
        for name, act in (("ours", ours), ("plain", plain)):
            with rolled_back():
                found[name].append(timed(act))
                rows[name] = set(Notice.objects.values_list("dedupe_key", flat=True))
                again[name].append(timed(act))
    told("Sweep, nothing in the ledger", found)
    told("Sweep, everything there already", again)
    print(
        f"  rows: ours {len(rows['ours']):,}, plain {len(rows['plain']):,}, the same: {rows['ours'] == rows['plain']}"
    )


def told(what, found):
    print(f"{what}, {ROUNDS} interleaved rounds, ms:")
    for name, seconds in found.items():
        least, middle, most = (each(seconds) * 1000 for each in (min, statistics.median, max))
        print(f"  {name:<6} min {least:8.0f}  median {middle:8.0f}  max {most:8.0f}")
    medians = {name: statistics.median(seconds) for name, seconds in found.items()}
    print(f"  ratio {medians['ours'] / medians['plain']:.2f}", flush=True)


@contextmanager
def rolled_back():
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def timed(act) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def digests(connection, reminders, people):
    """From detected to sent: the gathering, the second look, the composing, the mail and the records of it."""
    import smtp_faults
    from django.conf import settings

    from studytracker.outbox.delivery import deliver, drain
    from studytracker.outbox.models import Mail, Notice
    from studytracker.outbox.sweeping import gather

    users = recipients(people)
    visits = overdue(connection, reminders)
    with tempfile.TemporaryDirectory() as folder:
        server = smtp_faults.Server(Path(folder, "accepted")).start()
        lines = count_connections(server)
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        for day, name in enumerate(("one connection for all", "a connection for each mail")):
            at = AT + timedelta(days=day)
            noted = timed(lambda at=at, day=day: note_all(visits, users, day, at))
            gathered = timed(lambda at=at: gather(at))
            ready = list(Mail.objects.ready(at).values_list("pk", flat=True))
            lines.clear()
            if day:
                sent = timed(lambda at=at, ready=ready: [deliver(mail, at) for mail in ready])
            else:
                sent = timed(lambda at=at: drain(lambda: at, seconds=3600))
            done = Mail.objects.filter(sent_at=at).count()
            told_in = Notice.objects.filter(mail__sent_at=at).count()
            print(
                f"{name}: {told_in:,} reminders in {done} mails to {people} people over {len(lines)} connection(s): "
                f"noted {noted:.2f} s, gathered {gathered:.2f} s, sent {sent:.2f} s, "
                f"{(noted + gathered + sent) / told_in * 1000:.2f} ms a reminder",
                flush=True,
            )
    print("healthchecks, the peer for detected-to-sent, is not on this machine and was not measured.")


def recipients(people):
    from studytracker.access.people import grant

    sites = ("MUSC", "EMORY")
    return [
        (
            grant(username=f"r{n}", role="coordinator", site=sites[n % 2], email=f"r{n}@example.org").user.pk,
            sites[n % 2],
        )
        for n in range(people)
    ]


def overdue(connection, reminders):
    from visits.models import Visit

    found = {}
    for site in ("MUSC", "EMORY"):
        rows = Visit.objects.filter(site=site).overdue(TODAY).order_by("pk")
        found[site] = list(rows.values_list("pk", flat=True)[: reminders // 2])
    return found


def note_all(visits, users, turn, at):
    """Each visit to one person of its site."""
    from studytracker.outbox.ledger import note
    from studytracker.outbox.sources import Matter

    of_site = {site: [person for person, where in users if where == site] for site in visits}
    note(
        "visit",
        [
            Matter(visit, "overdue-1", site, of_site[site][place % len(of_site[site])], turn=turn)
            for site, keys in visits.items()
            for place, visit in enumerate(keys)
        ],
        at,
    )


def count_connections(server):
    lines, process = [], server.process_request
    server.process_request = lambda *given: (lines.append(1), process(*given))
    return lines


if __name__ == "__main__":
    if "REMINDERS_BENCH" in os.environ:
        bench(*map(int, sys.argv[1:4]))
    else:
        sys.exit(main())
