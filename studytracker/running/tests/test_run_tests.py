"""scripts/run_tests.py on a tiny suite: what it counts, what it says, when it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "run_tests.py"
A_PASS = "def test_it():\n    assert True\n"
A_SKIP = "import pytest\n\ndef test_page():\n    pytest.skip('no Chromium')\n"
A_FAILURE = "def test_that():\n    assert False\n"
READS_DATABASE = """
import os
import pytest

@pytest.fixture
def db():
    pass

def test_database(db):
    assert os.environ.get("DATABASE_URL", "postgres://studytracker@127.0.0.1:").startswith(
        "postgres://studytracker@127.0.0.1:"
    )
"""


def run(directory, *arguments, **tests):
    for name, text in tests.items():
        (directory / f"test_{name}.py").write_text(text)
    env = {name: value for name, value in os.environ.items() if name != "NOTHING_LEFT_OUT"}
    # Somewhere else, so that the tiny suite sees neither our conftest nor our pytest settings.
    return subprocess.run(
        [sys.executable, SCRIPT, "-p", "no:cacheprovider", "-p", "no:django", *arguments],
        cwd=directory,
        env=env | {"DATABASE_URL": "postgres://somebody@production/trial"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def counts_on_sqlite(said):
    return next(line for line in said.splitlines() if line.startswith("SQLite:")).split(":")[1].strip()


def test_it_counts_what_passed_and_names_what_was_left_out(tmp_path):
    done = run(tmp_path, "--sqlite", one=A_PASS, two=A_SKIP)
    assert done.returncode == 0
    assert "Left out: 2" in done.stdout.splitlines()
    assert "  1 x on PostgreSQL: not wanted (--sqlite)" in done.stdout.splitlines()
    assert counts_on_sqlite(done.stdout) == "1 passed, 1 left out"
    assert "x no Chromium (Debian: apt-get install chromium" in done.stdout
    assert "1 passed, 1 skipped in" in done.stdout


def test_left_out_is_a_failure_when_nothing_may_be(tmp_path):
    done = run(tmp_path, "--sqlite", "--all", one=A_PASS, two=A_SKIP)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("FAILED: nothing may be left out here")


def test_a_failure_is_a_failure(tmp_path):
    done = run(tmp_path, "--sqlite", one=A_PASS, two=A_FAILURE)
    assert done.returncode == 1
    assert counts_on_sqlite(done.stdout).startswith("1 passed, 1 failed, 0 left out")


def test_a_module_that_cannot_be_read_is_a_failure(tmp_path):
    done = run(tmp_path, "--sqlite", one="import nothing_of_that_name\n")
    assert done.returncode == 1
    assert counts_on_sqlite(done.stdout).startswith("0 passed, 1 errors, 0 left out")


@pytest.mark.servers
def test_a_database_named_in_the_environment_is_never_used(tmp_path):
    done = run(tmp_path, one=READS_DATABASE)
    assert done.returncode == 0
    assert counts_on_sqlite(done.stdout) == "1 passed, 0 left out"


def test_arguments_reach_pytest_and_what_they_leave_out_is_said(tmp_path):
    done = run(tmp_path, "--sqlite", "-k", "test_it", one=A_PASS, two=A_FAILURE)
    assert done.returncode == 0
    assert "x not selected by the arguments given to pytest" in done.stdout
