"""The parts of proof_reminders.py. Imported once Django is set up."""

import gc
import os
import signal
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from datetime import time as clock_time
from datetime import timedelta
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import proof_source as source
import smtp_faults
from django.conf import settings
from django.db import connection, connections
from django.db.models import Count, Min, Q

from studytracker.access.models import User
from studytracker.access.people import grant
from studytracker.outbox import delivery
from studytracker.outbox.delivery import TRIES, drain
from studytracker.outbox.models import Mail, Notice, Preference
from studytracker.outbox.sweeping import sweep

PEOPLE = 2
ZONE = ZoneInfo("America/New_York")
SMTP = "django.core.mail.backends.smtp.EmailBackend"


class Stage:
    """Two coordinators who may be told at any hour, a source of reminders, and a mail server with a journal."""

    def __init__(self):
        self.people = [self._person(number) for number in range(PEOPLE)]
        settings.REMINDER_SOURCES = {source.NAME: "proof_source"}
        source.people = [person.pk for person in self.people]
        self.day, self.given_up = -1, 0
        self.journal = Path(tempfile.mkdtemp(prefix="proof-mail-"), "accepted")
        self.server = smtp_faults.Server(self.journal).start()
        settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "127.0.0.1"
        settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = self.server.port, 5

    def _person(self, number):
        name = f"proof.{number}"
        user = User.objects.filter(username=name).first()
        if user is None:
            user = grant(username=name, role="coordinator", site="MUSC", email=f"{name}@example.org").user
            midnight = clock_time(0)
            Preference.objects.create(user=user, digest_time=midnight, quiet_from=midnight, quiet_to=midnight)
        return user

    def next_day(self):
        self.day += 1
        source.last_day = self.day
        return self.day

    def leap(self, day):
        """Go on at a later day, with nothing due in between: earlier parts used the days before."""
        self.day, source.first_day = day - 1, day
        return day

    def accepted(self):
        """{(mark, address or mail): [Message-IDs]}: a mail is for one person, so its id tells whose mark it is."""
        found = defaultdict(list)
        for line in self.journal.read_text().splitlines():
            message_id, _, marks = line.partition("\t")
            for mark in filter(None, marks.split(",")):
                found[mark, _whose(message_id)].append(message_id)
        return found

    def settle(self, days=4):
        """Days without a fault and without anything new."""
        self.server.fault = self.server.only = ""
        self.given_up = 0
        for number in range(days):
            self.day += 1
            if number == days - 1:
                self.given_up = self._try_again()
            for hour in (0, 8, 16):
                sweep(source.at(self.day, hours=hour))
                drain(lambda hour=hour: source.at(self.day, hours=hour))

    def _try_again(self):
        """What a person does with a mail that was given up: its senders died eight times."""
        failed = Mail.objects.filter(state=Mail.State.FAILED)
        return sum(delivery.try_again(mail, source.at(self.day)) for mail in failed)

    def judge(self, first_day, last_day):
        """(words, what is wrong) of the matters of these days."""
        found = self.accepted()
        wanted = [(source.mark(each.object_id), each.recipient_id) for d in range(first_day, last_day + 1)
                  for each in source.of_day(d)]  # fmt: skip
        lost = [each for each in wanted if each not in found]
        extra = sum(len(found[each]) - 1 for each in wanted if each in found)
        other = [each for each in wanted if len(set(found.get(each, []))) > 1]
        keys = Notice.objects.filter(source=source.NAME).values("source", "object_id", "stage", "turn", "recipient")
        double = keys.annotate(rows=Count("pk")).filter(rows__gt=1).count()
        words = f"{len(wanted)} reminders, {len(lost)} lost, {double} ledger rows twice, {extra} told again, "
        words += f"{self.given_up} mails given up and tried again by hand, " if self.given_up else ""
        words += f"{len(other)} with another Message-ID"
        wrong = [f"lost {each}: {_fate(*each)}" for each in lost[:5]] + [
            f"another Message-ID: {each}" for each in other[:5]
        ]
        return words, wrong + ([f"{double} ledger rows twice"] if double else [])


def _fate(mark, person):
    """What the ledger says became of it."""
    notice = Notice.objects.filter(object_id=int(mark.rpartition("-")[2]), recipient=person).first()
    mail = notice and notice.mail
    return f"{notice} {notice and notice.cancelled_why} {mail} {mail and (mail.attempts, mail.error)}"


def _whose(message_id):
    return int(message_id.strip("<>").split(".")[1])


# --- Killed -------------------------------------------------------------------------------------------------------


def forked(act, seconds=None):
    """Run `act` in a child; SIGKILL after `seconds`. Returns whether it came to its end."""
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def work(day, **later):
    """What the task does, at the instant of the proof."""
    sweep(source.at(day, **later))
    drain(lambda: source.at(day, **later))


