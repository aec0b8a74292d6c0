"""What the database refuses, whoever asks: writes without an actor, changes of the trail, emptied tables."""

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing

import psycopg
import pytest
from django.core.checks.registry import registry
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from conftest import apart
from studytracker.protocol.models import Slot
from studytracker.trust import triggers, watch
from studytracker.trust.acting import acting
from studytracker.trust.coverage import EXCUSED, covered_models, is_final
from studytracker.trust.models import Entry
from studytracker.trust.refusals import APPEND_ONLY, FINAL, NOBODY, NOT_EMPTIED

from .rows import KEY_ONLY, Rows, last_id, models_under_test

DROP_A_TRIGGER = {
    "sqlite": "DROP TRIGGER trail_k_visits_visit",
    "postgresql": "DROP TRIGGER trail_keep ON visits_visit",
}


def test_each_table_has_its_triggers_or_an_excuse(db):
    with connection.cursor() as cursor:
        there = {name for name in connection.introspection.table_names(cursor)}
        held = set(triggers.dialect(connection).actual(cursor))
    covered = {model._meta.db_table for model in covered_models()}
    assert there == covered | set(EXCUSED)
    per_table = {"sqlite": "trail_u_{}", "postgresql": "trail_write on {}"}[connection.vendor]
    assert {table for table in there if per_table.format(table) in held} == covered


def test_without_an_actor_no_table_takes_a_row(coordinator):
    rows, said = Rows(coordinator), {}
    for model in models_under_test():
        try:
            with transaction.atomic():
                apart(models.Model.save, rows.fresh(model, 5))
        except IntegrityError as refusal:
            said[model._meta.label] = str(refusal).splitlines()[0]
    assert said == {model._meta.label: NOBODY for model in models_under_test()}


@pytest.mark.parametrize("ignore", [True, False])
def test_no_conflict_clause_softens_the_refusal(trial, ignore):
    def create():
        Slot.objects.bulk_create([Slot(number=77)], ignore_conflicts=ignore)

    with pytest.raises(IntegrityError, match=NOBODY), transaction.atomic():
        apart(create)
    assert not Slot.objects.filter(number=77).exists()


def test_a_context_left_behind_in_a_transaction_does_not_answer_for_the_next_write(trial):
    with transaction.atomic():

        def first():
            with acting("sweep", source="task"):
                Slot.objects.create(number=70)

        apart(first)
        with pytest.raises(IntegrityError, match=NOBODY), transaction.atomic():
            apart(Slot.objects.create, number=71)


def test_after_a_rolled_back_savepoint_the_actor_is_told_again(trial):
    def write():
        with acting("sweep", source="task"), transaction.atomic():
            sid = transaction.savepoint()
            Slot.objects.create(number=80)
            transaction.savepoint_rollback(sid)
            Slot.objects.create(number=81)
            with connection.cursor() as cursor:
                cursor.execute("SAVEPOINT by_hand")
            Slot.objects.create(number=82)
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK TO by_hand")
            Slot.objects.create(number=83)

    with transaction.atomic():
        apart(write)
    assert list(Entry.objects.filter(username="sweep").order_by("id").values_list("row_id", flat=True)) == ["81", "83"]


TAMPERINGS = {
    "update": "UPDATE trust_entry SET username = 'somebody else'",
    "delete": "DELETE FROM trust_entry",
    "insert over": "INSERT INTO trust_entry SELECT * FROM trust_entry",
    "upsert": "INSERT INTO trust_entry SELECT * FROM trust_entry WHERE true "
    "ON CONFLICT (id) DO UPDATE SET username = 'x'",
}
if connection.vendor == "sqlite":
    TAMPERINGS["replace"] = "INSERT OR REPLACE INTO trust_entry SELECT * FROM trust_entry"
    TAMPERINGS["ignore"] = "INSERT OR IGNORE INTO trust_entry SELECT * FROM trust_entry"
else:
    TAMPERINGS["truncate"] = "TRUNCATE trust_entry"
    TAMPERINGS["as a replica"] = "SET LOCAL session_replication_role = replica; DELETE FROM trust_entry"


@pytest.mark.parametrize("how", TAMPERINGS)
def test_the_trail_refuses(trial, how):
    before = list(Entry.objects.values())
    assert len(before) > 8
    with pytest.raises(IntegrityError, match=APPEND_ONLY), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAMPERINGS[how])
    assert list(Entry.objects.values()) == before


