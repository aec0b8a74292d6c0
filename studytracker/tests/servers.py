"""Real processes for a test: broker, worker, beat and web, all on the database of the test, and a mail receiver."""

import contextlib
import email
import os
import socket
import sys
from email.policy import default as modern
from pathlib import Path
from urllib.parse import quote

from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import connection

from studytracker.running import address, broker, processes
from studytracker.running.supervisor import Supervisor

SWEEP_SECONDS = 3


class Inbox:
    """Takes every mail. `received` holds them as parsed messages, with the raw text in `raw`."""

    def __init__(self):
        self.received, self.raw = [], []

    async def handle_DATA(self, server, session, envelope):
        self.received.append(email.message_from_bytes(envelope.content, policy=modern))
        self.raw.append(envelope.content.decode())
        return "250 OK"

    def to(self, recipient):
        return [message for message in self.received if message["To"] == recipient]


@contextlib.contextmanager
def mail_receiver():
    """Yields the inbox and the port it listens on."""
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        yield inbox, controller.port
    finally:
        controller.stop()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def database_url():
    """The database of the running test, as another process finds it."""
    held = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(held['NAME']))}"
    user = ":".join(quote(held[name], safe="") for name in ("USER", "PASSWORD") if held[name])
    return f"postgres://{user}@{held['HOST']}:{held['PORT']}/{held['NAME']}"


class Installation:
    """The parts of one installation, started one by one; the supervisor stops them all."""

    def __init__(self, supervisor, directory: Path, broker_socket: Path, **variables):
        self.supervisor, self.directory, self.broker_socket = supervisor, directory, broker_socket
        self.children = {}
        self.env = os.environ | {
            "VAR_DIR": str(directory),
            "DATABASE_URL": database_url(),
            "REDIS_URL": broker.broker_url(broker_socket),
            "FROM_EMAIL": settings.DEFAULT_FROM_EMAIL,
            "SITE_URL": settings.SITE_URL,
            "SWEEP_MINUTES": str(SWEEP_SECONDS / 60),
            "DEMO": "0",
            **variables,
        }

    def _start(self, name, command, **options):
        self.children[name] = self.supervisor.start(name, command, env=self.env, cwd=settings.BASE_DIR, **options)

    def start_broker(self):
        self._start("broker", broker.broker_command(self.broker_socket, self.directory))
        broker.wait_until_ready(self.broker_socket)

    def start_worker(self):
        self._start("worker", processes.worker())

    def start_beat(self):
        self._start("beat", processes.beat(self.directory / "beat"))

    def start_web(self):
        """Returns the address once the pages answer."""
        line = address.listen("127.0.0.1", 0)
        self._start("web", processes.web(line.fileno()), pass_fds=[line.fileno()])
        base = address.url(line)
        line.close()
        self.wait(lambda: address.page_status(base, "/sign-in/") == 200)
        return base

    def stop(self, name):
        process = self.children.pop(name).process
        self.supervisor.children = list(self.children.values())
        process.terminate()
        process.wait(10)

    def wait(self, until, seconds=40):
        """Watches the processes meanwhile: one that ends fails the test with the end of its log."""
        self.supervisor.wait(until, seconds=seconds)


@contextlib.contextmanager
def installation(directory: Path, **variables):
    with broker.private_socket(directory) as broker_socket, Supervisor(directory / "logs", say=_quietly) as supervisor:
        yield Installation(supervisor, directory, broker_socket, **variables)


def _quietly(line):
    print(line, file=sys.stderr)
