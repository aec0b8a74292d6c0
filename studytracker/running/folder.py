"""The folder a demo lives in: one demo at a time, and only what a demo made may be deleted."""

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path

from studytracker.running import CannotRun

DATABASE = "studytracker.sqlite3"
LOCK = "demo.lock"
PASSWORD = "demo-password"
DATA_DAY = "demo-data-from"
SCHEDULE = "beat"
# Celery's schedule file has one of several endings, SQLite's database up to three companions.
DIRECTORIES = ("redis", "mail", "logs", "exports")
DEMO_FILES = (*DIRECTORIES, f"{DATABASE}*", f"{SCHEDULE}*", "redis.sock", PASSWORD, DATA_DAY)
SETTLING_SECONDS = 10


class FolderRefused(CannotRun):
    """The demo may not use this folder now; the message says why and what to do."""


@contextlib.contextmanager
def demo_lock(directory: Path):
    """Hold the folder. Children keep the yielded file open too: the lock lasts until the last is gone."""
    lock = directory / LOCK
    with lock.open("a+") as held:
        _take(held, directory)
        write_holder(held, f"process {os.getpid()}")
        yield held


def _take(held, directory: Path) -> None:
    """The children of a demo that was killed need a few seconds to go; a living one is refused at once."""
    deadline = time.monotonic() + SETTLING_SECONDS
    while not _locked(held):
        held.seek(0)
        holder = held.read().strip()
        if _is_alive(holder) or time.monotonic() > deadline:
            raise FolderRefused(
                f"A demo is already running in {directory} ({holder or 'just starting'}). "
                "Stop it with Ctrl-C in its window, "
                "or start a second one in another folder: VAR_DIR=/some/other/folder make demo"
            )
        time.sleep(0.1)


def _locked(held) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(holder: str) -> bool:
    words = holder.split()
    if len(words) < 2 or not words[1].isdigit():
        return False
    try:
        os.kill(int(words[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def write_holder(held, words: str) -> None:
    held.seek(0)
    held.truncate()
    held.write(words)
    held.flush()


def remove_demo_files(directory: Path) -> list[str]:
    """Delete what a demo made, and nothing else; a link is removed, what it points to stays."""
    found = sorted({path for pattern in DEMO_FILES for path in directory.glob(pattern)})
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return [path.name for path in found]
