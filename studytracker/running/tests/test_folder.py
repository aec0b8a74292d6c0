import os
import subprocess
import sys

import pytest

from studytracker.running import folder


def hold_elsewhere(directory):
    """Another process holds the folder until its input ends."""
    program = (
        "import sys; from pathlib import Path; from studytracker.running.folder import demo_lock\n"
        f"with demo_lock(Path({str(directory)!r})): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_demo_in_the_same_folder_is_refused_with_the_way_out(tmp_path):
    holder = hold_elsewhere(tmp_path)
    try:
        with pytest.raises(folder.FolderRefused) as refusal, folder.demo_lock(tmp_path):
            pass
    finally:
        holder.communicate(timeout=10)
    assert str(refusal.value) == (
        f"A demo is already running in {tmp_path} (process {holder.pid}). Stop it with Ctrl-C in its window, "
        "or start a second one in another folder: VAR_DIR=/some/other/folder make demo"
    )


def test_the_folder_is_free_again_when_the_demo_is_gone(tmp_path):
    holder = hold_elsewhere(tmp_path)
    holder.kill()
    holder.communicate(timeout=10)
    with folder.demo_lock(tmp_path):
        assert (tmp_path / folder.LOCK).read_text() == f"process {os.getpid()}"


def test_a_child_that_outlives_a_killed_demo_keeps_the_folder_until_it_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "SETTLING_SECONDS", 0.2)
    program = (
        "import os, subprocess; from pathlib import Path; from studytracker.running.folder import demo_lock\n"
        f"with demo_lock(Path({str(tmp_path)!r})) as held:\n"
        "    child = subprocess.Popen(['sleep', '60'], pass_fds=[held.fileno()], stdout=subprocess.DEVNULL)\n"
        "    print(child.pid, flush=True)\n"
        "    os._exit(9)"
    )
    child = int(subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True).stdout)
    try:
        with pytest.raises(folder.FolderRefused), folder.demo_lock(tmp_path):
            pass
    finally:
        os.kill(child, 9)
    monkeypatch.undo()
    with folder.demo_lock(tmp_path) as held:
        assert not held.closed


def test_a_reset_removes_what_the_demo_made_and_nothing_else(tmp_path):
    for name in (
        "studytracker.sqlite3",
        "studytracker.sqlite3-wal",
        "beat.db",
        "demo-password",
        "secret-key",
    ):
        (tmp_path / name).write_text("x")
    for name in ("mail", "logs", "redis/valkey-9.1.2", "papers"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("x")
    removed = folder.remove_demo_files(tmp_path)
    assert removed == [
        *("beat.db", "demo-password", "logs", "mail", "redis"),
        *("studytracker.sqlite3", "studytracker.sqlite3-wal"),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["papers", "secret-key"]


def test_a_reset_never_follows_a_link_out_of_the_folder(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "var"
    outside.mkdir()
    inside.mkdir()
    (outside / "letter").write_text("keep me")
    (inside / "mail").symlink_to(outside)
    assert folder.remove_demo_files(inside) == ["mail"]
    assert (outside / "letter").read_text() == "keep me"