@pytest.mark.django_db(transaction=True)
def test_replacing_an_entry_is_refused_without_the_pragma_too(trial):
    """The insert guard alone, on a plain connection with recursive_triggers off."""
    if connection.vendor != "sqlite":
        with pytest.raises(IntegrityError, match=APPEND_ONLY):
            Entry.objects.bulk_create([Entry(id=last_id(), at="", table="", row_id="", op="I", source="direct")])
        return
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name)) as plain:
        assert plain.execute("PRAGMA recursive_triggers").fetchone() == (0,)
        with pytest.raises(sqlite3.IntegrityError, match=APPEND_ONLY):
            plain.execute("INSERT OR REPLACE INTO trust_entry SELECT * FROM trust_entry LIMIT 1")


def by_hand(model, rows):
    """An UPDATE in plain SQL that changes a row."""
    if model._meta.label in KEY_ONLY:
        column, value = model._meta.pk.column, "'X'" if model._meta.pk.column == "code" else "404"
        return f"UPDATE {model._meta.db_table} SET {column} = {value} WHERE {column} = {_spare_key(model)}"
    name, value = rows.change(model)
    field = model._meta.get_field(name)
    value = str(field.get_db_prep_save(value, connection)).replace("'", "''")
    return (
        f"UPDATE {model._meta.db_table} SET {field.column} = '{value}' WHERE {model._meta.pk.column} = "
        + _spare_key(model)
    )


def _spare_key(model):
    key = models.QuerySet(model).order_by("-pk").values_list("pk", flat=True)[0]
    return f"'{key}'"


@pytest.mark.django_db(transaction=True)
def test_a_database_shell_without_our_function_or_a_context_is_refused_at_every_table(coordinator):
    rows, said = Rows(coordinator), {}
    for model in models_under_test():
        models.Model.save(rows.fresh(model, 1))
    statements = {model._meta.label: by_hand(model, rows) for model in models_under_test()}
    with closing(shell()) as plain:
        for label, statement in statements.items():
            try:
                plain.execute(statement.replace("'True'", "true"))
            except (sqlite3.OperationalError, psycopg.IntegrityError) as refusal:
                said[label] = str(refusal).splitlines()[0]
                plain.rollback()
    words = {"sqlite": "no such function: trail_context", "postgresql": NOBODY}[connection.vendor]
    expected = dict.fromkeys(statements, words)
    if connection.vendor == "postgresql":
        final = [model._meta.label for model in models_under_test() if is_final(model._meta.db_table)]
        expected |= dict.fromkeys(final, FINAL)  # refused before anybody asks who it is
    assert said == expected


def shell():
    """A client that knows nothing of this program."""
    held = connection.settings_dict
    if connection.vendor == "sqlite":
        return sqlite3.connect(held["NAME"])
    return psycopg.connect(dbname=held["NAME"], user=held["USER"], host=held["HOST"], port=held["PORT"])


