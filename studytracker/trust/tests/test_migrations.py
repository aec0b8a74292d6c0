"""After every kind of operation on tables the trail is complete: the right table, every column, by its own name."""

import json
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.core.management import CommandError
from django.db import IntegrityError, connection, connections, migrations, models
from django.db.backends.sqlite3.base import DatabaseWrapper as StockSQLite
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from conftest import apart
from studytracker.protocol.models import Slot
from studytracker.trust import triggers
from studytracker.trust.acting import acting, for_sqlite
from studytracker.trust.backends.schema import TrailStays
from studytracker.trust.models import Entry
from studytracker.trust.replay import verify

from .rows import last_id

ops = migrations
THING = "Thing"


def start():
    """A table with a row in each: an owner, and a thing that belongs to it."""
    return [
        ops.CreateModel("Owner", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]),
        ops.CreateModel("Spare", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]),
        ops.CreateModel("Label", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]),
        ops.CreateModel(
            THING,
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=50)),
                ("note", models.CharField(max_length=50, null=True)),
                ("grade", models.IntegerField(null=True)),
                ("weight", models.DecimalField(max_digits=5, decimal_places=2, default="1.50")),
                ("is_open", models.BooleanField(default=True)),
                ("owner", models.ForeignKey("Owner", models.PROTECT)),
                ("labels", models.ManyToManyField("Label")),
            ],
            options={
                "indexes": [models.Index(fields=["grade"], name="idx_grade")],
                "constraints": [models.CheckConstraint(condition=~models.Q(title=""), name="has_title")],
            },
        ),
    ]


def fill(apps, schema_editor):
    for thing in apps.get_model(schema_editor.label, THING).objects.all():
        thing.note = "filled in by the migration"
        thing.save()


# What the operation does, and what it does it with.
OPERATIONS = {
    "AddField, may be null": ops.AddField(THING, "extra", models.CharField(max_length=9, null=True)),
    "AddField, with a default": ops.AddField(THING, "extra", models.CharField(max_length=9, default="x")),
    "AddField, a foreign key": ops.AddField(
        THING, "second", models.ForeignKey("Owner", models.PROTECT, null=True, related_name="+")
    ),
    "AddField, many-to-many": ops.AddField(THING, "more", models.ManyToManyField("Owner", related_name="+")),
    "AlterField, longer": ops.AlterField(THING, "title", models.CharField(max_length=90)),
    "AlterField, required": ops.AlterField(THING, "note", models.CharField(max_length=50, default="none")),
    "AlterField, indexed": ops.AlterField(THING, "title", models.CharField(max_length=50, db_index=True)),
    "AlterField, another type": ops.AlterField(THING, "grade", models.CharField(max_length=9, null=True)),
    "AlterField, another column": ops.AlterField(THING, "title", models.CharField(max_length=50, db_column="heading")),
    "RenameField": ops.RenameField(THING, "title", "heading"),
    "RemoveField": ops.RemoveField(THING, "note"),
    "RemoveField, a foreign key": ops.RemoveField(THING, "owner"),
    "RemoveField, many-to-many": ops.RemoveField(THING, "labels"),
    "RenameModel": ops.RenameModel(THING, "Matter"),
    "AlterModelTable": ops.AlterModelTable(THING, "moved_{label}"),
    "CreateModel": ops.CreateModel(
        "Other", [("id", models.BigAutoField(primary_key=True)), ("title", models.TextField())]
    ),
    "DeleteModel": ops.DeleteModel("Spare"),
    "AddIndex": ops.AddIndex(THING, models.Index(fields=["title"], name="idx_title")),
    "RemoveIndex": ops.RemoveIndex(THING, "idx_grade"),
    "RenameIndex": ops.RenameIndex(THING, new_name="idx_of_grade", old_name="idx_grade"),
    "AddConstraint, a check": ops.AddConstraint(
        THING, models.CheckConstraint(condition=~models.Q(title="?"), name="no_mark")
    ),
    "AddConstraint, unique": ops.AddConstraint(THING, models.UniqueConstraint(fields=["title", "grade"], name="once")),
    "AddConstraint, unique under a condition": ops.AddConstraint(
        THING, models.UniqueConstraint(fields=["title"], condition=models.Q(grade=1), name="once_graded")
    ),
    "RemoveConstraint": ops.RemoveConstraint(THING, "has_title"),
    "AlterUniqueTogether": ops.AlterUniqueTogether(THING, {("title", "grade")}),
    "RunPython": ops.RunPython(fill),
}  # fmt: skip