UNTOUCHED = 1 / 8  # of the rounds nobody is killed, so that what waits does not grow without end
CONTROL_KILLS = (100, 400)  # at least, at most


def kills(stage, given, seed):
    words, wrong = _killed(stage, given.kills, seed, work)
    if given.without_controls:
        return words, wrong
    few = min(max(given.kills // 4, CONTROL_KILLS[0]), CONTROL_KILLS[1])
    for name, control, sign in (
        ("mark, then send", marks_then_sends, "lost"),
        ("send, then mark", sends_then_marks, "told"),
    ):
        told, failed = _killed(stage, few, seed, control)
        words += f"\n  control, {name}: {told}"
        if not any(line.startswith(sign) or "another" in line for line in failed) and not _repeats(told):
            wrong.append(f"the control “{name}” did not fail")
    return words, wrong


def _repeats(words):
    return int(words.partition(" told again")[0].rpartition(" ")[2]) > 0


def _killed(stage, count, seed, act):
    """Killed at a random moment of what an untouched round takes, measured anew all the time, so many times."""
    act(stage.next_day())  # what is loaded and kept once, every child then has from its parent
    gc.freeze()
    first, began, killed, started, longest = stage.day + 1, time.monotonic(), 0, 0, 0
    while killed < count:
        day, started = stage.next_day(), started + 1
        if not longest or seed.random() < UNTOUCHED:
            clock = time.monotonic()
            forked(lambda day=day: act(day))
            took = (time.monotonic() - clock) * 1.1
            longest = took if started < 4 else 0.8 * longest + 0.2 * took
            continue
        killed += not forked(lambda day=day: act(day), seed.uniform(0, longest))
        if killed % 500 == 499:
            print(f"  {killed + 1} killed, {time.monotonic() - began:.0f} s", flush=True)
    last = stage.day
    stage.settle()
    words, wrong = stage.judge(first, last)
    return f"{started} started, {killed} killed before the end: {words}", wrong


def marks_then_sends(day):
    """The order in which a crash loses the mail."""
    _wrongly(day, lambda mail, send: (_mark(mail, day), send()))


def sends_then_marks(day):
    """The order in which a crash repeats it, and nobody else is kept from sending it too."""
    _wrongly(day, lambda mail, send: (send(), _mark(mail, day)))


def _wrongly(day, do):
    from studytracker.outbox.letters import compose
    from studytracker.outbox.post_office import PostOffice
    from studytracker.outbox.sources import lines_of

    at = source.at(day)
    sweep(at)
    with PostOffice() as office:
        for mail in Mail.objects.filter(state=Mail.State.DUE).select_related("recipient").order_by("id"):
            lines = sorted(lines_of(list(mail.notices.live()), at).values())
            do(mail, lambda mail=mail, lines=lines: office.send(compose(mail, lines, at)))


def _mark(mail, day):
    Mail.objects.filter(pk=mail.pk).update(state=Mail.State.SENT, sent_at=source.at(day))


def calls(stage, given, seed):
    """Killed before, then after, the n-th statement or commit, until the work comes to its end untouched.

    After each the work is done once more, when the lease is over, so that every round begins alike.
    """
    work(stage.next_day())  # what is loaded and kept once, every child then has from its parent
    first, counts = stage.day + 1, []
    for is_after in (False, True):
        number, ended = 0, False
        while not ended:
            number, day = number + 1, stage.next_day()
            ended = forked(lambda number=number, day=day, is_after=is_after: _until(number, is_after, day))
            forked(lambda day=day: work(day, minutes=10))
        counts.append(number - 1)
    last = stage.day
    stage.settle()
    words, wrong = stage.judge(first, last)
    return f"killed before each of {counts[0]} and after each of {counts[1]} statements and commits: {words}", wrong


def _until(number, is_after, day):
    seen = 0

    def count(act):
        nonlocal seen
        seen += 1
        if seen == number and not is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = act()
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    commit = connection._commit
    connection._commit = lambda: count(commit)
    with connection.execute_wrapper(lambda execute, *given: count(lambda: execute(*given))):
        work(day)


# --- The mail server ------------------------------------------------------------------------------------------------

AT_THE_SERVER = ("refuse", "421", "bad TLS", "wrong credentials", "DNS failure")
TWELVE = (*smtp_faults.FAULTS, "bad TLS", "wrong credentials", "DNS failure")
FAULTY_SWEEPS = 3


@contextmanager
def at_fault(stage, fault, person):
    kept = {name: getattr(settings, name) for name in ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_TIMEOUT")}
    changes = {"EMAIL_TIMEOUT": 0.15 if fault.startswith("hang") else 5}
    changes |= {
        "refuse": {"EMAIL_PORT": smtp_faults.closed_port()},
        "bad TLS": {"EMAIL_USE_SSL": True},
        "wrong credentials": {"EMAIL_HOST_USER": "x", "EMAIL_HOST_PASSWORD": "x"},
        "DNS failure": {"EMAIL_HOST": "no-such-host.invalid"},
    }.get(fault, {})
    stage.server.fault, stage.server.only = fault, "" if fault in AT_THE_SERVER else person.email
    usual = {"EMAIL_USE_SSL": False, "EMAIL_HOST_USER": "", "EMAIL_HOST_PASSWORD": ""}
    for name, value in changes.items():
        setattr(settings, name, value)
    try:
        yield
    finally:
        for name, value in (kept | usual).items():
            setattr(settings, name, value)
        stage.server.fault = stage.server.only = ""


def smtp(stage, given, seed):
    """Each round: a fault for three sweeps, to one person's mail or to all, then none. Two minutes a sweep."""
    settings.SWEEP_WORK = []  # what other rooms do in a sweep has no part in it
    told, wrong = [], []
    for fault in TWELVE:
        first, blocked, minutes, tries = stage.day + 1, 0, [], 0
        for _ in range(given.rounds):
            one = _round(stage, fault, seed)
            blocked += one[0]
            minutes.append(one[1])
            tries = max(tries, one[2])
        last = stage.day
        stage.settle(days=1)
        words, failed = stage.judge(first, last)
        told.append(
            f"\n  {fault}: {given.rounds} rounds, {words}; at most {tries} tries, others blocked in {blocked} rounds, "
            f"told {sorted(minutes)[len(minutes) // 2]} min after healing at the median, {max(minutes)} at most"
        )
        print(told[-1].strip(), flush=True)
        wrong += failed + ([f"{fault}: {tries} tries"] if tries > TRIES else [])
        wrong += [f"{fault}: others were blocked"] if blocked else []
    return "".join(told) + _control_of_smtp(stage, wrong), wrong


def _round(stage, fault, seed):
    """(whether others were blocked, minutes from healing to told, most tries)"""
    day, person = stage.next_day(), seed.choice(stage.people)
    with at_fault(stage, fault, person):
        for turn in range(FAULTY_SWEEPS):
            work(day, minutes=2 * turn)
            if turn == 0:
                blocked = fault not in AT_THE_SERVER and _waiting(day).exclude(recipient=person).exists()
    for mail in _of(day).filter(state=Mail.State.FAILED):
        delivery.try_again(mail, source.at(day, minutes=2 * FAULTY_SWEEPS))
    turn = FAULTY_SWEEPS
    work(day, minutes=2 * turn)
    while _waiting(day).exists():
        turn = _next_turn(day, turn)
        work(day, minutes=2 * turn)
    most = max(_of(day).values_list("attempts", flat=True), default=0)
    return blocked, 2 * (turn - FAULTY_SWEEPS), most


def _next_turn(day, turn):
    """The first sweep that finds something to try: those before it would find nothing."""
    waiting = _waiting(day).aggregate(due=Min("next_try_at", filter=Q(state="due")), lease=Min("lease_until"))
    minutes = (min(filter(None, waiting.values())) - source.at(day)).total_seconds() / 60
    return max(turn + 1, ceil(minutes / 2))


def _of(day):
    return Mail.objects.filter(created_at__gte=source.at(day), created_at__lt=source.at(day + 1))


def _waiting(day):
    return _of(day).exclude(state__in=[Mail.State.SENT, Mail.State.CANCELLED])


def _control_of_smtp(stage, wrong):
    """All mails of a sweep in one go, as a loop without a handler: the first that is refused holds up the rest."""
    from django.core.mail import get_connection

    from studytracker.outbox.letters import compose

    day, person = stage.next_day(), stage.people[0]
    sweep(source.at(day))
    mails = list(_of(day).order_by("id").select_related("recipient"))
    before = len(stage.journal.read_text().splitlines())
    with at_fault(stage, "550", person), suppress(OSError):
        get_connection().send_messages([compose(mail, [], source.at(day)) for mail in mails])
    sent = len(stage.journal.read_text().splitlines()) - before
    if sent == len(mails):
        wrong.append("the control sent everything")
    stage.settle()
    return f"\n  control, one loop without a handler, 550 to the first of them: {sent} of {len(mails)} mails sent"


# --- The clock ----------------------------------------------------------------------------------------------------

STEPS = {"1 hour": timedelta(hours=1), "1 day": timedelta(days=1), "1 year": timedelta(days=365)}


def clock(stage, given, seed):
    """Sweeps of every half hour, while the clock is stepped away and back, between sweeps and in the middle of one."""
    told, wrong = [], []
    for name, step in STEPS.items():
        for sign in (1, -1):
            words, failed = _stepped(stage, given.sweeps, sign * step, seed)
            told.append(f"\n  {'+' if sign > 0 else '-'}{name}: {words}")
            wrong += failed
    for name in ("forward", "back"):
        day = _next_change(stage.leap(stage.day + 800), name)
        words, failed = _over_change_of_clocks(stage, day)
        told.append(f"\n  clocks {name} on {source.at(day):%Y-%m-%d}: {words}")
        wrong += failed
    return "".join(told) + _broker_down_for_a_day(stage, wrong) + _control_of_clock(wrong), wrong


def _stepped(stage, sweeps, step, seed):
    # A year ahead or behind must stay clear of the days that other parts use.
    first, steps = stage.leap(stage.day + 800), 0
    for turn in range(sweeps):
        real = source.at(first, minutes=30 * turn)
        source.last_day = stage.day = source.day_of(real)
        wrong_now, wrong_then = seed.random() < 0.05, seed.random() < 0.05
        steps += wrong_now or wrong_then
        sweep(real + step if wrong_now else real)
        drain(lambda real=real, wrong_then=wrong_then: real + step if wrong_then else real)
    last = stage.day
    stage.settle()
    words, wrong = stage.judge(first, last)
    return f"{sweeps} sweeps, {steps} with the clock stepped: {words}", wrong


def _next_change(day, name):
    """The next day on which the clocks of the site go forward, or back."""
    sign = 1 if name == "forward" else -1
    while True:
        before, after = (source.at(day + shift).astimezone(ZONE).utcoffset() for shift in (-1, 0))
        if (after - before) * sign > timedelta(0):
            return day
        day += 1


def _over_change_of_clocks(stage, middle):
    """Every quarter of an hour for three days around the change, with digests wanted in the very hours."""
    first = stage.leap(middle - 1)
    for person, hour in zip(stage.people, (clock_time(1, 30), clock_time(2, 30)), strict=True):
        Preference.objects.filter(user=person).update(digest_time=hour)
    for turn in range(3 * 24 * 4):
        real = source.at(first, minutes=15 * turn)
        source.last_day = stage.day = source.day_of(real)
        sweep(real)
        drain(lambda real=real: real)
    days = list(Mail.objects.filter(kind="digest", sent_at__gte=source.at(first), sent_at__lt=source.at(first + 3))
                .values_list("recipient", "key"))  # fmt: skip
    Preference.objects.update(digest_time=clock_time(0))
    last = stage.day
    stage.settle()
    words, wrong = stage.judge(first, last)
    return f"{3 * 24 * 4} sweeps, {len(days)} digests, {len(days) - len(set(days))} twice on one day: {words}", wrong


def _broker_down_for_a_day(stage, wrong):
    """No message comes through, so nobody sweeps; then one sweep."""
    kept, source.urgent = source.urgent, False
    stage.leap(stage.day + 800)
    first = stage.next_day()
    work(first)
    for _ in range(3):
        stage.next_day()
    before = len(stage.journal.read_text().splitlines())
    work(stage.day, hours=1)
    mails = stage.journal.read_text().splitlines()[before:]
    marks = [mail.partition("\t")[2].split(",") for mail in mails]
    ordered = Mail.objects.filter(created_at__gte=source.at(stage.day))
    in_order = all(_keys(mail.body) == sorted(_keys(mail.body)) for mail in ordered)
    words, failed = stage.judge(first, stage.day)
    source.urgent = kept
    wrong += failed
    if len(mails) != PEOPLE or not in_order:
        wrong.append(f"after days without a sweep: {len(mails)} mails, in order: {in_order}")
    return (
        f"\n  nothing swept for three days, then once: {len(mails)} mails to {PEOPLE} people, "
        f"{len(set(sum(marks, [])))} reminders each, in order: {in_order}; {words}"
    )


def _keys(body):
    return [int(word.rpartition("-")[2]) for line in body.splitlines() for word in [line.strip()]
            if word.startswith("mark-")]  # fmt: skip


def _control_of_clock(wrong):
    """ "Did I send today?" from the last day sent, as a file or a cache would say it."""
    from datetime import UTC, datetime

    last, sent = None, Counter()
    start = datetime(2030, 6, 1, tzinfo=UTC)
    for turn in range(200):
        now = start + timedelta(minutes=30 * turn)
        now += timedelta(days=1) if turn % 20 == 7 else timedelta(0)
        if now.date() != last:
            last = now.date()
            sent[last] += 1
    twice = sum(count - 1 for count in sent.values())
    if not twice:
        wrong.append("the control sent nothing twice")
    return f"\n  control, the last day sent is remembered: {twice} of {sum(sent.values())} digests sent twice"


def servers(stage, given, seed):
    import proof_servers

    return proof_servers.prove(stage, given, seed)
