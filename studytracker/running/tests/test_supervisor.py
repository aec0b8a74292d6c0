import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from studytracker.running.supervisor import ChildFailed, Supervisor, describe_exit

LINUX = sys.platform == "linux"
SLEEP = ["sleep", "60"]


def python(*lines):
    return [sys.executable, "-c", "\n".join(lines)]


def is_running(pid):
    """On Linux a zombie whom nobody has buried yet is gone too: some containers have nobody who does."""
    try:
        os.kill(pid, 0)
        return not LINUX or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def gone_within(seconds, pids):
    deadline = time.monotonic() + seconds
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def pids_in(path, count, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = path.read_text().split() if path.exists() else []
        if len(found) == count:
            return [int(pid) for pid in found]
        time.sleep(0.05)
    raise AssertionError(f"{path} never held {count} process numbers")


def supervisor_program(tmp_path, body, **options):
    """A supervisor in a process of its own, as in real life: it is the one that gets the signals."""
    program = tmp_path / "program.py"
    heading = (
        "import sys",
        "from pathlib import Path",
        "from studytracker.running.supervisor import StopRequested, Supervisor",
        f"tmp = Path({str(tmp_path)!r})",
    )
    program.write_text("\n".join([*heading, textwrap.dedent(body)]))
    return subprocess.Popen(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def test_when_one_child_dies_all_stop_and_it_says_which_and_its_last_words(tmp_path):
    with pytest.raises(ChildFailed) as failure, Supervisor(tmp_path, say=lambda _: None) as supervisor:
        survivor = supervisor.start("web", SLEEP)
        supervisor.start("worker", python("print('no broker', flush=True)", "raise SystemExit(3)"))
        supervisor.wait()
    log = tmp_path / "worker.log"
    assert str(failure.value) == f"worker stopped (exit code 3).\n  The end of {log}:\n    no broker"
    assert survivor.process.returncode == -signal.SIGTERM
    assert supervisor.children == []


def test_a_child_that_stops_by_itself_with_exit_code_0_is_missed_too(tmp_path):
    missed = pytest.raises(ChildFailed, match=r"beat stopped \(exit code 0\)")
    with missed, Supervisor(tmp_path) as supervisor:
        supervisor.start("beat", ["true"])
        supervisor.wait(seconds=10)


def test_a_signal_is_called_by_its_name():
    assert describe_exit(-9) == "ended by signal 9, SIGKILL"
    assert describe_exit(2) == "exit code 2"


def test_a_step_that_fails_stops_everything_with_its_words(tmp_path):
    failed = pytest.raises(ChildFailed, match=r"prepare stopped \(exit code 1\)[^$]*no such table")
    with failed, Supervisor(tmp_path) as supervisor:
        supervisor.finish("prepare", python("raise SystemExit('no such table')"))


def test_a_step_that_succeeds_is_not_missed_afterwards(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.finish("prepare", python("print('done')"))
        supervisor.wait(until=lambda: True)
    assert (tmp_path / "prepare.log").read_text() == "done\n"


def test_the_log_of_the_start_before_is_kept(tmp_path):
    for words in ("first", "second"):
        with Supervisor(tmp_path) as supervisor:
            supervisor.finish("web", python(f"print({words!r})"))
    assert (tmp_path / "web.log").read_text() == "second\n"
    assert (tmp_path / "web.previous.log").read_text() == "first\n"


def test_waiting_for_what_does_not_happen_ends(tmp_path):
    with pytest.raises(TimeoutError), Supervisor(tmp_path) as supervisor:
        supervisor.wait(seconds=0.2)


def test_a_child_deaf_to_sigterm_is_killed_with_its_whole_group(tmp_path):
    deaf = python(
        "import signal, subprocess, time",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "grandchild = subprocess.Popen(['sleep', '60'])",
        f"open({str(tmp_path / 'pids')!r}, 'w').write(str(grandchild.pid))",
        "time.sleep(60)",
    )
    with Supervisor(tmp_path, say=lambda _: None, patience=0.3) as supervisor:
        child = supervisor.start("worker", deaf)
        [grandchild] = pids_in(tmp_path / "pids", 1)
    assert child.process.returncode == -signal.SIGKILL
    assert gone_within(5, [grandchild])


def test_stopping_goes_on_when_the_terminal_is_gone(tmp_path):
    def say_into_nothing(words):
        raise BrokenPipeError

    with Supervisor(tmp_path, say=say_into_nothing) as supervisor:
        child = supervisor.start("web", SLEEP)
    assert child.process.returncode == -signal.SIGTERM


FOUR_CHILDREN = """
    with Supervisor(tmp / "logs", patience=10) as supervisor:
        for name in ("broker", "worker", "web", "beat"):
            supervisor.start(name, [
                sys.executable, "-c",
                "import signal, sys, time\\n"
                f"def stop(*_): open({str(tmp / 'order')!r}, 'a').write('{name} '); sys.exit()\\n"
                "signal.signal(signal.SIGTERM, stop)\\n"
                "print('ready', flush=True)\\n"
                "time.sleep(60)",
            ])
        logs = [child.log for child in supervisor.children]
        try:
            supervisor.wait(until=lambda: all("ready" in log.read_text() for log in logs), seconds=30)
            print(*(child.process.pid for child in supervisor.children), flush=True)
            supervisor.wait()
        except StopRequested:
            pass
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_beat_web_worker_and_broker_in_this_order_with_exit_code_0(tmp_path, number):
    supervisor = supervisor_program(tmp_path, FOUR_CHILDREN)
    pids = [int(pid) for pid in supervisor.stdout.readline().split()]
    supervisor.send_signal(number)
    said, _ = supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert (tmp_path / "order").read_text() == "beat web worker broker "
    assert said.splitlines() == [
        "Stopping beat ...",
        "Stopping web ...",
        "Stopping worker ...",
        "Stopping broker ...",
        "stopped",
    ]
    assert gone_within(0, pids)


def test_ctrl_c_reaches_the_supervisor_alone(tmp_path):
    """A terminal sends SIGINT to the whole foreground group; the children are not in it."""
    supervisor = supervisor_program(tmp_path, FOUR_CHILDREN, start_new_session=True)
    supervisor.stdout.readline()
    os.killpg(supervisor.pid, signal.SIGINT)
    supervisor.communicate(timeout=20)
    assert supervisor.returncode == 0
    assert (tmp_path / "order").read_text() == "beat web worker broker "


@pytest.mark.skipif(not LINUX, reason="only Linux ends children with a killed parent")
def test_kill_9_of_the_supervisor_leaves_no_child(tmp_path):
    supervisor = supervisor_program(tmp_path, FOUR_CHILDREN)
    pids = [int(pid) for pid in supervisor.stdout.readline().split()]
    assert len(pids) == 4
    supervisor.kill()
    supervisor.communicate(timeout=10)
    assert gone_within(5, pids)