class Ground:
    """The scratch tables of one operation, under a label of their own."""

    def __init__(self, number):
        self.label = f"scratch{number}"
        self.state = ProjectState()

    def run(self, operation):
        operation = _with_names_of(operation, self.label)
        after = self.state.clone()
        operation.state_forwards(self.label, after)
        with connection.schema_editor() as editor:
            editor.label = self.label
            operation.database_forwards(self.label, editor, self.state, after)
        self.state = after

    def model(self, name):
        return self.state.apps.get_model(self.label, name)

    def models(self):
        every = self.state.apps.get_models(include_auto_created=True)
        return [model for model in every if model._meta.app_label == self.label]

    def clear(self):
        with connection.constraint_checks_disabled(), connection.cursor() as cursor:
            for name in connection.introspection.table_names(cursor):
                if self.label in name:
                    cursor.execute(f"DROP TABLE {name}{' CASCADE' * (connection.vendor == 'postgresql')}")

    def prepare(self):
        for operation in start():
            self.run(operation)
        owner = self.model("Owner").objects.create(name="first")
        for number in (1, 2):
            thing = self.model(THING).objects.create(title=f"old {number}", note="it's", grade=number, owner=owner)
            thing.labels.add(self.model("Label").objects.create(name="red"))


def _with_names_of(operation, label):
    """Indexes, constraints and tables share one room, so their names carry the label."""
    name, args, kwargs = operation.deconstruct()
    kwargs = dict(kwargs)
    for key in ("index", "constraint"):
        if key in kwargs:
            kwargs[key] = kwargs[key].clone()
            kwargs[key].name += label
    for key in ("name", "new_name", "old_name"):
        if key in kwargs and name in ("RemoveIndex", "RenameIndex", "RemoveConstraint"):
            kwargs[key] += label
    if name == "AlterModelTable":
        kwargs["table"] = kwargs["table"].format(label=label)
    if "options" in kwargs:
        named = {key: [each.clone() for each in kwargs["options"][key]] for key in kwargs["options"]}
        for each in [*named.get("indexes", ()), *named.get("constraints", ())]:
            each.name += label
        kwargs["options"] = named
    if "fields" in kwargs:
        kwargs["fields"] = [(field_name, field.clone()) for field_name, field in kwargs["fields"]]
    if "field" in kwargs:
        kwargs["field"] = kwargs["field"].clone()
    return type(operation)(*args, **kwargs)


def write_to_each(ground):
    """One insert and one change in every table of the label; what the trail then lacks, by table."""
    lacking = {}
    for model in ground.models():
        since = last_id()
        row = _fresh(model)
        row.save()
        wanted = [("I", set(_columns(model)))]
        text = next(
            (field for field in model._meta.local_concrete_fields if field.name in ("title", "heading", "name")), None
        )
        if text:
            setattr(row, text.attname, "changed")
            row.save()
            wanted.append(("U", {text.column}))
        entries = Entry.objects.filter(id__gt=since, table=model._meta.db_table).order_by("id")
        said = [(entry.op, set(json.loads(entry.new))) for entry in entries]
        if said != wanted:
            lacking[model._meta.db_table] = (said, wanted)
    return lacking


def _columns(model):
    return [field.column for field in model._meta.local_concrete_fields]


def _fresh(model):
    """A link joins the first of one table and the last of the other, which nothing joined yet."""
    row, direction = model(), "pk"
    for field in model._meta.local_concrete_fields:
        if field.is_relation:
            setattr(row, field.attname, field.remote_field.model.objects.order_by(direction).first().pk)
            direction = "-pk"
        elif field.name in ("title", "heading", "name"):
            setattr(row, field.attname, "fresh")
    return row


def outcome(number, operation):
    ground = Ground(number)
    ground.prepare()
    found = outcome_after(ground, operation)
    differences = triggers.differences(connection) + verify().differences
    ground.clear()
    return differences or found


def outcome_after(ground, operation):
    try:
        ground.run(operation)
    except Exception as error:
        return f"the migration fails: {type(error).__name__}"
    try:
        lacking = write_to_each(ground)
    except Exception as error:
        return f"a write fails: {type(error).__name__}"
    if not lacking:
        return "right"
    return "no entry" if any(not said for said, _ in lacking.values()) else "a wrong entry"


@pytest.mark.django_db(transaction=True)
def test_after_every_kind_of_operation_each_table_s_entries_are_complete():
    found = {name: outcome(number, operation) for number, (name, operation) in enumerate(OPERATIONS.items())}
    assert found == dict.fromkeys(OPERATIONS, "right")


