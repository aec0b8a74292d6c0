"""The first page of the listing of adverse events over 1,000,000 events beside the same page over 1,000.

    make bench ONLY=events        (or: .venv/bin/python scripts/bench_events.py [rows] [rounds])

Starts a PostgreSQL of its own, fills two databases by seed, and asks for the page as the study chair, through all
of Django: every order the listing offers, both ways, alone and with every filter. The two sizes take turns, so that
what else the machine does falls on both alike. Told are the ratio of the fastest of the rounds, which other work
disturbs least, and that of the medians. A ratio of the fastest above 1.5, or more than 8 queries, fails. The negative
control beside it is the page that this listing does not offer: a count of all rows and an order without an index.
"""

import itertools
import os
import statistics
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))
import throwaway_postgres  # noqa: E402

SEED = 0.20250618
SMALL = 1_000
EVENTS_EACH = 10  # of a participant
LIMIT, MOST_QUERIES = 1.5, 8
FILTERS = {
    "none": "",
    "participant": "identifier=MUSC-007",
    "site": "site=EMORY",
    "term, common": "term=headache",
    "term, rare": "term=number+77",
    "term, absent": "term=zzqx",
    "serious": "is_serious=True",
    "not serious": "is_serious=False",
    "grade at least 3": "grade_from=3",
    "grade 5": "grade_from=5",
    "relation, common": "causality=possible",
    "relation, rare": "causality=definite",
    "ended": "is_ongoing=False",
    "period": "since_year=2024&since_month=3&since_day=1&until_year=2024&until_month=3&until_day=31",
    "until": "until_year=2016&until_month=1&until_day=31",
}


def main(rows: int, rounds: int) -> int:
    programs = throwaway_postgres.find_programs()
    if programs is None:
        print(throwaway_postgres.HOW_TO_GET)
        return 1
    with throwaway_postgres.running(programs) as url:
        os.environ |= {
            "DATABASE_URL": url.rpartition("/")[0] + "/postgres",
            "DJANGO_SETTINGS_MODULE": "studytracker.settings",
        }
        import django

        django.setup()
        from django.conf import settings

        settings.ALLOWED_HOSTS = ["testserver"]
        settings.LOGGING_CONFIG = None
        sizes = {SMALL: Database("bench_small", SMALL), rows: Database("bench_large", rows)}
        return report(measure(sizes, rounds), sizes, rows, rounds)


class Database:
    """One database of one size, with a client signed in as the study chair."""

    def __init__(self, name, rows):
        from django.db import connection, connections

        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        settings = {**connection.settings_dict, "NAME": name, "CONN_MAX_AGE": None}
        self.wrapper = type(connections["default"])(settings, "default")
        self.rows = rows
        with self.chosen():
            self.client = prepare(rows)

    @contextmanager
    def chosen(self):
        from django.db import connections

        before = connections["default"]
        connections["default"] = self.wrapper
        try:
            yield self.wrapper
        finally:
            connections["default"] = before

    def seconds(self, query):
        with self.chosen():
            start = time.perf_counter()
            self.ask(query)
            return time.perf_counter() - start

    def queries(self, query):
        """How many statements the page sends."""
        sent = []

        def told(execute, sql, params, many, context):
            sent.append(sql)
            return execute(sql, params, many, context)

        with self.chosen() as wrapper, wrapper.execute_wrapper(told):
            self.ask(query)
        return len(sent)

    def ask(self, query):
        response = self.client.get(f"/adverse-events/?{query}")
        assert response.status_code == 200, response.status_code


def prepare(rows):
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.utils import timezone

    from studytracker import protocol
    from studytracker.access.people import grant
    from studytracker.protocol.adopting import adopt
    from studytracker.trust.acting import acting

    call_command("migrate", verbosity=0)
    with acting("bench", source="direct", reason="A measurement"):
        adopt(protocol.current(), at=timezone.now())
        chair = grant(username="bench.chair", role="chair", site=None, email="bench@example.org").user
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(%s)", [SEED])
        for model, number, facts in contents(chair.pk, rows):
            # The trail would take longer than the rows, and nothing is read from it here.
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
            cursor.execute(filling(model, facts), [number])
        cursor.execute("VACUUM ANALYZE")
    print(f"{rows:,} events filled in {time.perf_counter() - started:.0f} s", flush=True)
    client = Client()
    with acting(chair, source="direct"):
        client.force_login(chair)
    return client


