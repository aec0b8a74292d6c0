"""Real broker, worker and beat under faults: the part `servers` of proof_reminders.py."""

import os
import signal
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import redis
from django.conf import settings
from django.utils import timezone

from conftest import Cast
from studytracker.access.people import grant
from studytracker.outbox.health import is_late
from studytracker.outbox.ledger import note
from studytracker.outbox.models import Heartbeat, Mail, Notice
from studytracker.outbox.sources import Matter
from studytracker.protocol.models import Site
from studytracker.running import processes
from studytracker.tests.servers import SWEEP_SECONDS, installation
from visits.models import Visit

PATIENCE = 120
PERIODS = 3


class Parts:
    """One installation on the database of the proof, and what can be done to it."""

    def __init__(self, servers, stage, freeze):
        self.servers, self.stage, self.freeze = servers, stage, freeze

    @property
    def cache(self):
        return redis.Redis(unix_socket_path=str(self.servers.broker_socket), socket_timeout=5)

    def process(self, name):
        return self.servers.children[name].process

    @contextmanager
    def stopped(self):
        self.kill("broker")
        yield "killed with SIGKILL and started again"
        self.servers.start_broker()

    @contextmanager
    def flushed(self):
        self.cache.flushall()
        yield "flushed"

    @contextmanager
    def frozen(self):
        self.process("broker").send_signal(signal.SIGSTOP)
        began = time.monotonic()
        yield f"frozen for {self.freeze:g} s"
        time.sleep(max(0, self.freeze - (time.monotonic() - began)))
        self.process("broker").send_signal(signal.SIGCONT)

    @contextmanager
    def out_of_memory(self):
        self.cache.config_set("maxmemory", 1)
        yield "out of memory"
        self.cache.config_set("maxmemory", 0)

    @contextmanager
    def worker_killed(self):
        self.kill("worker")
        yield "killed with SIGKILL and started again"
        self.servers.start_worker()

    @contextmanager
    def more_beats(self, count):
        for number in range(1, count):
            command = processes.beat(self.servers.directory / f"beat-{number}")
            self.servers._start(f"beat-{number}", command)
        yield f"{count} at once"
        for number in range(1, count):
            self.kill(f"beat-{number}")

    def kill(self, name):
        """With its children: a worker's are those that send."""
        child = self.servers.children.pop(name)
        self.servers.supervisor.children = list(self.servers.children.values())
        os.killpg(os.getpgid(child.process.pid), signal.SIGKILL)
        child.process.wait(10)


def prove(stage, given, seed):
    settings.REMINDER_SOURCES = {"visit": "visits.reminders"}
    _somebody_on_study(stage.people[0])
    told, wrong = [], []
    with tempfile.TemporaryDirectory(prefix="proof-servers-") as folder:
        url = f"smtp://127.0.0.1:{stage.server.port}"
        with installation(Path(folder), EMAIL_URL=url) as servers:
            servers.start_broker()
            servers.start_worker()
            servers.start_beat()
            parts = Parts(servers, stage, given.freeze)
            servers.wait(lambda: _beats_within(SWEEP_SECONDS), seconds=PATIENCE)
            for name, fault in _faults(parts):
                line, failed = _one(parts, name, fault)
                told.append(f"\n  {line}")
                wrong += failed
                print(f"  {line}", flush=True)
    return "".join(told), wrong


def _another(role):
    """Whoever else the way to the infusion asks for, by role: the study chair, the administrator."""
    return grant(username=f"proof.{role}", role=role, site=None).user


def _somebody_on_study(coordinator):
    """A visit to tell of, as the processes find it with the settings of every installation."""
    if not Visit.objects.exists():
        investigator = grant(username="proof.pi", role="investigator", site="MUSC").user
        today = Site("MUSC").today(timezone.now())
        Cast("MUSC", coordinator, investigator, _another).infused(today - timedelta(days=12))


def _faults(parts):
    yield "broker", parts.stopped
    yield "broker", parts.flushed
    yield "broker", parts.frozen
    yield "broker", parts.out_of_memory
    yield "worker", parts.worker_killed
    yield "beats", lambda: parts.more_beats(2)
    yield "beats", lambda: parts.more_beats(5)


def _one(parts, name, fault):
    """An urgent matter for each person appears while the fault is on; each is told once, after it."""
    red, wrong = None, []
    began = timezone.now()
    with fault() as words:
        matters = _matters(parts.stage.people)
        note("visit", matters, timezone.now())
        if name in ("broker", "worker") and "flushed" not in words:
            red = _seconds_to_red()
    healed = time.monotonic()
    done = _wait(lambda: _told(began) == len(parts.stage.people))
    seconds = time.monotonic() - healed
    time.sleep(2 * SWEEP_SECONDS)
    mails = _told(began)
    if not done or mails != len(parts.stage.people):
        wrong.append(f"{name} {words}: {mails} mails")
    if red is not None and red > PERIODS * SWEEP_SECONDS + 3:
        wrong.append(f"{name} {words}: red after {red:.0f} s only")
    late = "" if red is None else f"red {red:.0f} s after the last sweep, "
    return (
        f"{name} {words}: {late}{mails} mails to {len(parts.stage.people)} people, {seconds:.0f} s after healing",
        wrong,
    )


def _matters(people):
    visit = Visit.objects.filter(attended_on=None, missed_at=None, opens_on__lte=timezone.now()).first()
    turn = Notice.objects.count() + 1
    return [Matter(visit.pk, "opens", visit.site_id, person.pk, turn=turn, is_urgent=True) for person in people]


def _told(began):
    return Mail.objects.filter(kind=Mail.Kind.URGENT, state=Mail.State.SENT, created_at__gte=began).count()


def _beats_within(seconds):
    beat = Heartbeat.objects.filter(job="sweep").first()
    return beat is not None and (timezone.now() - beat.at).total_seconds() < 2 * seconds


def _seconds_to_red():
    """From the last sweep until the health page would be red, at the period of the proof."""
    settings.SWEEP_MINUTES = SWEEP_SECONDS / 60
    last = Heartbeat.objects.get(job="sweep").at
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        last = Heartbeat.objects.get(job="sweep").at
        if is_late(last, timezone.now()):
            return (timezone.now() - last).total_seconds()
        time.sleep(0.2)
    return float("inf")


def _wait(until):
    deadline = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