@pytest.mark.django_db(transaction=True)
def test_a_data_migration_is_recorded_and_without_an_actor_refused():
    ground = Ground(99)
    ground.prepare()
    since = last_id()
    with acting("tests", source="migration", reason="Notes filled in"):
        ground.run(OPERATIONS["RunPython"])
    entries = Entry.objects.filter(id__gt=since)
    assert {(entry.op, entry.source, entry.reason) for entry in entries} == {("U", "migration", "Notes filled in")}
    assert len(entries) == 2
    ground.model(THING).objects.update(note="as before")
    with pytest.raises(IntegrityError, match="nobody is named"):
        apart(ground.run, OPERATIONS["RunPython"])
    assert set(ground.model(THING).objects.values_list("note", flat=True)) == {"as before"}


@pytest.mark.django_db(transaction=True)
def test_the_trail_s_own_migration_does_not_go_back(command):
    with pytest.raises(TrailStays, match="cannot be removed"):
        command("migrate", "trust", "zero", verbosity=0)
    assert triggers.differences(connection) == []


def without_a_trail():
    """As an installation from before there was one."""
    triggers.drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for name in triggers.dialect(connection).FUNCTIONS:
                cursor.execute(f"DROP FUNCTION {name} CASCADE")
        for model in reversed(list(apps.get_app_config("trust").get_models())):
            cursor.execute(f"DROP TABLE {model._meta.db_table}")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'trust'")


@pytest.mark.django_db(transaction=True)
def test_a_database_from_before_the_trail_starts_it_with_its_rows_as_they_stand(musc, command):
    musc.infused()
    without_a_trail()
    command("migrate", verbosity=0)
    assert triggers.differences(connection) == []
    result = verify()
    assert result.differences == []
    assert result.entries == result.rows > 40
    assert set(Entry.objects.values_list("op", "username", "source", "reason")) == {
        ("I", "migrate", "migration", triggers.MIGRATED)
    }


@pytest.mark.django_db(transaction=True)
def test_migrate_tells_of_triggers_that_were_changed_and_writes_them_anew(trial, command, capsys):
    drop = {"sqlite": "DROP TRIGGER trail_u_visits_visit", "postgresql": "DROP TRIGGER trail_write ON visits_visit"}
    with connection.cursor() as cursor:
        cursor.execute(drop[connection.vendor])
    command("migrate", verbosity=0)
    assert "The audit trail was not whole: trail_" in capsys.readouterr().err
    assert triggers.differences(connection) == []
    Slot.objects.create(number=50)
    assert Entry.objects.first().row_id == "50"


@pytest.mark.django_db
def test_migrate_refuses_a_database_that_another_version_made(command):
    MigrationRecorder(connection).record_applied("visits", "0099_of_another_version")
    with pytest.raises(CommandError, match=r"another version.*visits\.0099_of_another_version.*Nothing was changed"):
        command("migrate", verbosity=0)


if connection.vendor == "sqlite":

    @contextmanager
    def stock_backend():
        """Django's own SQLite on the same file: its schema editor does not know of the triggers."""
        ours = connections["default"]
        ours.close()
        stock = StockSQLite(ours.settings_dict, "default")
        connections["default"] = stock
        try:
            stock.ensure_connection()
            stock.connection.create_function("trail_context", 1, for_sqlite)
            yield
        finally:
            stock.close()
            connections["default"] = ours

    BROKEN_BY_STOCK = {
        "AddField, may be null": "a wrong entry",
        "AddField, with a default": "no entry",
        "AddField, a foreign key": "a wrong entry",
        "AddField, many-to-many": "no entry",
        "AlterField, longer": "no entry",
        "AlterField, required": "no entry",
        "AlterField, indexed": "no entry",
        "AlterField, another type": "no entry",
        "AlterField, another column": "a wrong entry",
        "RenameField": "a wrong entry",
        "RemoveField": "the migration fails: OperationalError",
        "RemoveField, a foreign key": "no entry",
        "RenameModel": "no entry",
        "AlterModelTable": "no entry",
        "CreateModel": "no entry",
        "AddConstraint, a check": "no entry",
        "AddConstraint, unique": "no entry",
        "RemoveConstraint": "no entry",
    }

    def outcome_on_stock(number, operation):
        ground = Ground(100 + number)
        ground.prepare()
        with stock_backend():
            found = outcome_after(ground, operation)
        ground.clear()
        return found

    @pytest.mark.django_db(transaction=True)
    def test_the_stock_backend_breaks_the_same_triggers():
        """The negative control: were it right too, the test above would prove nothing."""
        found = {name: outcome_on_stock(number, each) for number, (name, each) in enumerate(OPERATIONS.items())}
        assert found == dict.fromkeys(OPERATIONS, "right") | BROKEN_BY_STOCK
        assert len(BROKEN_BY_STOCK) == 18