@pytest.mark.django_db(transaction=True)
def test_the_command_line_shell_of_sqlite_is_refused(trial):
    program = shutil.which("sqlite3")
    if connection.vendor != "sqlite" or program is None:
        # The same through a driver, so that this test always says something.
        with closing(shell()) as plain, pytest.raises((sqlite3.OperationalError, psycopg.IntegrityError)):
            plain.execute("DELETE FROM protocol_slot")
        return
    done = subprocess.run(
        [program, connection.settings_dict["NAME"], "DELETE FROM protocol_slot"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 1
    assert "no such function: trail_context" in done.stderr
    assert Slot.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_a_write_outside_any_transaction_is_recorded_with_its_actor(trial):
    with transaction.atomic():
        Slot.objects.create(number=50)
    Slot.objects.create(number=51)
    Slot.objects.filter(number=51).update(number=52)
    with pytest.raises(IntegrityError):
        apart(Slot.objects.create, number=53)
    found = Entry.objects.filter(table="protocol_slot", row_id__in=["50", "51", "52", "53"]).order_by("id")
    assert [(each.op, each.row_id, each.username) for each in found] == [
        ("I", "50", "tests"),
        ("I", "51", "tests"),
        ("U", "51", "tests"),
    ]


def test_an_entry_and_its_change_are_rolled_back_together(trial):
    before = Entry.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Slot.objects.create(number=50)
        assert Entry.objects.count() == before + 1
        raise ZeroDivisionError
    assert Entry.objects.count() == before


def test_a_masked_value_is_nowhere_in_the_trail(coordinator):
    coordinator.set_password("a-long-enough-password")
    coordinator.save()
    texts = [text or "" for pair in Entry.objects.values_list("old", "new") for text in pair]
    assert [text for text in texts if coordinator.password in text] == []
    assert json.loads(Entry.objects.first().new) == {"password": "(hidden)"}


def test_the_triggers_are_whole_and_a_missing_or_silenced_one_is_named(db):
    assert triggers.differences(connection) == []
    digest = triggers.digest(connection)
    drop, name = {
        "sqlite": ("DROP TRIGGER trail_u_visits_visit", "trail_u_visits_visit"),
        "postgresql": ("DROP TRIGGER trail_write ON visits_visit", "trail_write on visits_visit"),
    }[connection.vendor]
    silence, silenced = {
        "sqlite": (
            "DROP TRIGGER trail_guard_delete; CREATE TRIGGER trail_guard_delete BEFORE DELETE ON trust_entry "
            "WHEN false BEGIN SELECT 1; END",
            "trail_guard_delete",
        ),
        "postgresql": ("ALTER TABLE trust_entry DISABLE TRIGGER trail_guard", "trail_guard on trust_entry"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        for statement in [drop, *silence.split("; CREATE")]:
            cursor.execute(statement if statement.startswith(("DROP", "ALTER")) else f"CREATE{statement}")
    assert triggers.differences(connection) == [f"{name} is missing", f"{silenced} was altered"]
    assert triggers.digest(connection) != digest
    triggers.install(connection)
    assert triggers.differences(connection) == []
    assert triggers.digest(connection) == digest


def test_the_check_of_the_database_names_each_difference(db, command):
    with connection.cursor() as cursor:
        cursor.execute(DROP_A_TRIGGER[connection.vendor])
    with pytest.raises(Exception, match=r"trust\.E001.*audit trail is not whole: trail_k.* is missing"):
        command("check", databases=["default"])


def test_the_check_of_a_deployment_looks_too(db):
    assert watch.check_deployed(None) == watch.check_deployed(None, databases=["default"]) == []
    with connection.cursor() as cursor:
        cursor.execute(DROP_A_TRIGGER[connection.vendor])
    assert [(error.id, "visits_visit" in error.msg) for error in watch.check_deployed(None)] == [("trust.E001", True)]
    assert watch.check_deployed in registry.deployment_checks


@pytest.mark.django_db(transaction=True)
def test_a_server_does_not_start_with_a_trigger_missing(trial):
    watch.refuse_if_broken()
    with connection.cursor() as cursor:
        cursor.execute(DROP_A_TRIGGER[connection.vendor])
    with pytest.raises(
        watch.TrailBroken, match=r"The audit trail is not whole:\n  trail_\w+( on visits_visit)? is missing"
    ):
        watch.refuse_if_broken()


def test_a_refusal_is_a_database_error_for_whoever_catches_one(trial):
    with pytest.raises(DatabaseError), transaction.atomic():
        apart(Slot.objects.create, number=53)


if connection.vendor == "postgresql":

    def test_no_table_under_the_trail_is_truncated(db):
        said = {}
        for model in models_under_test():
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")
            except IntegrityError as refusal:
                said[model._meta.label] = str(refusal).splitlines()[0]
        assert said == {model._meta.label: NOT_EMPTIED for model in models_under_test()}

    @pytest.mark.django_db(transaction=True)
    def test_a_session_outside_the_application_may_name_itself_and_is_recorded_with_its_database_role(trial):
        context = {"username": "dba", "source": "direct", "reason": "Slot added on request of the sponsor"}
        with closing(shell()) as plain:
            plain.execute("SELECT set_config('studytracker.context', %s, true)", [json.dumps(context)])
            plain.execute("INSERT INTO protocol_slot VALUES (99)")
            plain.commit()
        entry = Entry.objects.get(table="protocol_slot", row_id="99")
        assert (entry.username, entry.source, entry.reason) == ("dba", "direct", context["reason"])
        assert (entry.dbrole, entry.actor_id, entry.role) == (connection.settings_dict["USER"], None, "")
