"""Every covered table, by every way to write. What must be told comes from the models' field lists."""

import json

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from conftest import staged
from studytracker.trust.acting import because
from studytracker.trust.coverage import covered_models, is_clinical, is_final
from studytracker.trust.models import Entry

from .rows import KEY_ONLY, Rows, everything, last_id, live, models_under_test, should_be_told, told


@staged
def rows(coordinator):
    return Rows(coordinator)


def saved(rows, model, count=3):
    made = [rows.fresh(model, n) for n in range(count)]
    for row in made:
        models.Model.save(row)
    return made


def all_rows(model):
    """Past any manager that refuses."""
    return models.QuerySet(model)


# Each path gets saved rows and two that are not saved yet, and returns how many rows it changed.


def save_new(rows, model, held, fresh):
    models.Model.save(fresh[0])
    return 1


def save_changed(rows, model, held, fresh):
    name, value = rows.change(model)
    setattr(held[0], name, value)
    with because("A test replaces what was recorded"):
        models.Model.save(held[0])
    return 1


def save_one_field(rows, model, held, fresh):
    name, value = rows.change(model)
    setattr(held[0], name, value)
    with because("A test replaces what was recorded"):
        models.Model.save(held[0], update_fields=[model._meta.get_field(name).name])
    return 1


def save_unchanged(rows, model, held, fresh):
    models.Model.save(held[0])
    return 0


def update_many(rows, model, held, fresh):
    name, value = rows.change(model)
    keys = [row.pk for row in held[: at_once(model)]]
    return all_rows(model).filter(pk__in=keys).update(**{model._meta.get_field(name).name: value})


def at_once(model):
    """How many rows may hold the changed value: the name of a group is unique."""
    return 1 if model._meta.label == "auth.Group" else 2


def update_by_expression(rows, model, held, fresh):
    name = next(
        (
            field.name
            for field in model._meta.fields
            if type(field) is models.CharField and not field.primary_key and field.max_length < 128
        ),
        None,
    )
    if name is None or model._meta.label in ("access.Membership", "outbox.Mail", "participants.CustodyEvent"):
        return None
    return all_rows(model).filter(pk__in=[row.pk for row in held]).update(**{name: Concat(F(name), Value("+"))})


def bulk_create(rows, model, held, fresh):
    return len(all_rows(model).bulk_create(fresh))


def bulk_create_ignoring(rows, model, held, fresh):
    all_rows(model).bulk_create([held[0], fresh[0]], ignore_conflicts=True)
    return 1


def bulk_create_updating(rows, model, held, fresh):
    name, value = rows.change(model)
    setattr(held[0], name, value)
    fields = [model._meta.get_field(name).name]
    all_rows(model).bulk_create(
        [held[0], fresh[0]] if fresh[0].pk else [held[0]],
        update_conflicts=True,
        unique_fields=[model._meta.pk.name],
        update_fields=fields,
    )
    return 2 if fresh[0].pk else 1


def bulk_update(rows, model, held, fresh):
    name, value = rows.change(model)
    changed = held[: at_once(model)]
    for row in changed:
        setattr(row, name, value)
    return all_rows(model).bulk_update(changed, [model._meta.get_field(name).name])


def delete_one(rows, model, held, fresh):
    models.Model.delete(held[0])
    return 1


def delete_many(rows, model, held, fresh):
    all_rows(model).filter(pk__in=[row.pk for row in held]).delete()
    return 3


