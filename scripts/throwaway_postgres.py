"""A PostgreSQL server for one test run: its own folder and port, nothing durable, gone afterwards."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from studytracker.running.postgres_programs import OLDEST_VERSION, find_programs, major_version  # noqa: E402

__all__ = ["HOW_TO_GET", "PostgresFailed", "find_programs", "major_version", "running"]
HOW_TO_GET = (
    f"no initdb and postgres of version {OLDEST_VERSION} or newer were found "
    "(Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17)"
)
OWNER = "studytracker"
READY_SECONDS = 30
TRIES = 5
# The data are thrown away, so nothing needs to survive a crash.
SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class PostgresFailed(Exception):
    """The programs are there and do not start."""


class PortTaken(Exception):
    """Somebody took the port between choosing and starting."""


@contextlib.contextmanager
def running(programs: Path):
    """Yields the DATABASE_URL. PostgreSQL refuses to run as root, so under root it runs as somebody else."""
    somebody = unprivileged_account() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="studytracker-pg-", dir="/tmp" if somebody else None))
    try:
        become = {"cwd": folder, "env": {**os.environ, "LC_ALL": "C"}}
        if somebody:
            os.chown(folder, somebody.pw_uid, somebody.pw_gid)
            become |= {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}
        create(programs, folder, become)
        with server(programs, folder, become) as port:
            yield f"postgres://{OWNER}@127.0.0.1:{port}/{OWNER}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged_account():
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresFailed("PostgreSQL does not run as root, and there is no user postgres or nobody.")


def create(programs: Path, folder: Path, become: dict) -> None:
    command = [
        *(programs / "initdb", "--pgdata", folder / "data", "--username", OWNER),
        *("--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **become)
    if done.returncode:
        raise PostgresFailed(f"initdb failed:\n{done.stdout}")


@contextlib.contextmanager
def server(programs: Path, folder: Path, become: dict):
    """Trust is for the loopback address only, and there is no socket file anybody could find."""
    for _ in range(TRIES):
        port = free_port()
        process = start(programs, folder, port, become)
        try:
            wait_until_ready(process, folder)
            yield port
            return
        except PortTaken:
            continue
        finally:
            stop(process)
    raise PostgresFailed(f"No free port for PostgreSQL after {TRIES} tries.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(programs: Path, folder: Path, port: int, become: dict) -> subprocess.Popen:
    settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", *SPEED)
    options = [word for setting in settings for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for pytest; the server goes after it
            preexec_fn=_die_with_parent if _libc else None,
            **become,
        )


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def wait_until_ready(process: subprocess.Popen, folder: Path) -> None:
    """The server writes "ready" into the last line of its pid file once it takes connections."""
    pid_file, log = folder / "data" / "postmaster.pid", folder / "log"
    deadline = time.monotonic() + READY_SECONDS
    while not (pid_file.exists() and pid_file.read_text().rstrip().endswith("ready")):
        if process.poll() is not None:
            raise failure(log.read_text(errors="replace"))
        if time.monotonic() > deadline:
            raise PostgresFailed(f"PostgreSQL was not ready within {READY_SECONDS} s.")
        time.sleep(0.05)


def failure(words: str) -> Exception:
    return PortTaken() if "Address already in use" in words else PostgresFailed(f"postgres stopped:\n{words}")


def stop(process: subprocess.Popen) -> None:
    """SIGQUIT: at once and without tidying, for there is nothing to keep."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
