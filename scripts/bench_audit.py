"""Every table by every way to write, for this project's triggers and for three audit libraries, in one run.

    .venv/bin/python scripts/bench_audit.py [rows of the measurement, default 500]

Makes an environment of its own in a temporary folder, with the libraries from PyPI beside the packages of this one.
Each library is registered for every table under the trail with its documented defaults. A cell says at how many tables
the way left as many entries as rows were changed, of those that the way fits; the hidden tables of many-to-many links
have a line of their own. Ends with what a save costs with the triggers and with django-simple-history, in one run too.
"""

import logging
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections import defaultdict
from pathlib import Path

import throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("django-simple-history==3.13.0", "django-auditlog==3.4.1", "django-easy-audit==1.3.9")
SETTINGS = """from studytracker.settings import *

INSTALLED_APPS += ["simple_history", "auditlog", "easyaudit"]
"""
LIBRARIES = ("auditlog", "easyaudit")  # apps with tables of their own
OURS = "triggers"


def main() -> int:
    rows = sys.argv[1] if len(sys.argv) > 1 else "500"
    with tempfile.TemporaryDirectory() as folder:
        python = environment(Path(folder, "env"))
        Path(folder, "bench_settings.py").write_text(SETTINGS)
        codes = [run(python, folder, rows)]
        if programs := throwaway_postgres.find_programs():
            with throwaway_postgres.running(programs) as url:
                codes.append(run(python, folder, rows, DATABASE_URL=url))
        else:
            print(f"PostgreSQL left out: {throwaway_postgres.HOW_TO_GET}")
    return max(codes)