def raw_insert(rows, model, held, fresh):
    fields = [field for field in model._meta.local_concrete_fields if not field.generated]
    fields = [field for field in fields if not (field.primary_key and field.get_internal_type() == "BigAutoField")]
    fields = [field for field in fields if field.get_internal_type() != "AutoField"]
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    values = [field.get_db_prep_save(getattr(fresh[0], field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({', '.join(['%s'] * len(values))})", values
        )
    return 1


def raw_update(rows, model, held, fresh):
    name, value = rows.change(model)
    field = model._meta.get_field(name)
    prepared = field.get_db_prep_save(value, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"/* by hand */ UPDATE {model._meta.db_table} SET {connection.ops.quote_name(field.column)} = %s "
            f"WHERE {model._meta.pk.column} = %s",
            [prepared, held[1].pk],
        )
    return 1


def raw_delete(rows, model, held, fresh):
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {model._meta.pk.column} = %s", [held[2].pk])
    return 1


def load_fixture(rows, model, held, fresh, tmp_path):
    fresh[0].pk = fresh[0].pk or 7000
    values = {
        field.name: field.get_prep_value(getattr(fresh[0], field.attname))
        for field in model._meta.local_concrete_fields
        if not field.generated and not field.primary_key
    }
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([{"model": model._meta.label_lower, "pk": fresh[0].pk, "fields": values}], default=str))
    call_command("loaddata", str(file), verbosity=0)
    return 1


UPDATES = [
    save_changed,
    save_one_field,
    update_many,
    update_by_expression,
    bulk_create_updating,
    bulk_update,
    raw_update,
]
OTHERS = [save_new, save_unchanged, bulk_create, bulk_create_ignoring, raw_insert, load_fixture]
DELETES = [delete_one, delete_many, raw_delete]


def test_every_model_with_a_table_is_under_test():
    named = {model._meta.label for model in models_under_test()}
    assert len(named) >= 27
    assert {"access.User", "access.User_groups", "adverse_events.AdverseEvent", "auth.Group_permissions"} <= named


@pytest.mark.parametrize("path", OTHERS + UPDATES, ids=lambda path: path.__name__)
def test_each_table_s_trail_tells_what_the_path_changed(rows, path, tmp_path):
    tried, wrong = 0, {}
    for model in models_under_test():
        if path in UPDATES and model._meta.label in KEY_ONLY:
            continue
        if path in (save_unchanged, bulk_create_ignoring) and is_final(model._meta.db_table):
            continue  # refused, whatever it holds
        held, fresh = saved(rows, model), [rows.fresh(model, n) for n in (3, 4)]
        before, since = live(model), last_id()
        more = [tmp_path] if path is load_fixture else []
        count = path(rows, model, held, fresh, *more)
        if count is None:
            continue
        wanted, said = should_be_told(before, live(model)), sorted(told(model, since), key=lambda entry: entry[1])
        tried += 1
        if len(said) != count or said != wanted:
            wrong[model._meta.label] = (count, said, wanted)
    assert wrong == {}
    assert tried >= (8 if path is update_by_expression else 17)


def refused(model):
    """What the database says to a deletion from this table, if it says no."""
    if is_clinical(model._meta.db_table):
        return "never deleted"
    return "never changed or removed" if is_final(model._meta.db_table) else ""


@pytest.mark.parametrize("path", DELETES, ids=lambda path: path.__name__)
def test_each_table_s_trail_tells_a_deletion_and_clinical_tables_refuse_it(rows, path):
    wrong = {}
    for model in models_under_test():
        held = saved(rows, model)
        before, since = live(model), last_id()
        try:
            with transaction.atomic():
                count = path(rows, model, held, [])
        except IntegrityError as refusal:
            if (refused(model) or "nothing refuses this") not in str(refusal):
                wrong[model._meta.label] = str(refusal)
            continue
        said = sorted(told(model, since), key=lambda entry: entry[1])
        if refused(model) or len(said) != count or said != should_be_told(before, live(model)):
            wrong[model._meta.label] = (count, said)
    assert wrong == {}


def test_many_to_many_links_are_told_however_they_are_made(rows, coordinator):
    links, since = coordinator.groups.through, last_id()
    one, two, three = rows.groups[:3]
    coordinator.groups.add(one, two)
    coordinator.groups.remove(one)
    coordinator.groups.set([two, three])
    coordinator.groups.clear()
    said = [(op, (new or old)["group_id"]) for op, _, old, new in told(links, since)]
    assert sorted(said[:2]) == [("I", one.pk), ("I", two.pk)]
    assert said[2:4] == [("D", one.pk), ("I", three.pk)]
    assert sorted(said[4:]) == [("D", two.pk), ("D", three.pk)]


def test_a_cascade_is_told_row_by_row(rows, coordinator):
    group = rows.groups[0]
    group.permissions.set(rows.permissions[:3])
    coordinator.groups.add(group)
    before, since = everything(), last_id()
    group.delete()
    after = everything()
    said = {model._meta.db_table: sorted(told(model, since), key=lambda entry: entry[1]) for model in covered_models()}
    assert said == {table: should_be_told(before[table], after[table]) for table in before}
    assert sum(map(len, said.values())) == 5


@pytest.mark.parametrize(
    ("old", "new"), [(None, ""), ("", None), (None, "x"), ("x", None), ("", "x"), ("x", ""), ("x", "X"), ("x", "x ")]
)
def test_null_and_the_empty_text_are_told_apart(rows, old, new):
    """On a column that may be NULL, past the model that would not write ''."""
    model = next(model for model in models_under_test() if model._meta.label == "adverse_events.AdverseEvent")
    row = saved(rows, model, 1)[0]
    write = f"UPDATE {model._meta.db_table} SET ended = %s, is_ongoing = %s WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(write, [old, False, row.pk])
        since = last_id()
        cursor.execute(write, [new, False, row.pk])
        cursor.execute(write, [new, False, row.pk])
    assert [(json.loads(e.old), json.loads(e.new)) for e in Entry.objects.filter(id__gt=since)] == [
        ({"ended": old}, {"ended": new})
    ]
