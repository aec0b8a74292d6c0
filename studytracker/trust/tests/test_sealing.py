"""The sealer: everything settled, each once, in order, however many seal at once and whoever is still writing."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier, Event

import psycopg
import pytest
from django.db import connection, connections, models

from conftest import NOW, apart
from studytracker.protocol.models import Slot
from studytracker.trust import sealing, upkeep
from studytracker.trust.acting import acting
from studytracker.trust.exported import checked
from studytracker.trust.models import Anchor, Comparison, Entry, Seal
from studytracker.trust.verifier import FIRST, INTACT, UNANCHORED, entry_digest, seal_hash


def test_every_entry_gets_one_seal_on_the_hash_of_the_one_before(trial):
    entries = list(Entry.objects.order_by("id").values())
    assert sealing.seal(NOW) == len(entries) > 8
    previous = FIRST
    for number, (entry, seal) in enumerate(zip(entries, Seal.objects.order_by("seq"), strict=True), 1):
        value = seal_hash(number, entry["id"], "2025-06-18T15:00:00.000000Z", previous, entry_digest(entry))
        assert (seal.seq, seal.entry_id, seal.previous, seal.hash) == (number, entry["id"], previous, value)
        previous = value
    assert sealing.head().text == f"{len(entries)}:{previous}"
    assert sealing.unsealed() == 0


def test_a_second_run_seals_only_what_came_since(trial):
    first = sealing.seal(NOW)
    assert sealing.seal(NOW) == 0
    Slot.objects.create(number=50)
    assert sealing.unsealed() == 1
    assert sealing.seal(NOW + timedelta(minutes=1)) == 1
    assert sealing.head().seq == first + 1


def test_more_entries_than_one_batch_are_all_sealed(trial, monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 3)
    assert sealing.seal(NOW) == Entry.objects.count() > 8
    assert checked([sealing.head()[:2]]).verdict == INTACT


def test_what_is_sealed_of_an_entry_is_every_field_of_it(trial):
    """The digest leaves out what is null: a further column has to be null in the entries before it."""
    entry = Entry.objects.values().first()
    assert set(entry) == {field.attname for field in Entry._meta.fields}
    plain = entry_digest(entry)
    assert entry_digest(entry | {"later column": None}) == plain
    for name, value in entry.items():
        for other in {"", None, "x", 0} - {value}:
            assert entry_digest(entry | {name: other}) != plain, name


def test_without_an_entry_there_is_no_head_and_no_anchor(trial):
    assert sealing.head() is None
    assert sealing.anchor(NOW) is None


def test_the_head_is_noted_once_a_day(trial):
    sealing.seal(NOW)
    first = sealing.anchor(NOW)
    assert (first.day, str(first), first.told_at) == (NOW.date(), sealing.head().text, NOW)
    sealing.seal(NOW)  # the anchor itself left an entry
    assert sealing.anchor(NOW + timedelta(hours=8)) == first
    second = sealing.anchor(NOW + timedelta(hours=9))
    assert (second.day, second.seq) == (NOW.date() + timedelta(days=1), first.seq + 1)


def test_upkeep_seals_each_time_and_compares_once_an_hour(trial):
    for minutes in (0, 30, 59, 60, 90):
        upkeep.keep(NOW + timedelta(minutes=minutes))
    times = [NOW, NOW + timedelta(hours=1)]
    assert list(Comparison.objects.order_by("id").values_list("at", "problems")) == [(at, "") for at in times]
    assert Anchor.objects.count() == 1
    assert sealing.unsealed() <= 1  # the last comparison's own entry


def test_the_commands_that_cron_may_run_seal(trial, command, capsys):
    command("seal")
    head = sealing.head()
    assert capsys.readouterr().out.startswith(f"{head.seq} sealed, 2 wait. Head: {head.seq}:")
    command("sweep")
    assert sealing.head().seq > head.seq


@pytest.mark.django_db(transaction=True)
def test_many_sealers_and_many_writers_make_one_chain(trial):
    def write(writer):
        with acting(f"writer {writer}", source="direct"):
            for number in range(10):
                Slot.objects.create(number=1000 + writer * 100 + number)
        connections.close_all()

    def keep_sealing(_):
        for _ in range(6):
            sealing.seal(NOW)
        connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        ended = [pool.submit(apart, write, writer) for writer in range(8)]
        ended += [pool.submit(keep_sealing, sealer) for sealer in range(4)]
        for each in ended:
            each.result()
    sealing.seal(NOW)
    report = checked([sealing.head()[:2]])
    assert (report.verdict, report.findings, report.unsealed) == (INTACT, [], 0)
    assert report.sealed == Entry.objects.count() > 88


@pytest.mark.django_db(transaction=True)
def test_a_chain_that_nothing_serialises_forks(trial):
    """Negative control: read the end, then add to it, in a table without guards."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE loose_chain (seq bigint)")
    meet = Barrier(4)

    def add(_):
        for _ in range(5):
            with connection.cursor() as cursor:
                cursor.execute("SELECT coalesce(max(seq), 0) + 1 FROM loose_chain")
                seq = cursor.fetchone()[0]
                meet.wait(10)
                cursor.execute("INSERT INTO loose_chain VALUES (%s)", [seq])
        connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) - count(DISTINCT seq) FROM loose_chain")
        assert cursor.fetchone()[0] > 0


if connection.vendor == "postgresql":

    @pytest.fixture
    def slow_writer(trial):
        """A transaction that has its entry's number already and commits when told to."""
        held = connection.settings_dict
        where = {"dbname": held["NAME"], "user": held["USER"], "host": held["HOST"], "port": held["PORT"]}
        with closing(psycopg.connect(**where)) as writer:
            writer.execute("SELECT set_config('studytracker.context', %s, true)", [json.dumps({"username": "dba"})])
            writer.execute("INSERT INTO protocol_slot VALUES (99)")
            yield writer

    @pytest.mark.django_db(transaction=True)
    def test_the_sealer_waits_for_an_entry_that_commits_after_a_later_one(slow_writer):
        Slot.objects.create(number=50)  # its entry has a higher number and is there first
        waiting, done = Event(), []
        stock = sealing._writers

        def looked():
            waiting.set()
            return stock()

        def run():
            done.append(sealing.seal(NOW))
            connections.close_all()

        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
            patch.setattr(sealing, "_writers", looked)
            ended = pool.submit(run)
            assert waiting.wait(5)
            slow_writer.commit()
            ended.result()
        assert done == [Entry.objects.count()]
        assert checked().findings == []

    @pytest.mark.django_db(transaction=True)
    def test_while_a_writer_does_not_end_nothing_is_sealed_and_nobody_waits_for_ever(slow_writer, monkeypatch):
        monkeypatch.setattr(sealing, "PATIENCE_SECONDS", 0.1)
        Slot.objects.create(number=50)
        assert sealing.seal(NOW) == 0
        slow_writer.rollback()
        assert sealing.seal(NOW) == sealing.head().seq == Entry.objects.count()
        assert checked([sealing.head()[:2]]).verdict == INTACT

    @pytest.mark.django_db(transaction=True)
    def test_a_sealer_that_did_not_wait_would_accuse_an_honest_writer(slow_writer, monkeypatch):
        """Negative control."""
        highest = models.Max("id")
        monkeypatch.setattr(sealing, "settled_up_to", lambda: Entry.objects.aggregate(last=highest)["last"])
        Slot.objects.create(number=50)
        sealing.seal(NOW)
        slow_writer.commit()
        assert "added afterwards" in checked().findings[0][1]
        assert checked().verdict not in (INTACT, UNANCHORED)
