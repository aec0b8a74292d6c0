"""Real broker, worker and beat under faults: the part `servers` of proof_reminders.py.

A process that ends by itself is started again, as Restart=always of docs/operations.md does, and counted.
"""

import os
import signal
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import redis
from django.conf import settings
from django.utils import timezone

from conftest import Cast
from studytracker.access.people import grant
from studytracker.outbox.health import readiness
from studytracker.outbox.ledger import note
from studytracker.outbox.models import Heartbeat, Mail, Notice
from studytracker.outbox.sources import Matter, lines_of
from studytracker.protocol.models import Site
from studytracker.running import processes
from studytracker.tests.servers import SWEEP_SECONDS, installation
from visits.models import Visit

PATIENCE = 300
PERIODS = 3
POLL = 0.1
SWEEP = "studytracker.outbox.tasks.sweep"
QUEUE = "studytracker:celery"
INFUSED_DAYS_AGO = (40, 12)


class Parts:
    """One installation on the database of the proof, and what can be done to it."""

    def __init__(self, servers, stage, freeze):
        self.servers, self.stage, self.freeze, self.ended = servers, stage, freeze, Counter()

    @property
    def cache(self):
        return redis.Redis(unix_socket_path=str(self.servers.broker_socket), socket_timeout=30)

    @contextmanager
    def down_for_a_day(self):
        """Before anything ran: the last sweep was yesterday, and the broker is not there."""
        self.kill("broker", signal.SIGTERM)
        beat, _ = Heartbeat.objects.get_or_create(job="sweep", defaults={"at": timezone.now()})
        Heartbeat.objects.filter(pk=beat.pk).update(at=timezone.now() - timedelta(days=1))
        yield "down for a day"
        self.servers.start_broker()

    @contextmanager
    def killed(self):
        self.kill("broker")
        yield "killed with SIGKILL, started again after the alarm"
        self.servers.start_broker()

    @contextmanager
    def killed_in_a_sweep(self):
        """Between the worker's taking of a message and its answer: Celery's worker then ends by itself."""
        log = self.servers.children["worker"].log
        deadline = time.monotonic() + PATIENCE
        while not _is_under_way(log.read_text()) and time.monotonic() < deadline:
            time.sleep(0.002)
        self.kill("broker")
        yield "killed in the middle of a sweep, started again after the alarm"
        self.servers.start_broker()

    @contextmanager
    def restarted(self):
        self.kill("broker", signal.SIGTERM)
        self.servers.start_broker()
        yield "stopped and started again at once"

    @contextmanager
    def flushed(self):
        self.cache.flushall()
        yield "flushed"

    @contextmanager
    def frozen(self):
        broker = self.servers.children["broker"].process
        broker.send_signal(signal.SIGSTOP)
        ends = time.monotonic() + self.freeze
        yield f"frozen for {self.freeze:g} s"
        self.wait(lambda: time.monotonic() > ends)
        broker.send_signal(signal.SIGCONT)

    @contextmanager
    def out_of_memory(self):
        self.cache.config_set("maxmemory", 1)
        yield "out of memory"
        self.cache.config_set("maxmemory", 0)

    @contextmanager
    def worker_killed(self):
        self.kill("worker")
        yield "killed with SIGKILL, started again after the alarm"
        self.servers.start_worker()

    @contextmanager
    def more_beats(self, count):
        for number in range(1, count):
            self.beat(f"beat-{number}")
        yield f"{count} at once"
        for number in range(1, count):
            self.kill(f"beat-{number}")

    def beat(self, name):
        self.servers._start(name, processes.beat(self.servers.directory / name))

    def kill(self, name, how=signal.SIGKILL):
        """With its children: a worker's are those that send."""
        process = self._forget(name)
        os.killpg(process.pid, how)
        process.wait(60)

    def _forget(self, name):
        child = self.servers.children.pop(name)
        self.servers.supervisor.children = list(self.servers.children.values())
        return child.process

    def wait(self, until):
        """Whether it came true in time. What ended by itself meanwhile is started again."""
        deadline = time.monotonic() + PATIENCE
        while not until():
            if time.monotonic() > deadline:
                return False
            for name in [name for name, child in self.servers.children.items() if child.process.poll() is not None]:
                self._forget(name)
                self.ended[name] += 1
                self.servers.start_worker() if name == "worker" else self.beat(name)
            time.sleep(POLL)
        return True


