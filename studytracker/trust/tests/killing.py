"""Processes that post a form again and again, as a server does, and are killed with SIGKILL in the middle."""

import os
import random as chance
import signal
import time
from collections import Counter

from django.db import connection, connections

from conftest import Browser, apart
from studytracker.tests.test_refused_forms import SCREEN
from studytracker.trust.exported import checked
from studytracker.trust.replay import verify

CALLS = 70  # a screening makes about thirty: the first, and most of the second after it
SECONDS = 0.1


def killed_writers(user, kills: int, seed) -> Counter:
    """So many processes, each killed while it screens participants: half at a call of the database driver chosen
    beforehand, half at a moment.

    Counts "kills", those "inside a transaction" (of the first half), and the "answered" posts.
    """
    random, seen = chance.Random(seed), Counter()
    client = Browser()
    client.force_login(user)
    # Once here, so that each child begins with everything imported.
    seen["answered"] += apart(client.post, "/participants/screen/", SCREEN).status_code == 302
    connections.close_all()
    for number in range(kills):
        at_call = random.randint(1, CALLS) if number % 2 else None
        seen += _one_killed(client, at_call, random.uniform(0, SECONDS))
    return seen


def wrong_after(seen: Counter, rows: int) -> list[str]:
    """What is half there: a row without its entry, an entry without its row, an answered post without its row."""
    found = [str(difference) for difference in verify().differences]
    found += [sentence for _, sentence in checked().findings]
    if not seen["answered"] <= rows <= seen["answered"] + seen["kills"]:
        found.append(f"{seen['answered']} posts were answered and {seen['kills']} killed, {rows} rows are there")
    return found


def _one_killed(client, at_call, seconds) -> Counter:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _post_until_killed(client, at_call, writing)
        finally:
            os._exit(9)
    os.close(writing)
    if at_call is None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    assert os.WIFSIGNALED(status), f"the writer ended by itself: {status} {said}"
    return Counter({"kills": 1, "answered": said.count(b"a"), "inside a transaction": said.count(b"t")})


def _post_until_killed(client, at_call, pipe):
    if at_call:
        _die_at(at_call, pipe)
    while True:
        response = apart(client.post, "/participants/screen/", SCREEN)
        if response.status_code != 302:
            os.write(pipe, response.content[:2000])
            return
        os.write(pipe, b"a")


def _die_at(number, pipe):
    """SIGKILL before or after the n-th call: each statement and each commit counts twice."""
    left = [number]

    def tick():
        left[0] -= 1
        if not left[0]:
            os.write(pipe, b"t" if connection.in_atomic_block else b"-")
            os.kill(os.getpid(), signal.SIGKILL)

    def ticking(execute, *arguments):
        tick()
        result = execute(*arguments)
        tick()
        return result

    connection.ensure_connection()
    connection.execute_wrappers.append(ticking)
    commit = connection._commit
    connections["default"]._commit = lambda: ticking(commit)