def contents(chair, rows):
    """(model, how many, {column: SQL}) in the order of the foreign keys; `n` counts from 1."""
    from django.apps import apps

    arm = "CASE WHEN n % 2 = 0 THEN 'EMORY' ELSE 'MUSC' END"
    day0 = "DATE '2015-01-01' + (n % 3500)"
    people = max(1, rows // EVENTS_EACH)
    yield (
        apps.get_model("participants.Participant"),
        people,
        {
            **{
                "id": "n",
                "site_id": arm,
                "number": "n",
                "age": "18 + n % 48",
                "sex": "'F'",
                "protocol_version": "'1.0'",
            },
            "identifier": f"{arm} || '-' || lpad(n::text, greatest(3, length(n::text)), '0')",
            **{"screened_on": f"{day0} - 14", "screened_at": f"{day0} - 14", "screened_by_id": str(chair)},
        },
    )
    yield (
        apps.get_model("participants.Infusion"),
        people,
        {
            **{"participant_id": "n", "infused_on": day0, "started_at": f"{day0} + TIME '14:15'", "weight_kg": "72.4"},
            **{"planned_cells": "72400000", "volume_ml": "150", "lot": "'UC'", "recorded_at": "now()"},
            "recorded_by_id": str(chair),
        },
    )
    onset = "(DATE '2015-01-15' + floor(random() * 3900)::int)::text"
    term = "(ARRAY['Headache','Fatigue','Nausea','Rash','Fever','Cough','Anemia'])[1 + floor(random() ^ 2 * 7)::int]"
    grade = "(ARRAY[1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,3,3,4,NULL,NULL])[1 + floor(random() * 20)::int]"
    related = "(ARRAY['possible','unlikely','unrelated','unrelated','probable',''])[1 + floor(random() * 6)::int]"
    outcome = "(ARRAY['recovered','not_recovered','recovering',''])[1 + floor(random() * 4)::int]"
    yield (
        apps.get_model("adverse_events.AdverseEvent"),
        rows,
        {
            **{"participant_id": f"1 + (n - 1) / {EVENTS_EACH}", "number": f"1 + (n - 1) % {EVENTS_EACH}"},
            "site_id": f"CASE WHEN (1 + (n - 1) / {EVENTS_EACH}) % 2 = 0 THEN 'EMORY' ELSE 'MUSC' END",
            **{"protocol_version": "'1.0'", "ctcae_version": "'5.0'", "term": f"{term} || ' number ' || n % 997"},
            "started": f"substr({onset}, 1, (ARRAY[10,10,10,10,10,10,10,10,7,4])[1 + floor(random() * 10)::int])",
            "grade": f"CASE WHEN n % 5003 = 0 THEN 5 ELSE {grade} END",
            "causality": f"CASE WHEN n % 4001 = 0 THEN 'definite' ELSE {related} END",
            **{"outcome": outcome, "is_ongoing": "n % 4 = 0", "is_hospitalization": "n % 40 = 0"},
            "ended": "CASE WHEN n % 4 = 0 THEN NULL ELSE '2026-01-' || lpad((1 + n % 28)::text, 2, '0') END",
            **{"reported_at": "now() - n * INTERVAL '1 minute'", "reported_by_id": str(chair)},
        },
    )


def filling(model, facts):
    """INSERT of generated rows: what is not in `facts` has its default, or is empty."""
    columns = {}
    for field in model._meta.local_concrete_fields:
        if field.generated or (field.primary_key and field.column not in facts):
            continue
        columns[field.column] = facts.get(field.column) or _empty(field)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(columns.values()).replace("%", "%%")
    return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM generate_series(1, %s) n"


def _empty(field):
    if field.null:
        return "NULL"
    return str(field.get_default()).lower() if field.has_default() else "''"


def orders():
    from adverse_events.tables import AdverseEventTable

    names = [name for name, column in AdverseEventTable.base_columns.items() if column.orderable is not False]
    return ["", *(f"{sign}{name}" for name in names for sign in ("", "-"))]


def measure(sizes, rounds):
    """{(filter, order): {rows: [seconds]}}, and the most queries of any page."""
    cases = list(itertools.product(FILTERS, orders()))
    times = {case: {rows: [] for rows in sizes} for case in cases}
    most = 0
    for number in range(rounds + 1):
        for name, order in cases:
            query = "&".join(part for part in (FILTERS[name], f"sort={order}" if order else "") if part)
            for rows, database in sizes.items():
                if number:
                    times[name, order][rows].append(database.seconds(query))
                else:  # warms up, and counts
                    most = max(most, database.queries(query))
    return times, most


def control(sizes):
    """What this listing does not do: count every row, and sort by what no index serves."""
    from adverse_events.models import AdverseEvent

    found = {}
    for rows, database in sizes.items():
        with database.chosen():
            for name, act in (
                ("count", lambda: AdverseEvent.objects.filter(grade__gte=1).count()),
                ("order", lambda: list(AdverseEvent.objects.order_by("reported_at", "pk")[:25])),
            ):
                spent = []
                for _ in range(5):
                    start = time.perf_counter()
                    act()
                    spent.append(time.perf_counter() - start)
                found[name, rows] = statistics.median(spent)
    return found


def report(measured, sizes, rows, rounds):
    (times, most), without = measured, control(sizes)
    fastest = {case: found[rows] / found[SMALL] for case, found in summed(times, min).items()}
    median = {case: found[rows] / found[SMALL] for case, found in summed(times, statistics.median).items()}
    print(f"\n{len(times)} pages ({len(FILTERS)} filters by {len(orders())} orders), {rounds} rounds, seed {SEED}")
    print(f"{'filter':<18}{'worst, fastest':>16}{'worst, median':>16}{'ms at 1,000':>14}{f'ms at {rows:,}':>18}")
    for name in FILTERS:
        worst = max((case for case in times if case[0] == name), key=fastest.get)
        small, large = (1000 * summed(times, min)[worst][size] for size in (SMALL, rows))
        medians = max(median[case] for case in times if case[0] == name)
        line = f"{name:<18}{fastest[worst]:>16.2f}{medians:>16.2f}{small:>14.1f}{large:>18.1f}"
        print(f"{line}   sort={worst[1] or 'default'}")
    worst = max(fastest.values())
    print(f"worst of all {worst:.2f} (limit {LIMIT}), of medians {max(median.values()):.2f}; at most {most} queries")
    print(f"above the limit: {sum(ratio > LIMIT for ratio in fastest.values())} of {len(times)} pages")
    for name in ("count", "order"):
        few, many = without[name, SMALL], without[name, rows]
        print(f"control, {name}: {1000 * few:.1f} ms and {1000 * many:.1f} ms, ratio {many / few:.0f}")
    return int(worst > LIMIT or most > MOST_QUERIES)


def summed(times, how):
    return {case: {size: how(each) for size, each in found.items()} for case, found in times.items()}


if __name__ == "__main__":
    given = [int(text.replace("_", "")) for text in sys.argv[1:]]
    sys.exit(main(given[0] if given else 1_000_000, given[1] if len(given) > 1 else 5))
