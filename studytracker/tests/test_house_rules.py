"""Rules about the code itself, each of which has to fail when somebody breaks it."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint

ROOMS = ["studytracker", "participants", "visits", "adverse_events"]  # each may import those before it
NAMES_EVERY_ROOM = {"studytracker/settings.py", "studytracker/urls.py"}
NAMES_EVERY_ROOM |= {f"studytracker/demo/{name}.py" for name in ("trial", "site", "musc", "emory", "evidence")}
FORBIDDEN_NAMES = {"services.py", "utils.py", "helpers.py", "signals.py", "managers.py", "constants.py", "common.py"}


def modules(*, tests=False):
    for room in ROOMS:
        for path in sorted((settings.BASE_DIR / room).rglob("*.py")):
            place = path.relative_to(settings.BASE_DIR)
            if "migrations" not in place.parts and (tests or "tests" not in place.parts):
                yield str(place), ast.parse(path.read_text())


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def backward(place, tree):
    """Imports of a room that stands later in the order than the module's own."""
    later = ROOMS[ROOMS.index(Path(place).parts[0]) + 1 :]
    return [name for name in imported(tree) if name.split(".")[0] in later]


def test_imports_run_one_way():
    assert {
        place: found for place, tree in modules() if place not in NAMES_EVERY_ROOM and (found := backward(place, tree))
    } == {}


def test_a_backward_import_would_be_found():
    assert backward("participants/models.py", ast.parse("from visits.models import Visit")) == ["visits.models"]


def test_modules_carry_nouns_and_there_are_no_signal_receivers():
    assert [place for place, tree in modules() if Path(place).name in FORBIDDEN_NAMES] == []
    assert [place for place, tree in modules() if "django.dispatch" in set(imported(tree))] == []
    assert [place for place, tree in modules() if "django.db.models.signals" in set(imported(tree))] == []


def unscoped(tree):
    """Places in a view that take `.objects` on to anything but `visible_to` or a reach() call."""
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "objects":
            chain, at = [], node
            while (
                isinstance(parents.get(at), ast.Attribute | ast.Call)
                and getattr(parents[at], "func", at) is at
                or (isinstance(parents.get(at), ast.Attribute))
            ):
                at = parents[at]
                if isinstance(at, ast.Attribute):
                    chain.append(at.attr)
            holder = parents.get(at)
            reached = isinstance(holder, ast.Call) and getattr(holder.func, "id", "") == "reach"
            if "visible_to" not in chain and not reached:
                yield f"line {node.lineno}: .objects.{'.'.join(chain)}"


def test_views_reach_rows_only_through_the_person_who_asks():
    found = []
    for place, tree in modules():
        if Path(place).name == "views.py":
            for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
                found += [f"{place}: {function.name}: {each}" for each in unscoped(function)]
    assert found == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Visit.objects.get(pk=pk)", 1),
        ("get_object_or_404(Visit.objects.all(), pk=pk)", 1),
        ("Visit.objects.visible_to(user).get(pk=pk)", 0),
        ("Visit.objects.select_related('site').visible_to(user)", 0),
        ("reach(Visit.objects.select_related('site'), user, pk=pk)", 0),
    ],
)
def test_an_unscoped_row_would_be_found(line, found):
    assert len(list(unscoped(ast.parse(line)))) == found


OURS = [
    model
    for config in apps.get_app_configs()
    if config.name.split(".")[0] in ROOMS
    for model in config.get_models()
    if model._meta.label != "access.User"
]


def pairs(model):
    names = {field.name for field in model._meta.fields}
    for name in sorted(names):
        act = name.removesuffix("_at")
        if name.endswith("_at") and f"{act}_by" in names:
            yield model, act


PAIRS = [pair for model in OURS for pair in pairs(model)]


@pytest.mark.parametrize(("model", "act"), PAIRS, ids=[f"{model._meta.label} {act}" for model, act in PAIRS])
def test_an_act_has_its_time_and_its_person_together(model, act):
    """Both are required, or a constraint says that they come together."""
    at, by = model._meta.get_field(f"{act}_at"), model._meta.get_field(f"{act}_by")
    if not at.null and not by.null:
        return
    together = [
        constraint
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint)
        and {f"{act}_at__isnull", f"{act}_by__isnull"} <= {name for name, _ in _flat(constraint.condition)}
    ]
    assert together, f"{model._meta.label} needs both_or_neither for {act}"


def _flat(condition):
    """The (lookup, value) pairs; a condition may also hold an expression, which is none."""
    for child in condition.children:
        if isinstance(child, models.Q):
            yield from _flat(child)
        elif isinstance(child, tuple):
            yield child


def test_the_pairs_are_found_at_all():
    assert {f"{model._meta.label} {act}" for model, act in PAIRS} >= {
        "visits.Visit attended",
        "visits.Visit missed",
        "participants.Participant withdrawn",
        "participants.Enrollment enrolled",
    }


def test_no_model_holds_a_float_or_a_blob():
    inexact = (models.FloatField, models.BinaryField)
    assert [field for model in OURS for field in model._meta.fields if isinstance(field, inexact)] == []


def test_the_trial_s_own_words_and_numbers_are_not_in_the_code():
    """Sites and visit codes come from the protocol file; only the demonstration names them."""
    wanted = {"MUSC", "EMORY", "EMO", "W1", "W4", "W24", "W52"}
    found = {}
    for place, tree in modules():
        if place.startswith("studytracker/demo/"):
            continue
        strings = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if strings & wanted:
            found[place] = strings & wanted
    assert found == {}