def _is_under_way(log):
    return log.count(f"{SWEEP}[") % 2 == 1  # one line when it is received, one when it has succeeded


def prove(stage, given, seed):
    settings.REMINDER_SOURCES = {"visit": "visits.reminders"}
    settings.SWEEP_MINUTES = SWEEP_SECONDS / 60  # the health page of the proof, as that of the processes
    _visits_to_tell_of(stage.people[0])
    told, wrong = [], []
    with tempfile.TemporaryDirectory(prefix="proof-servers-") as folder:
        url = f"smtp://127.0.0.1:{stage.server.port}"
        with installation(Path(folder), EMAIL_URL=url) as servers:
            parts = Parts(servers, stage, given.freeze)
            for part in (servers.start_broker, servers.start_worker, lambda: parts.beat("beat")):
                part()
            for act in (_after_a_day, _urgent_under_faults, _control):
                for line, failed in act(parts):
                    told.append(f"\n  {line}")
                    wrong += failed
                    print(f"  {line}", flush=True)
    ended = ", ".join(f"{name} {count} times" for name, count in sorted(parts.ended.items())) or "none"
    return f"ended by themselves and started again: {ended}" + "".join(told), wrong


def _visits_to_tell_of(coordinator):
    """As the processes find them with the settings of every installation."""
    investigator = grant(username="proof.pi", role="investigator", site="MUSC").user
    today = Site("MUSC").today(timezone.now())
    cast = Cast(
        "MUSC", coordinator, investigator, lambda role: grant(username=f"proof.{role}", role=role, site=None).user
    )
    for days in INFUSED_DAYS_AGO:
        cast.infused(today - timedelta(days=days))


def _after_a_day(parts):
    """The visits that came due meanwhile: by the first sweep, one digest for each person, in order."""
    began = timezone.now()
    with parts.down_for_a_day() as words:
        red = parts.wait(_is_red)
    healed = time.monotonic()
    done = parts.wait(lambda: _mails(parts, Mail.Kind.DIGEST, began) == len(parts.stage.people))
    seconds = time.monotonic() - healed
    _two_further_sweeps(parts)
    digests = _sent(parts, Mail.Kind.DIGEST, began)
    lines = [_lines_in_order(mail) for mail in digests]
    expected = Visit.objects.filter(site="MUSC").expected().filter(opens_on__lte=Site("MUSC").today(began)).count()
    right = done and red and len(digests) == len(parts.stage.people) and set(lines) == {expected}
    yield (
        f"broker {words}: {len(digests)} digests to {len(parts.stage.people)} people, {seconds:.0f} s after it was "
        f"back, with {lines} of {expected} lines in order; {_copies(parts, digests)} further copies",
        [] if right else [f"broker {words}: red {red}, digests {len(digests)}, lines {lines} of {expected}"],
    )


def _lines_in_order(mail):
    """How many lines the mail has, where they stand in their order; else 0."""
    lines = sorted(lines_of(list(mail.notices.live()), mail.sent_at).values())
    places = [mail.body.find(line.text) for line in lines]
    return len(lines) if places == sorted(places) and -1 not in places else 0


def _urgent_under_faults(parts):
    for name, fault, reddens in (
        ("broker", parts.killed, True),
        ("broker", parts.killed_in_a_sweep, True),
        ("broker", parts.restarted, False),
        ("broker", parts.flushed, False),
        ("broker", parts.frozen, True),
        ("broker", parts.out_of_memory, True),
        ("worker", parts.worker_killed, True),
        ("beats", lambda: parts.more_beats(2), False),
        ("beats", lambda: parts.more_beats(5), False),
    ):
        yield _one(parts, name, fault, reddens)


