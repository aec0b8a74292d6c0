"""What the audit triggers cost: the same writes on three equal tables, one bare, one under triggers, one with
django-simple-history where that is installed (scripts/bench_audit.py has it).

    .venv/bin/python scripts/bench_trail.py [rows]

Uses the database of the settings, in a transaction that is rolled back. Each save is one INSERT or UPDATE inside one
open transaction, so that the disk's own time is not in the figures. The tables take turns row by row, so that what
else the machine does falls on all of them alike; medians, and ratios of medians.
"""

import os
import statistics
import sys
import time
from importlib.util import find_spec

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROUNDS = 9
BARE, KEPT, HISTORY = "bare", "triggers", "django-simple-history"


def main(rows: int) -> None:
    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from studytracker.trust import coverage, triggers
    from studytracker.trust.acting import acting

    if not triggers.has_trail(connection):  # without it there would be no triggers, and every ratio 1.00
        call_command("migrate", verbosity=0)
    models = twins()
    tables = [table for model in models.values() for table in tables_of(model)]
    for table in tables:
        if table != models[KEPT]._meta.db_table:
            coverage.EXCUSED[table] = "a measurement"
    with transaction.atomic(), acting("bench", source="direct", reason="A measurement"):
        with connection.cursor() as cursor:
            for model in every_model(models):
                editor = connection.schema_editor()
                editor.deferred_sql = []
                cursor.execute(editor.table_sql(model)[0])
        triggers.install(connection)
        measured = measure(models, rows)
        transaction.set_rollback(True)
    report(connection, rows, measured)


def twins():
    """The columns of a visit, without foreign keys."""
    from django.db import models

    def made(name, **extra):
        fields = {
            "participant_id": models.BigIntegerField(),
            "site_id": models.CharField(max_length=40),
            "code": models.CharField(max_length=20),
            "order": models.PositiveSmallIntegerField(),
            "target_on": models.DateField(null=True),
            "opens_on": models.DateField(null=True),
            "closes_on": models.DateField(null=True),
            "attended_on": models.DateField(null=True),
            "attended_at": models.DateTimeField(null=True),
            "attended_by_id": models.BigIntegerField(null=True),
            "out_of_window_reason": models.CharField(max_length=500, blank=True),
            "missed_at": models.DateTimeField(null=True),
            "missed_by_id": models.BigIntegerField(null=True),
            "missed_reason": models.CharField(max_length=500, blank=True),
        }
        meta = type("Meta", (), {"app_label": "trust", "db_table": f"bench_{name.lower()}"})
        return type(name, (models.Model,), {"__module__": __name__, "Meta": meta, **fields, **extra})

    found = {BARE: made("Bare"), KEPT: made("Kept")}
    if find_spec("simple_history"):
        from simple_history.models import HistoricalRecords

        found[HISTORY] = made("Recorded", history=HistoricalRecords(table_name="bench_historicalrecorded"))
    return found


def every_model(models):
    for name, model in models.items():
        yield model
        if name == HISTORY:
            yield model.history.model


def tables_of(model):
    yield model._meta.db_table
    if hasattr(model, "history"):
        yield model.history.model._meta.db_table


def measure(models, rows):
    """{(act, name): [seconds a row]}"""
    seconds = {}
    held = {name: [] for name in models}
    for number in range(rows):
        for name in turns(models, number):
            facts = {"participant_id": number, "site_id": "A", "code": "W1", "order": 1}
            row, took = timed(lambda: models[name].objects.create(**facts))  # noqa: B023
            held[name].append(row)
            seconds.setdefault(("create()", name), []).append(took)
    for number in range(rows):
        for name in turns(models, number):
            row = held[name][number]
            row.out_of_window_reason = "The participant travelled"
            seconds.setdefault(("save() of a change", name), []).append(timed(row.save)[1])
    for number in range(ROUNDS):
        for name in turns(models, number):
            took = timed(lambda: models[name].objects.update(order=number + 2))[1]  # noqa: B023
            seconds.setdefault(("queryset.update()", name), []).append(took / rows)
    return seconds


def turns(models, number):
    names = list(models)
    return names[number % len(names) :] + names[: number % len(names)]


def timed(act):
    start = time.perf_counter()
    result = act()
    return result, time.perf_counter() - start


def report(connection, rows, measured):
    print(f"{connection.display_name}, {rows} rows, taking turns row by row; median microseconds a row:")
    names = list(dict.fromkeys(name for _, name in measured))
    for act in dict.fromkeys(act for act, _ in measured):
        median = {name: statistics.median(measured[act, name]) * 1e6 for name in names}
        ratios = "".join(f"   {name} {median[name]:7.1f} = {median[name] / median[BARE]:5.2f} x" for name in names[1:])
        print(f"  {act:<20} {BARE} {median[BARE]:7.1f}{ratios}")
    if HISTORY not in names:
        print("  (django-simple-history is not installed here: scripts/bench_audit.py compares with it)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
