"""Whatever the owner of the database does before the last anchor shows, and nothing shows of an honest trail."""

import subprocess
import sys
from random import Random

import pytest
from django.core.management.base import CommandError
from django.db import transaction

from conftest import NOW, staged
from studytracker.protocol.models import Slot
from studytracker.trust import sealing, verifier
from studytracker.trust.exported import VERIFIER, trail_lines
from studytracker.trust.models import Entry

from .tampering import KINDS, ONLY_BY_ANCHOR, found, tamper


@staged
def sealed(trial):
    for number in range(40, 50):
        Slot.objects.create(number=number)
    Slot.objects.filter(number__gte=45).delete()
    sealing.seal(NOW)
    return sealing.head()[:2]


@pytest.mark.parametrize("kind", KINDS)
def test_each_tampering_before_the_anchor_is_found(sealed, kind):
    assert found([sealed], NOW) == []
    for seed in range(4):
        with transaction.atomic():
            tamper(kind, Random(f"{kind} {seed}"))
            assert found([sealed], NOW), seed
            transaction.set_rollback(True)
    assert found([sealed], NOW) == []


@pytest.mark.parametrize("kind", sorted(ONLY_BY_ANCHOR - {"empty the trail", "cut off the tail"}))
def test_without_the_anchor_a_chain_written_anew_looks_whole(sealed, kind):
    """Negative control, and the limit that the documentation states."""
    with transaction.atomic():
        tamper(kind, Random(kind))
        assert verifier.read(trail_lines(NOW)).report().findings == []
        assert verifier.read(trail_lines(NOW)).report([sealed]).findings != []
        transaction.set_rollback(True)


@pytest.fixture
def checked_alone(tmp_path):
    """checked_alone(lines, anchor) is the one file as somebody runs it who has nothing else of ours."""
    program = tmp_path / "alone" / "verify_trail.py"
    program.parent.mkdir()
    program.write_text(VERIFIER.read_text())

    def run(lines, *anchors):
        file = tmp_path / "trail.jsonl"
        file.write_text("".join(lines))
        words = [word for anchor in anchors for word in ("--anchor", anchor)]
        # -I and -S: neither our folder nor any installed package can be imported.
        done = subprocess.run([sys.executable, "-I", "-S", program, file, *words], capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).splitlines()[0]

    return run


def test_the_verifier_alone_tells_five_cases_apart(sealed, checked_alone):
    lines, anchor, count = list(trail_lines(NOW)), sealing.head().text, sealed[0]
    assert checked_alone(lines, anchor) == (0, f"Intact and anchored up to seal {count}.")
    assert checked_alone(lines) == (3, f"Intact; unanchored after seal 0 of {count}.")
    edited = [line.replace('"username":"tests"', '"username":"nobody"', 1) for line in lines]
    assert checked_alone(edited, anchor) == (
        4,
        f"Broken at seal 1: entry {Entry.objects.last().id} or the seal is not as it was when sealed.",
    )
    assert checked_alone(lines, f"{count + 7}:{'0' * 64}") == (
        5,
        f"Truncated: an anchor knows {count + 7} seals, found {count}.",
    )
    assert checked_alone(["not a trail\n"]) == (
        2,
        "Not readable: Line 1 is not a line of an exported audit trail.",
    )


def test_a_line_changed_lost_or_doubled_on_the_way_is_named(sealed, checked_alone):
    lines = list(trail_lines(NOW))
    entry = next(number for number, line in enumerate(lines) if '"username":"tests"' in line)
    changed = lines[entry].replace('"username":"tests"', '"username":"nobody"')
    without = lines[:entry] + lines[entry + 1 :]
    count = Entry.objects.count()
    assert checked_alone([*lines[:entry], changed, *lines[entry + 1 :]])[0] == 4
    assert checked_alone(without) == (4, f"Broken: the file was written with {count} entries, found {count - 1}.")
    assert checked_alone([*lines, lines[entry]])[1].endswith("is there twice.")
    assert checked_alone(lines[:-1])[0] == checked_alone(lines[:-2] + lines[-1:])[0] == 4


def test_entries_after_the_last_seal_are_counted_and_blame_nobody(sealed, checked_alone):
    Slot.objects.create(number=60)
    assert checked_alone(trail_lines(NOW), sealing.head().text)[0] == 0
    assert verifier.read(trail_lines(NOW)).report([sealed]).unsealed == 1


def test_what_came_after_the_anchor_rests_on_the_file_alone(sealed):
    Slot.objects.create(number=60)
    sealing.seal(NOW)
    report = verifier.read(trail_lines(NOW)).report([sealed])
    assert (report.verdict, report.words) == (3, f"Intact; unanchored after seal {sealed[0]} of {sealed[0] + 1}.")


def test_verify_trail_follows_the_chain_and_takes_anchors(sealed, command, capsys):
    command("verify_trail", anchor=[sealing.head().text])
    assert f"Intact and anchored up to seal {sealed[0]}." in capsys.readouterr().out
    with pytest.raises(CommandError, match="written anew, for an anchor gives another hash"):
        command("verify_trail", anchor=[f"{sealed[0]}:{'0' * 64}"])
    with pytest.raises(CommandError, match="is no anchor"):
        command("verify_trail", anchor=["12"])


def test_export_trail_writes_the_trail_and_the_program_beside_it(sealed, command, capsys, tmp_path):
    file = tmp_path / "trail.jsonl"
    command("export_trail", str(file))
    assert file.read_text().count("\n") == 1 + Entry.objects.count() + sealed[0]
    done = subprocess.run(
        [sys.executable, "-I", "-S", tmp_path / "verify_trail.py", file, "--anchor", sealing.head().text],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with pytest.raises(CommandError, match="is there already"):
        command("export_trail", str(file))
    with pytest.raises(CommandError, match="cannot be written"):
        command("export_trail", str(tmp_path / "no" / "folder"))