def _one(parts, name, fault, reddens):
    """An urgent matter for each person appears while the fault is on; each is told once, by the next sweep."""
    parts.wait(lambda: not _is_red())
    people, began, red, wrong = len(parts.stage.people), timezone.now(), None, []
    with fault() as words:
        note("visit", _matters(parts.stage.people), timezone.now())
        if reddens:
            red = parts.wait(_is_red) and _age()
        if name == "beats":
            _two_further_sweeps(parts)
    healed, clock = timezone.now(), time.monotonic()
    swept = parts.wait(lambda: Heartbeat.objects.get(job="sweep").at > healed)
    gathered = Mail.objects.filter(kind=Mail.Kind.URGENT, created_at__gte=began).count()
    done = parts.wait(lambda: _mails(parts, Mail.Kind.URGENT, began) == people)
    seconds = time.monotonic() - clock
    _two_further_sweeps(parts)
    mails = _sent(parts, Mail.Kind.URGENT, began)
    if not (swept and done and gathered == len(mails) == people):
        wrong.append(f"{name} {words}: swept {swept}, {gathered} mails by the next sweep, {len(mails)} in the end")
    if red is not None and not PERIODS * SWEEP_SECONDS <= red <= (PERIODS + 1) * SWEEP_SECONDS:
        wrong.append(f"{name} {words}: red {red} s after the last sweep")
    late = "" if red is None else f"red {red:.1f} s after the last sweep, "
    return (
        f"{name} {words}: {late}{len(mails)} mails to {people} people, gathered by the next sweep: {gathered}, sent "
        f"{seconds:.0f} s after healing, {_copies(parts, mails)} further copies",
        wrong,
    )


def _matters(people):
    visit = Visit.objects.expected().filter(opens_on__lte=timezone.now()).first()
    turn = Notice.objects.count() + 1
    return [Matter(visit.pk, "opens", visit.site_id, person.pk, turn=turn, is_urgent=True) for person in people]


def _sent(parts, kind, began):
    mails = Mail.objects.filter(kind=kind, created_at__gte=began, recipient__in=parts.stage.people)
    return list(mails.filter(state=Mail.State.SENT))


def _mails(parts, kind, began):
    return len(_sent(parts, kind, began))


def _copies(parts, mails):
    """How many more the mail server took than there are, of these mails."""
    accepted = Counter(line.partition("\t")[0] for line in parts.stage.journal.read_text().splitlines())
    return sum(accepted[mail.message_id] - 1 for mail in mails)


def _two_further_sweeps(parts):
    for _ in range(2):
        now = timezone.now()
        parts.wait(lambda now=now: Heartbeat.objects.get(job="sweep").at > now)


def _is_red():
    return readiness(timezone.now())["sweep"].state == "fail"


def _age():
    return (timezone.now() - Heartbeat.objects.get(job="sweep").at).total_seconds()


def _control(parts):
    """What the reminders would be if the messages carried them, instead of asking to look into the ledger."""
    parts.wait(lambda: not _is_red())
    parts.kill("worker")
    parts.cache.flushall()
    for number in range(1, 5):
        parts.beat(f"beat-{number}")
    parts.wait(lambda: parts.cache.llen(QUEUE) >= 5)
    queued = parts.cache.llen(QUEUE)
    parts.cache.flushall()
    left = parts.cache.llen(QUEUE)
    for name in [name for name in parts.servers.children if name.startswith("beat")]:
        parts.kill(name)
    yield (
        f"control, a message is the reminder: five beats queued {queued} where one would do, a flush left {left}",
        [] if queued >= 5 and left == 0 else [f"the control lost and doubled nothing: {queued} queued, {left} left"],
    )
