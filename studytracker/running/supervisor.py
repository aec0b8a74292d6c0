"""Starts child processes, watches them and stops them together: half a system is worse than none.

A child gets a process group of its own, so that Ctrl-C reaches the supervisor alone and the order of stopping
is the supervisor's. On Linux the kernel ends the children even when the supervisor is killed with -9.
Start children from the main thread only: the kernel's promise follows the thread that forked.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from studytracker.running import CannotRun

PATIENCE = 15  # seconds between the request to stop and SIGKILL
POLL = 0.1
TAIL_LINES = 20
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class StopRequested(Exception):
    """Ctrl-C, SIGTERM, or the terminal was closed."""


class ChildFailed(CannotRun):
    """A child ended that should not have; the message names it, its exit code and its last lines."""


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen
    log: Path

    def end_of_log(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:] or ["(nothing)"]
        return "\n".join([f"  The end of {self.log}:", *(f"    {line}" for line in lines)])

    def failure(self) -> str:
        return f"{self.name} stopped ({describe_exit(self.process.returncode)}).\n{self.end_of_log()}"


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"ended by signal {-code}, {signal.Signals(-code).name}"


def _die_with(parent: int):
    """What the new process does first on Linux: ask for SIGTERM at its parent's death."""

    def ask():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before it could be asked for
            os._exit(1)

    return ask if _libc else None


class Supervisor:
    """Used as a context: leaving it, however that happens, stops every child, the last started first."""

    def __init__(self, logs: Path, *, say=print, patience: float = PATIENCE, keep_open=()):
        self.logs = logs
        self.say = say
        self.patience = patience
        self.keep_open = tuple(keep_open)
        self.children: list[Child] = []
        self.stop_requested = False

    def __enter__(self):
        self.logs.mkdir(parents=True, exist_ok=True)
        self._earlier_handlers = {number: signal.signal(number, self._note_signal) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *exc_info):
        self.stop()
        for number, handler in self._earlier_handlers.items():
            signal.signal(number, handler)

    def _note_signal(self, number, frame):
        self.stop_requested = True

    def start(self, name: str, command: list[str], *, env=None, cwd=None, pass_fds=()) -> Child:
        log = self._fresh_log(name)
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                pass_fds=(*self.keep_open, *pass_fds),
                preexec_fn=_die_with(os.getpid()),
            )
        child = Child(name, process, log)
        self.children.append(child)
        return child

    def _fresh_log(self, name: str) -> Path:
        log = self.logs / f"{name}.log"
        if log.exists():
            log.replace(self.logs / f"{name}.previous.log")
        return log

    def finish(self, name: str, command: list[str], **options) -> None:
        """Run one step to its end while the other children are watched."""
        child = self.start(name, command, **options)
        self.children.remove(child)
        try:
            self.wait(until=lambda: child.process.poll() is not None)
        except BaseException:
            self._end(child)
            raise
        if child.process.returncode:
            raise ChildFailed(child.failure())

    def wait(self, until=lambda: False, *, seconds: float | None = None) -> None:
        """Watch until the condition holds. Raises when asked to stop, a child ends or time is up."""
        deadline = time.monotonic() + seconds if seconds else None
        while True:
            self._check()
            if until():
                return
            if deadline and time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(POLL)

    def _check(self) -> None:
        if self.stop_requested:
            raise StopRequested
        for child in self.children:
            if child.process.poll() is not None:
                raise ChildFailed(child.failure())

    def stop(self) -> None:
        while self.children:
            child = self.children.pop()
            if child.process.poll() is None:
                self._try_to_say(f"Stopping {child.name} ...")
            self._end(child)

    def _end(self, child: Child) -> None:
        # To the child alone: a Celery pool that gets SIGTERM from outside loses the task it is at.
        if child.process.poll() is None:
            child.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(self.patience)
        # What is left of the group. For a group of zombies macOS says EPERM.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def _try_to_say(self, line: str) -> None:
        # The terminal may be gone; the children must go all the same.
        with contextlib.suppress(OSError, ValueError):
            self.say(line)
