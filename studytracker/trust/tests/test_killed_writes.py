"""A process killed at any moment leaves a record and its entry, or neither; scripts/proof_trail.py at full size."""

import os
import signal

import pytest
from django.db import connection, connections, transaction

from participants.models import Participant

from .killing import killed_writers, wrong_after


@pytest.mark.django_db(transaction=True)
def test_a_killed_writer_leaves_the_record_and_its_entry_or_neither(coordinator):
    seen = killed_writers(coordinator, 24, seed=1)
    assert wrong_after(seen, Participant.objects.count()) == []
    assert seen["kills"] == 24
    assert seen["inside a transaction"] > 0


@pytest.mark.django_db(transaction=True)
def test_an_entry_written_after_the_commit_is_lost_when_the_writer_is_killed(trial):
    """Negative control: what an application does that writes its audit entry in a second transaction."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE loose_row (number integer)")
        cursor.execute("CREATE TABLE loose_entry (number integer)")
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("INSERT INTO loose_row VALUES (1)")
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(9)
    os.waitpid(child, 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM loose_row), (SELECT count(*) FROM loose_entry)")
        assert cursor.fetchone() == (1, 0)
