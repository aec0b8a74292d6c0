"""A backup counts when it has come back: taken while people write, restored elsewhere, checked to the last row."""

import contextvars
import json
import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection, connections

from conftest import NOW, apart, staged
from studytracker.protocol.models import Slot
from studytracker.trust import backup, bundle, dumps, sealing
from studytracker.trust.acting import acting
from studytracker.trust.backup import BackupFailed
from studytracker.trust.models import Backup, Comparison, Entry
from studytracker.trust.replay import verify

pytestmark = pytest.mark.django_db(transaction=True)


@staged
def busy(musc):
    musc.infused()
    sealing.seal(NOW)


def writing(stop):
    """Slots made and changed without a pause, each in a transaction of its own, with a sealer now and then."""
    count = 0
    with acting("writer", source="direct"):
        while not stop.is_set():
            count += 1
            Slot.objects.create(number=1000 + count)
            Slot.objects.filter(number=1000 + count).update(number=20_000 + count)
            if count % 20 == 0:
                sealing.seal(NOW)
    connections.close_all()
    return count


def test_a_backup_under_load_is_restored_and_verified_before_it_counts(busy, tmp_path):
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(apart, writing, stop)
        try:
            made = [backup.take(tmp_path / "kept", NOW + timedelta(seconds=n)) for n in range(2)]
        finally:
            stop.set()
    assert written.result() > 20
    assert backup.last_verified() == made[1]
    assert made[1].entries > made[0].entries > 40
    assert [Path(each.file).name for each in made] == [
        "studytracker-20250618T150000Z.tar",
        "studytracker-20250618T150001Z.tar",
    ]
    assert [path.stat().st_mode & 0o777 for path in sorted((tmp_path / "kept").iterdir())] == [0o600, 0o600]
    assert made[1].sha256 == bundle.sha256(Path(made[1].file))
    entry = Entry.objects.filter(table="trust_backup").first()
    assert json.loads(entry.new)["sha256"] == made[1].sha256


def test_the_bundle_holds_key_protocol_and_verifier_with_their_hashes(busy, tmp_path):
    file = Path(backup.take(tmp_path, NOW).file)
    (tmp_path / "out").mkdir()
    manifest = bundle.unpack(file, tmp_path / "out")
    assert sorted(manifest["parts"]) == sorted(
        [dumps.FILES[connection.vendor], "protocol.toml", "secret-key", "verify_trail.py"]
    )
    assert (tmp_path / "out" / "secret-key").read_text() == settings.SECRET_KEY
    assert (tmp_path / "out" / "protocol.toml").read_bytes() == Path(settings.PROTOCOL_FILE).read_bytes()
    for name, facts in manifest["parts"].items():
        assert bundle.sha256(tmp_path / "out" / name) == facts["sha256"]
    assert (manifest["head"], manifest["rows"]["participants_participant"]) == (sealing.head().text, 1)


