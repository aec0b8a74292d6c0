"""Pages asked of a small and of a large PostgreSQL database in turn, through all of Django, in one run.

What else the machine does falls on both alike. Told are the ratio of the fastest of the rounds, which other work
disturbs least, and that of the medians.
"""

import os
import statistics
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))
import throwaway_postgres  # noqa: E402

PEOPLE = {"chair": ("chair", None), "crc": ("coordinator", "MUSC")}  # name: role and site


@contextmanager
def databases(fill, small, large):
    """{rows: Database} on a server of its own, gone afterwards; `fill(rows)` writes them."""
    programs = throwaway_postgres.find_programs()
    if programs is None:
        raise SystemExit(f"Nothing was measured: {throwaway_postgres.HOW_TO_GET}.")
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
        yield {small: Database("bench_small", small, fill), large: Database("bench_large", large, fill)}


class Database:
    """One database of one size, with a client signed in for each of PEOPLE."""

    def __init__(self, name, rows, fill):
        from django.db import connection, connections

        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        settings = {**connection.settings_dict, "NAME": name, "CONN_MAX_AGE": None}
        self.wrapper = type(connections["default"])(settings, "default")
        with self.chosen():
            self.clients = prepare(rows, fill)

    @contextmanager
    def chosen(self):
        from django.db import connections

        before = connections["default"]
        connections["default"] = self.wrapper
        try:
            yield self.wrapper
        finally:
            connections["default"] = before

    def seconds(self, person, address):
        with self.chosen():
            start = time.perf_counter()
            self.ask(person, address)
            return time.perf_counter() - start

    def queries(self, person, address):
        """How many statements the page sends."""
        sent = []

        def told(execute, sql, params, many, context):
            sent.append(sql)
            return execute(sql, params, many, context)

        with self.chosen() as wrapper, wrapper.execute_wrapper(told):
            self.ask(person, address)
        return len(sent)

    def ask(self, person, address):
        response = self.clients[person].get(address)
        assert response.status_code == 200, (address, response.status_code)


def prepare(rows, fill):
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.utils import timezone

    from studytracker import protocol
    from studytracker.access.people import grant
    from studytracker.protocol.adopting import adopt
    from studytracker.trust.acting import acting

    call_command("migrate", verbosity=0)
    clients = {}
    with acting("bench", source="direct", reason="A measurement"):
        adopt(protocol.current(), at=timezone.now())
        for name, (role, site) in PEOPLE.items():
            user = grant(username=name, role=role, site=site, email=f"{name}@example.org").user
            clients[name] = Client()
            clients[name].force_login(user)
    started = time.perf_counter()
    with connection.cursor() as cursor:
        fill(cursor, rows, user.pk)
        cursor.execute("VACUUM ANALYZE")
    print(f"{rows:,} rows filled in {time.perf_counter() - started:.0f} s", flush=True)
    return clients


def fill_all(cursor, contents):
    """Writes the generated rows of `contents`: (model, how many, {column: SQL}), where `n` counts from 1."""
    for model, number, facts in contents:
        # The trail would take longer than the rows, and nothing is read from it here.
        cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        cursor.execute(filling(model, facts), [number])


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


def measure(sizes, cases, rounds):
    """{case: {rows: [seconds]}} and {case: most queries}; `cases` gives each its person and address."""
    queries = {case: max(each.queries(*asked) for each in sizes.values()) for case, asked in cases.items()}
    times = {case: {rows: [] for rows in sizes} for case in cases}
    turns(sizes, cases, times, rounds)
    return times, queries


def turns(sizes, cases, times, rounds):
    for _ in range(rounds):
        for case, asked in cases.items():
            for rows, database in sizes.items():
                times[case][rows].append(database.seconds(*asked))


def measure_again(sizes, cases, times, limit, most_rounds):
    """The pages above the limit, at both sizes: on a busy machine a few rounds hold no undisturbed one."""
    for _ in range(most_rounds):
        over = {case: asked for case, asked in cases.items() if ratio(times[case]) > limit}
        turns(sizes, over, times, 1)


def ratio(spent) -> float:
    """Of the fastest."""
    few, many = (min(each) for each in spent.values())
    return many / few


def report(times, queries):
    """The worst of each group of pages, a case being (group, order). Gives the ratios of the fastest, by case."""
    small, large = next(iter(times.values()))
    least = {case: [1000 * min(each[rows]) for rows in (small, large)] for case, each in times.items()}
    fastest = {case: ratio(each) for case, each in times.items()}
    median = {case: statistics.median(each[large]) / statistics.median(each[small]) for case, each in times.items()}
    print(f"{'':<20}{'worst, fastest':>16}{'worst, median':>16}{f'ms at {small:,}':>14}{f'ms at {large:,}':>18}")
    for group in dict.fromkeys(group for group, _ in times):
        worst = max((case for case in times if case[0] == group), key=fastest.get)
        medians = max(median[case] for case in times if case[0] == group)
        line = f"{group:<20}{fastest[worst]:>16.2f}{medians:>16.2f}{least[worst][0]:>14.1f}{least[worst][1]:>18.1f}"
        print(f"{line}   {queries[worst]} queries   sort={worst[1] or 'default'}")
    return fastest


def verdict(fastest, queries, limit, most_queries) -> int:
    """0 where every page keeps within `limit` and `most_queries`."""
    worst, most = max(fastest.values()), max(queries[case] for case in fastest)
    over = sorted((ratio, case) for case, ratio in fastest.items() if ratio > limit)
    print(f"{len(fastest)} pages: worst {worst:.2f} (limit {limit}), at most {most} queries (limit {most_queries})")
    print(f"above the limit: {len(over)}" + "".join(f"; {' by '.join(case)} {ratio:.2f}" for ratio, case in over))
    return int(bool(over) or most > most_queries)


def control(sizes, acts):
    """What these listings do not do, as ratios; `acts` maps a name to what is done."""
    for name, act in acts.items():
        spent = []
        for database in sizes.values():
            with database.chosen():
                spent.append(statistics.median(_seconds(act) for _ in range(5)))
        few, many = spent
        print(f"control, {name}: {1000 * few:.1f} ms and {1000 * many:.1f} ms, ratio {many / few:.0f}")


def _seconds(act):
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def orders(table):
    """Every order that a table of this class offers, both ways, and its own."""
    names = [name for name, column in table.base_columns.items() if column.orderable is not False]
    return ["", *(f"{sign}{name}" for name in names for sign in ("", "-"))]


def grid(path, filters, orders):
    """{(filter, order): (person, address)}; `filters` gives each its person and query string."""
    return {
        (name, order): (person, f"{path}?" + "&".join(filter(None, (query, order and f"sort={order}"))))
        for name, (person, query) in filters.items()
        for order in orders
    }


def sizes_given():
    """(rows, rounds) of the command line."""
    given = [int(text.replace("_", "")) for text in sys.argv[1:]]
    return (given[0] if given else 1_000_000), (given[1] if len(given) > 1 else 5)
