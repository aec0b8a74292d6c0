"""The head of the trail's chain that a package names: later it tells a trail that was changed from one that grew."""

import io
import json
import subprocess
import sys
import zipfile
from random import Random

import pytest
from django.core.management import CommandError
from django.db import connection, transaction

from studytracker.exports import jobs
from studytracker.exports.privacy import Level
from studytracker.protocol.models import Slot
from studytracker.trust import sealing
from studytracker.trust.exported import VERIFIER, trail_lines
from studytracker.trust.models import Seal
from studytracker.trust.tests.rows import last_id
from studytracker.trust.tests.tampering import ONLY_BY_ANCHOR, tamper

from .test_export_pages import GIVEN


@pytest.fixture
def packed(musc, administrator, settings, tmp_path, now):
    """packed(...) makes a package and gives its path."""
    settings.VAR_DIR = tmp_path
    musc.infused()

    def make(**facts):
        job = jobs.request_export(**GIVEN | facts, by=administrator, at=now)
        return jobs.path_of(jobs.run(job.pk, lambda: now))

    return make


def manifest(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))


def test_the_manifest_names_the_head_of_the_chain_at_its_own_entry(packed):
    assert Seal.objects.count() == 0
    found = manifest(packed())["as_of"]
    seal = Seal.objects.get(entry_id=found["audit_entry"])
    assert found["chain_head"] == f"{seal.seq}:{seal.hash}"
    assert found["sealed_up_to_entry"] == found["audit_entry"]


def test_a_package_of_an_earlier_entry_names_the_head_of_then(packed, now):
    number = last_id()
    Slot.objects.create(number=40)
    sealing.seal(now)
    found = manifest(packed(as_of=number))["as_of"]
    assert found == {
        "audit_entry": number,
        "chain_head": str(Seal.objects.get(entry_id=number)),
        "sealed_up_to_entry": number,
    }


@pytest.mark.parametrize("level", [Level.STUDY_DAY, Level.CODED])
def test_the_page_in_words_says_how_to_compare_it(packed, level):
    path = packed(level=level)
    with zipfile.ZipFile(path) as archive:
        words = archive.read("README.txt").decode()
    head = manifest(path)["as_of"]["chain_head"]
    assert "    manage.py verify_trail --package FILE.zip\n" in words
    assert f"    python3 verify_trail.py trail.jsonl --anchor {head}\n" in words


def test_a_trail_that_only_grew_is_intact_up_to_the_head_of_the_package(packed, command, capsys, now):
    path = packed()
    seq = manifest(path)["as_of"]["chain_head"].partition(":")[0]
    Slot.objects.create(number=40)
    sealing.seal(now)
    command("verify_trail", package=[path])
    assert f"Intact; unanchored after seal {seq} of {sealing.head().seq}." in capsys.readouterr().out


def test_the_manifest_alone_is_enough(packed, command, capsys, tmp_path):
    alone = tmp_path / "manifest.json"
    found = manifest(packed())
    alone.write_text(json.dumps(found))
    command("verify_trail", package=[alone])
    seq = found["as_of"]["chain_head"].partition(":")[0]
    assert f"Intact; unanchored after seal {seq} of " in capsys.readouterr().out


@pytest.mark.parametrize("kind", sorted(ONLY_BY_ANCHOR))
def test_a_trail_written_anew_is_told_apart_by_the_package_and_by_nothing_else(packed, command, kind, tmp_path, now):
    path = packed()
    with transaction.atomic():
        tamper(kind, Random(kind))
        head = manifest(path)["as_of"]["chain_head"]
        (tmp_path / "trail.jsonl").write_text("".join(trail_lines(now)))
        assert [checked_alone(tmp_path), checked_alone(tmp_path, "--anchor", head)] == [3, alone_says(kind)]
        with pytest.raises(CommandError, match="an anchor (gives another hash|knows)"):
            command("verify_trail", package=[path])
        transaction.set_rollback(True)
    command("verify_trail", package=[path])


def checked_alone(folder, *words):
    done = subprocess.run([sys.executable, VERIFIER, folder / "trail.jsonl", *words], capture_output=True, timeout=60)
    return done.returncode


def alone_says(kind):
    return 5 if kind in ("empty the trail", "cut off the tail") else 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"as_of": {"audit_entry": 7}}',
        b'{"as_of": {"chain_head": "7:abc"}}',
        b"\xff",
        b"PK\x05\x06",
    ],
)
def test_a_file_that_names_no_head_is_refused_with_a_sentence(trial, command, tmp_path, content):
    path = tmp_path / "other.zip"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="is no package, or one that names no head of the audit trail"):
        command("verify_trail", package=[path])
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        command("verify_trail", package=[tmp_path / "nowhere.zip"])


def test_a_zip_without_a_manifest_is_refused_too(trial, command, tmp_path):
    made = io.BytesIO()
    zipfile.ZipFile(made, "w").close()
    (tmp_path / "empty.zip").write_bytes(made.getvalue())
    with pytest.raises(CommandError, match="is no package"):
        command("verify_trail", package=[tmp_path / "empty.zip"])


if connection.vendor == "postgresql":
    from studytracker.trust.tests.test_sealing import slow_writer  # noqa: F401  (a fixture)

    @pytest.mark.django_db(transaction=True)
    def test_an_open_transaction_leaves_the_head_at_an_earlier_entry_and_the_manifest_says_so(
        packed,
        slow_writer,  # noqa: F811
        monkeypatch,
    ):
        monkeypatch.setattr(sealing, "PATIENCE_SECONDS", 0.1)
        found = manifest(packed())["as_of"]
        assert (found["chain_head"], found["sealed_up_to_entry"]) == (None, None)
        slow_writer.commit()
        found = manifest(packed())["as_of"]
        assert found["sealed_up_to_entry"] == found["audit_entry"]
