"""A small part of scripts/proof_reminders.py on the database of the test: killed, and each mail fault once."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from .servers import database_url

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True)]


def prove(tmp_path, *words):
    env = os.environ | {"VAR_DIR": str(tmp_path), "DATABASE_URL": database_url(), "PYTHONPATH": str(settings.BASE_DIR)}
    command = [sys.executable, "scripts/proof_reminders.py", "--here", *words]
    done = subprocess.run(command, env=env, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("part", "sizes", "says"),
    [
        ("kills", ("--kills", "12", "--without-controls"), "0 lost, 0 ledger rows twice"),
        ("smtp", ("--rounds", "1"), "control, one loop without a handler"),
    ],
)
def test_nothing_is_lost_and_nothing_comes_twice_with_another_message_id(trial, tmp_path, part, sizes, says):
    code, told = prove(tmp_path, "--only", part, *sizes)
    assert (code, "BROKEN" in told) == (0, False), told
    assert says in told
