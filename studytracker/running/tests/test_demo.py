"""The demo as a person runs it: real processes, in a folder of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from studytracker.demo.people import PEOPLE
from studytracker.running import address

SET_BY_THE_SUITE = ("DATABASE_URL", "DEMO_PASSWORD", "REDIS_URL", "EMAIL_URL", "SITE_URL")


def environment(directory):
    env = {name: value for name, value in os.environ.items() if name not in SET_BY_THE_SUITE}
    return env | {"VAR_DIR": str(directory)}


def manage(directory, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


@contextlib.contextmanager
def demo(directory):
    """Yields the process and everything it said up to the end of the box."""
    process = manage(directory, "demo", "--port", "0")
    too_late = threading.Timer(120, process.kill)
    too_late.start()
    try:
        said = []
        while not said or "| Reset" not in said[-1]:
            said.append(process.stdout.readline())
            assert said[-1], "".join(said)
        yield process, "".join(said)
    finally:
        too_late.cancel()
        process.terminate()
        process.communicate(timeout=60)


def left_after(seconds, directory):
    deadline = time.monotonic() + seconds
    while processes_of(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    return processes_of(directory)


def processes_of(directory):
    """Every living process with this folder in its environment; elsewhere than on Linux nobody can tell."""
    wanted, found = f"VAR_DIR={directory}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return sorted(found)


@pytest.mark.servers
def test_the_demo_says_how_to_sign_in_survives_kill_9_and_stops_cleanly(tmp_path):
    """One story, because each start takes seconds."""
    with demo(tmp_path) as (process, said):
        url = re.search(r"http://127\.0\.0\.1:\d+", said)[0]
        password = (tmp_path / "demo-password").read_text()
        assert address.page_status(url, "/sign-in/") == 200
        assert "SYNTHETIC DATA: do not use for real participants" in said
        assert [person.username for person in PEOPLE if f"| {person.username} " not in said] == []
        assert f"Password for all of them: {password} " in said
        assert refusal_of_a_second(tmp_path).startswith(
            f"CommandError: A demo is already running in {tmp_path} (process {process.pid} at {url})."
        )
        assert len(processes_of(tmp_path)) > 5 or sys.platform != "linux"
        process.kill()
        process.wait()
        assert left_after(5, tmp_path) == []

    with demo(tmp_path) as (process, said):
        assert f"Password for all of them: {password} " in said
        process.send_signal(signal.SIGTERM)
        last_words, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert last_words.splitlines()[-1] == "Stopped. The data are kept."
    assert processes_of(tmp_path) == []


def refusal_of_a_second(directory):
    second = manage(directory, "demo", "--port", "0")
    refusal, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    return refusal


def test_a_reset_removes_the_data_and_says_what(tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "demo-password").write_text("plain-words")
    process = manage(tmp_path, "demo", "--reset")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.splitlines() == [
        f"Removed from {tmp_path}: demo-password, mail.",
        "make demo starts afresh.",
    ]
    assert [name for name in ("mail", "demo-password") if (tmp_path / name).exists()] == []


def test_a_reset_is_refused_for_a_database_elsewhere(tmp_path, settings, monkeypatch):
    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(tmp_path / "elsewhere.sqlite3"))
    with pytest.raises(CommandError, match="--reset deletes only the files in"):
        call_command("demo", reset=True)


def test_a_port_that_is_none_is_refused_with_a_sentence(tmp_path):
    process = manage(tmp_path, "demo", "--port", "eighty")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "'eighty' is not a port: give a number from 1 to 65535." in said
