"""What the audit triggers cost: the same writes on a table with them and on its twin without.

    .venv/bin/python scripts/bench_trail.py [rows]

Uses the database of the settings, in a transaction that is rolled back, and prints medians of interleaved rounds.
Each save is one INSERT or UPDATE inside one open transaction, so that the disk's own time is not in the figures.
"""

import os
import statistics
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROUNDS = 9


def main(rows: int) -> None:
    django.setup()
    from django.db import connection, models, transaction

    from studytracker.trust import triggers
    from studytracker.trust.acting import acting
    from visits.models import Visit

    class Twin(models.Model):
        """The columns of a visit, without foreign keys: the triggers are all that differs."""

        participant_id = models.BigIntegerField()
        site_id = models.CharField(max_length=40)
        code = models.CharField(max_length=20)
        order = models.PositiveSmallIntegerField()
        target_on = models.DateField(null=True)
        opens_on = models.DateField(null=True)
        closes_on = models.DateField(null=True)
        attended_on = models.DateField(null=True)
        attended_at = models.DateTimeField(null=True)
        attended_by_id = models.BigIntegerField(null=True)
        out_of_window_reason = models.CharField(max_length=500, blank=True)
        missed_at = models.DateTimeField(null=True)
        missed_by_id = models.BigIntegerField(null=True)
        missed_reason = models.CharField(max_length=500, blank=True)

        class Meta:
            app_label = "bench"
            db_table = "bench_visit"

        def __str__(self):
            return self.code

    def measured(with_triggers):
        """Seconds for (create, update, update of many), each row by row but the last."""
        sid = transaction.savepoint()
        with connection.cursor() as cursor:
            made = connection.schema_editor()
            made.deferred_sql = []
            cursor.execute(made.table_sql(Twin)[0])
        if with_triggers:
            triggers.install(connection)
        seconds = [timed(lambda: create(Twin, rows))]
        held = list(Twin.objects.all())
        seconds.append(timed(lambda: update(held)))
        seconds.append(timed(lambda: Twin.objects.update(order=2)))
        transaction.savepoint_rollback(sid)
        return seconds

    found = {True: [], False: []}
    with transaction.atomic(), acting("bench", source="direct", reason="A measurement"):
        for turn in range(ROUNDS * 2):
            found[bool(turn % 2)].append(measured(bool(turn % 2)))
        transaction.set_rollback(True)
    report(connection, Visit, rows, found)


def create(model, rows):
    for number in range(rows):
        model.objects.create(participant_id=number, site_id="A", code="W1", order=1)


def update(held):
    for row in held:
        row.out_of_window_reason = "The participant travelled"
        row.save()


def timed(act) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def report(connection, model, rows, found):
    print(f"{connection.display_name}, {rows} rows, median of {ROUNDS} interleaved rounds, microseconds a row:")
    for place, name in enumerate(("create()", "save() of a change", "queryset.update()")):
        bare, kept = (statistics.median(each[place] for each in found[which]) * 1e6 / rows for which in (False, True))
        print(f"  {name:<20} without {bare:7.1f}   with {kept:7.1f}   ratio {kept / bare:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