def environment(folder: Path) -> Path:
    """Our packages are seen from it, so Django is the one that is pinned here; the libraries are in it alone."""
    import django

    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"Django=={django.__version__}", *PACKAGES], check=True, stderr=subprocess.DEVNULL)
    place = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    )
    Path(place.strip(), "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(python, folder, rows, **variables) -> int:
    kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    told = {
        **kept,
        **variables,
        "VAR_DIR": str(Path(folder, "var")),
        "PYTHONPATH": os.pathsep.join([folder, str(ROOT), str(ROOT / "scripts")]),
        "DJANGO_SETTINGS_MODULE": "bench_settings",
        "BENCH_ROWS": rows,
    }
    return subprocess.run([python, __file__], env=told, cwd=ROOT).returncode


def compare() -> int:
    import django

    django.setup()
    logging.disable(logging.CRITICAL)
    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment

    from studytracker.trust import coverage
    from studytracker.trust.acting import acting
    from studytracker.trust.tests.rows import models_under_test

    # Django sends no signal for the hidden tables of many-to-many links: they have a line of their own.
    models = [model for model in models_under_test() if not model._meta.auto_created]
    models = [model for model in models if model._meta.app_label not in LIBRARIES]
    histories = registered(models)
    setup_test_environment()
    for app in LIBRARIES:
        for model in django.apps.apps.get_app_config(app).get_models():
            coverage.EXCUSED[model._meta.db_table] = "a measurement"
    for history in histories.values():
        coverage.EXCUSED[history._meta.db_table] = "a measurement"
    setup_databases(verbosity=0, interactive=False, serialized_aliases=())
    with acting("bench", source="direct", reason="A measurement"):
        with connection.schema_editor() as editor:
            for history in histories.values():
                editor.create_model(history)
        tally = tried(models, counters(histories))
    return report(connection, tally, len(models))


def registered(models) -> dict:
    """{model: its history model}, after registering each with all three."""
    import simple_history
    from auditlog.registry import auditlog

    for model in models:
        simple_history.register(model, manager_name="kept_history")
        auditlog.register(model)
    return {model: model.kept_history.model for model in models}


def counters(histories) -> dict:
    """By name: how many entries there are of a model, or of all (None)."""
    from auditlog.models import LogEntry
    from django.contrib.contenttypes.models import ContentType
    from easyaudit.models import CRUDEvent

    from studytracker.trust.models import Entry

    def of_kind(events, model):
        found = events.objects.all()
        return (found.filter(content_type=ContentType.objects.get_for_model(model)) if model else found).count()

    def in_history(model):
        kept = [model] if model else list(histories)
        return sum(histories[each].objects.count() for each in kept)

    def ours(model):
        found = Entry.objects.all()
        return (found.filter(table=model._meta.db_table) if model else found).count()

    return {
        OURS: ours,
        "django-simple-history": in_history,
        "django-auditlog": lambda model: of_kind(LogEntry, model),
        "django-easy-audit": lambda model: of_kind(CRUDEvent, model),
    }


def tried(models, count) -> dict:
    """{way: {name: [(expected, recorded), ...]}} over the tables that the way fits."""
    from django.db import DataError, IntegrityError, transaction

    from conftest import NOW
    from studytracker import protocol
    from studytracker.access.people import grant
    from studytracker.protocol.adopting import adopt
    from studytracker.trust.tests import test_every_write_path as ways
    from studytracker.trust.tests.rows import KEY_ONLY, Rows

    adopt(protocol.current(), at=NOW)
    person = grant(username="crc.bench", role="coordinator", site=protocol.current().sites[0].code).user
    tally = defaultdict(lambda: defaultdict(list))
    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        rows = Rows(person)
        for way in ways.OTHERS + ways.UPDATES + ways.DELETES:
            for model in models:
                if way in ways.UPDATES and model._meta.label in KEY_ONLY:
                    continue
                try:
                    with transaction.atomic():
                        one_way(way, model, rows, count, tally, folder)
                        transaction.set_rollback(True)
                except (DataError, IntegrityError):
                    continue  # the table refuses this way: a deletion, a change of a signature, a value too long
        for name, act in (("many-to-many", links), ("cascade", cascade)):
            with transaction.atomic():
                act(person, rows, count, tally[name])
                transaction.set_rollback(True)
        transaction.set_rollback(True)
    return tally


def one_way(way, model, rows, count, tally, folder):
    from studytracker.trust.tests import test_every_write_path as ways

    held, fresh = ways.saved(rows, model), [rows.fresh(model, number) for number in (3, 4)]
    before = {name: counted(model) for name, counted in count.items()}
    with committed():
        expected = way(rows, model, held, fresh, *([Path(folder)] if way is ways.load_fixture else []))
    if expected is not None:
        for name, counted in count.items():
            tally[way.__name__.replace("_", " ")][name].append((expected, counted(model) - before[name]))


def links(person, rows, count, tally):
    one, two, three = rows.groups[:3]
    before = {name: counted(None) for name, counted in count.items()}
    with committed():
        person.groups.add(one, two)
        person.groups.remove(one)
        person.groups.set([two, three])
        person.groups.clear()
    for name, counted in count.items():
        tally[name].append((6, counted(None) - before[name]))


def cascade(person, rows, count, tally):
    group = rows.groups[0]
    group.permissions.set(rows.permissions[:3])
    person.groups.add(group)
    before = {name: counted(None) for name, counted in count.items()}
    with committed():
        group.delete()
    for name, counted in count.items():
        tally[name].append((5, counted(None) - before[name]))


def committed():
    """What a library does once the transaction has committed, done here though it will be rolled back."""
    from django.test import TestCase

    return TestCase.captureOnCommitCallbacks(execute=True)


def report(connection, tally, tables) -> int:
    import django

    names = list(next(iter(tally.values())))
    print(f"\n{connection.display_name}, Django {django.__version__}, {', '.join(PACKAGES)}, {tables} tables\n")
    print("| way to write | " + " | ".join(names) + " |")
    print("|---|" + "---|" * len(names))
    whole = dict.fromkeys(names, 0)
    for way, found in tally.items():
        cells = []
        for name in names:
            right = sum(expected == recorded for expected, recorded in found[name])
            extra = sum(recorded > expected for expected, recorded in found[name])
            whole[name] += right + extra == len(found[name])
            cells.append(f"{right} of {len(found[name])}" + (f" ({extra} with more)" if extra else ""))
        print(f"| {way} | " + " | ".join(cells) + " |")
    print(
        "| **ways with nothing missing** | "
        + " | ".join(f"**{whole[name]} of {len(tally)}**" for name in names)
        + " |\n"
    )
    return 0 if whole[OURS] == len(tally) else 1


if __name__ == "__main__":
    if "BENCH_ROWS" not in os.environ:
        sys.exit(main())
    import bench_trail

    outcome = compare()
    bench_trail.main(int(os.environ["BENCH_ROWS"]))
    sys.exit(outcome)
