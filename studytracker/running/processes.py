"""The programs of one installation and the environment they share, as in docs/operations.md."""

import os
import sys
from pathlib import Path

# The demo is plain http on this computer; HTTPS in the person's environment would send every page elsewhere.
NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "HTTPS", "BEHIND_PROXY")
LOCAL_HOSTS = ("localhost", "127.0.0.1")


def environment(*, directory: Path, redis_url: str, site_url: str, host: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    env |= {"DEMO": "1", "VAR_DIR": str(directory), "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    env.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    env.setdefault("SITE_URL", site_url)
    if host not in (*LOCAL_HOSTS, "0.0.0.0", "::"):
        env.setdefault("ALLOWED_HOSTS", ",".join((*LOCAL_HOSTS, f"[{host}]" if ":" in host else host)))
    return env


def prepare() -> list[str]:
    return [sys.executable, "-m", "studytracker.running.preparation"]


def web(listening: int) -> list[str]:
    """Two workers of four threads, on the socket that was opened for them."""
    return [
        *(sys.executable, "-m", "gunicorn", "studytracker.wsgi"),
        *("--bind", f"fd://{listening}"),
        *("--workers", "2"),
        *("--threads", "4"),
        *("--graceful-timeout", "10"),
        *("--access-logfile", "-"),
        "--no-control-socket",
    ]


def worker() -> list[str]:
    """A name of its own, so that two workers side by side do not clash; no chatter with other workers."""
    return [
        *(sys.executable, "-m", "celery", "--app", "studytracker", "worker"),
        *("--concurrency", "2"),
        *("--hostname", f"w{os.getpid()}@%h"),
        *("--loglevel", "INFO"),
        "--without-gossip",
        "--without-mingle",
    ]


def ask_for_sweep() -> list[str]:
    """A message for the worker, so that the first reminders need not wait for the first tick of beat."""
    return [sys.executable, "-m", "celery", "--app", "studytracker", "call", "studytracker.outbox.tasks.sweep"]


def beat(schedule: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "--app", "studytracker", "beat"),
        *("--schedule", str(schedule)),
        "--pidfile=",
    ]