def test_a_backup_that_does_not_come_back_whole_is_refused_and_not_recorded(busy, tmp_path, monkeypatch):
    stock = dumps.load

    def lossy(place, file):
        """As if the last rows had not been written yet when somebody copied the file."""
        stock(place, file)
        with place.cursor() as cursor:
            cursor.execute("DELETE FROM protocol_slot WHERE number = 6")

    monkeypatch.setattr(dumps, "load", lossy)
    with pytest.raises(BackupFailed, match="protocol_slot: 5 rows restored, 6 backed up"):
        backup.take(tmp_path, NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["studytracker-20250618T150000Z.tar.unverified"]
    assert backup.last_verified() is None
    assert backup.is_overdue(NOW)


def test_a_changed_byte_in_the_bundle_is_named(busy, tmp_path):
    file = Path(backup.take(tmp_path, NOW).file)
    with tarfile.open(file) as held:
        place = held.getmember("protocol.toml").offset_data
    with file.open("r+b") as content:
        content.seek(place)
        content.write(b"!")
    with pytest.raises(bundle.BundleBroken, match="protocol.toml in .* is not as it was written"):
        backup.prove(file)
    file.write_bytes(b"no backup")
    with pytest.raises(bundle.BundleBroken, match="cannot be read as a backup"):
        backup.prove(file)


def test_a_backup_is_overdue_after_the_hours_of_the_settings(busy, tmp_path, settings):
    settings.BACKUP_HOURS = 25
    assert backup.is_overdue(NOW)
    backup.take(tmp_path, NOW)
    assert not backup.is_overdue(NOW + timedelta(hours=25))
    assert backup.is_overdue(NOW + timedelta(hours=25, seconds=1))


def test_the_command_says_what_it_wrote_and_where_it_cannot(busy, tmp_path, command, capsys):
    command("backup", to=tmp_path)
    made = Backup.objects.get()
    assert capsys.readouterr().out.splitlines() == [
        made.file,
        f"{made.bytes} bytes, SHA-256 {made.sha256}",
        f"Restored and verified: {made.entries} entries, head {sealing.head().text}",
    ]
    assert Entry.objects.filter(table="trust_backup").first().username == "backup"
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written to"):
        command("backup", to=tmp_path / "file")


@pytest.fixture
def empty_database():
    """The drill's second machine: every connection leads to a database without a table."""
    own = connection.settings_dict["NAME"]
    connections.close_all()
    with dumps.scratch(connection) as place:
        name = place.settings_dict["NAME"]
        connections.settings["default"]["NAME"] = connection.settings_dict["NAME"] = name
        connections["default"].close()
        try:
            yield
        finally:
            connections["default"].close()
            connections.settings["default"]["NAME"] = connection.settings_dict["NAME"] = own


def test_the_drill_restores_everything_into_an_empty_database(busy, tmp_path, command, capsys, request):
    made = backup.take(tmp_path, NOW)
    head, rows = sealing.head(), verify().rows
    request.getfixturevalue("empty_database")
    command("restore", Path(made.file), into=tmp_path / "restored")
    said = capsys.readouterr().out
    assert (
        f"Restored as of 2025-06-18T15:00:00.000000Z and verified: {made.entries} entries, head {head.text}." in said
    )
    assert sealing.head() == head
    result = verify()
    # The record of the backup itself is not in it; the comparison that the restore leaves is, with what was restored.
    assert (result.differences, result.rows, result.entries) == ([], rows, made.entries + 1)
    entry = Entry.objects.first()
    assert (entry.username, entry.reason) == (
        "restore",
        f"Restored from {Path(made.file).name}, SHA-256 {made.sha256}",
    )
    assert Comparison.objects.get().problems == ""
    assert sorted(path.name for path in (tmp_path / "restored").iterdir()) == [
        "protocol.toml",
        "secret-key",
        "verify_trail.py",
    ]
    Slot.objects.create(number=50)  # numbers go on where they were, and the triggers write
    assert Entry.objects.first().row_id == "50"
    assert sealing.seal(NOW) == 2


def test_a_restore_goes_into_an_empty_database_only(busy, tmp_path, command):
    made = backup.take(tmp_path, NOW)
    before = Entry.objects.count()
    with pytest.raises(CommandError, match="There are tables in this database already"):
        command("restore", Path(made.file), into=tmp_path / "restored")
    assert Entry.objects.count() == before
    with pytest.raises(CommandError, match="cannot be made"):
        command("restore", Path(made.file), into=tmp_path / "restored")


def test_a_backup_of_another_version_or_database_is_not_restored(busy, tmp_path, command, request):
    file = Path(backup.take(tmp_path, NOW).file)
    request.getfixturevalue("empty_database")
    for name, value, words in (
        ("migrations", ["trust.0001_initial"], "Another version of the program took this backup"),
        ("vendor", "oracle", "The backup is of oracle, DATABASE_URL leads to"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        manifest = bundle.unpack(file, folder)
        parts = {part: folder / part for part in manifest["parts"]}
        bundle.pack(folder / "altered.tar", parts, manifest | {name: value})
        with pytest.raises(CommandError, match=words):
            command("restore", folder / "altered.tar", into=folder / "restored")
        assert not dumps.is_in_use(connection)


if connection.vendor == "sqlite":

    def test_a_file_copied_under_load_does_not_hold_what_was_committed(busy, tmp_path):
        """Negative control: what the write-ahead log holds is not in the file."""
        Slot.objects.create(number=60)
        shutil.copy(connection.settings_dict["NAME"], tmp_path / "copy.sqlite3")
        with dumps.scratch(connection) as place:
            shutil.copy(tmp_path / "copy.sqlite3", place.settings_dict["NAME"])
            try:
                held = backup.facts_of(place.alias)
            except Exception:
                held = None
        assert held != backup.facts_of("default")

else:

    def test_where_no_scratch_database_may_be_made_the_sentence_says_which_right_is_missing(busy, tmp_path):
        name = f"plain_{connection.settings_dict['NAME']}"[:60]
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {name} LOGIN")
            cursor.execute(f"GRANT pg_read_all_data, pg_write_all_data TO {name}")
        user = connection.settings_dict["USER"]
        connections.close_all()
        connection.settings_dict["USER"] = name
        try:
            with pytest.raises(dumps.DumpFailed, match="needs the right CREATEDB"):
                contextvars.copy_context().run(backup.take, tmp_path, NOW)
        finally:
            connections.close_all()
            connection.settings_dict["USER"] = user
            with connection.cursor() as cursor:
                cursor.execute(f"DROP OWNED BY {name}")
                cursor.execute(f"DROP ROLE {name}")
        assert backup.last_verified() is None
