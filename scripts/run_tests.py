"""Run the suite on SQLite and, where there is one, on a throw-away PostgreSQL beside it; say what was left out.

    scripts/run_tests.py [--all] [--sqlite] [arguments for pytest]

--sqlite leaves PostgreSQL out, for a quick look.
--all, or NOTHING_LEFT_OUT=1 in the environment, makes anything left out a failure.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import tally
import throwaway_postgres

SCRIPTS = Path(__file__).resolve().parent
# What a person set for an installation must not decide what the tests see.
NOT_INHERITED = (
    *("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SITE_URL", "FROM_EMAIL", "PROTOCOL_FILE", "SWEEP_MINUTES"),
    *("DEBUG", "DEMO", "DEMO_PASSWORD", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"),
    *("HTTPS", "BEHIND_PROXY", "VAR_DIR", "DJANGO_SETTINGS_MODULE"),
    *("PGSSLMODE", "PGSERVICE", "PGOPTIONS", "PGPASSWORD", "PGCLIENTENCODING"),
)
HOW_TO_GET = {"chromium": "Debian: apt-get install chromium; it must be found as `chromium` on PATH"}
NOTHING_COLLECTED = 5  # pytest's exit code
ORDER = ("passed", "failed", "errors")


@dataclass
class Run:
    """What one database's run came to."""

    name: str
    exit_code: int = 0
    counts: Counter = field(default_factory=Counter)
    left_out: Counter = field(default_factory=Counter)
    not_again: int = 0  # ask for no database, so one run is enough

    def __str__(self):
        words = [f"{self.counts[what]} {what}" for what in ORDER if self.counts[what] or what == "passed"]
        code = f"  (pytest's exit code: {self.exit_code})" if self.exit_code else ""
        once = f"; {self.not_again} ask for no database and ran above" if self.not_again else ""
        return f"{self.name + ':':<15} {', '.join(words)}, {self.left_out.total()} left out{once}{code}"


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments, for_pytest = read_arguments()
    programs = None if arguments.sqlite else throwaway_postgres.find_programs()
    with contextlib.ExitStack() as stack:
        suites = [stack.enter_context(suite("SQLite", for_pytest))]
        if programs:
            suites.append(stack.enter_context(suite_on_postgres(programs, for_pytest)))
        runs = [outcome() for outcome in suites]
    missing = Counter()
    if not programs:
        reason = "not wanted (--sqlite)" if arguments.sqlite else throwaway_postgres.HOW_TO_GET
        missing[f"on PostgreSQL: {reason}"] = runs[0].counts.total()
    left_out = sum((run.left_out for run in runs), missing)
    print(summary(runs, left_out))
    return verdict(runs, left_out, arguments.all)


def read_arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False, description=__doc__.splitlines()[0])
    wanted = os.environ.get("NOTHING_LEFT_OUT", "") not in ("", "0")
    parser.add_argument("--all", action="store_true", default=wanted, help="anything left out is a failure")
    parser.add_argument("--sqlite", action="store_true", help="leave PostgreSQL out")
    return parser.parse_known_args()


@contextlib.contextmanager
def suite_on_postgres(programs: Path, for_pytest):
    """Beside the other run, on the second core. What it prints is shown when the other has ended."""
    name = f"PostgreSQL {throwaway_postgres.major_version(programs)}"
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(throwaway_postgres.running(programs))
        except throwaway_postgres.PostgresFailed as problem:
            words = str(problem)
            yield lambda: failed_to_start(name, words)
            return
        printed = stack.enter_context(tempfile.TemporaryFile())
        second = {"DATABASE_URL": url, tally.SECOND_VARIABLE: "1"}
        yield stack.enter_context(suite(name, for_pytest, printed, **second))


def failed_to_start(name: str, words: str) -> Run:
    print(f"\n{words}", flush=True)
    return Run(name, exit_code=1, counts=Counter(errors=1))


@contextlib.contextmanager
def suite(name: str, for_pytest, printed=None, **variables):
    """Start one pytest process with a folder of its own, so that a running demo and its data stay untouched.

    Yields a function that waits for its end and returns the Run. `printed` is a file that takes what it prints.
    """
    with tempfile.TemporaryDirectory(prefix="studytracker-") as directory:
        result = Path(directory, "tally.json")
        env = environment(directory, result, variables)
        command = [sys.executable, "-m", "pytest", "-p", "tally", *for_pytest]
        if not printed:
            say_which(name)
        process = subprocess.Popen(command, env=env, stdout=printed, stderr=subprocess.STDOUT if printed else None)

        def outcome() -> Run:
            run = Run(name, exit_code=process.wait())
            if printed:
                show(name, printed)
            if result.exists():
                found = json.loads(result.read_text())
                run.counts, run.left_out = Counter(found["counts"]), Counter(found["left_out"])
                run.not_again = found["not_again"]
                if run.exit_code == NOTHING_COLLECTED and run.not_again:
                    run.exit_code = 0
            return run

        try:
            yield outcome
        except BaseException as ending:
            stop(process, told=isinstance(ending, KeyboardInterrupt))
            raise


def say_which(name: str) -> None:
    print(f"\n=== The tests on {name} ===", flush=True)


def show(name: str, printed) -> None:
    say_which(name)
    printed.seek(0)
    sys.stdout.buffer.write(printed.read())
    sys.stdout.flush()


def environment(directory, result: Path, variables) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    env["VAR_DIR"] = directory
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(SCRIPTS), env.get("PYTHONPATH"))))
    env[tally.FILE_VARIABLE] = str(result)
    return env | variables


def stop(process: subprocess.Popen, *, told: bool) -> None:
    """Whatever ends this script lets pytest tidy up first: Ctrl-C reaches it by itself, SIGTERM does not."""
    if not told:
        process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(20)
    process.kill()
    process.wait()


def summary(runs, left_out: Counter) -> str:
    lines = ["", "=== Summary ===", *(str(run) for run in runs), f"Left out: {left_out.total()}"]
    for reason, count in left_out.most_common():
        hints = [how for word, how in HOW_TO_GET.items() if word in reason.lower() and how not in reason]
        lines.append(f"  {count} x {reason}{''.join(f' ({how})' for how in hints)}")
    return "\n".join(lines)


def verdict(runs, left_out: Counter, all_wanted: bool) -> int:
    failed = [run.name for run in runs if run.exit_code or run.counts["failed"] or run.counts["errors"]]
    if failed:
        print(f"FAILED on {' and '.join(failed)}.")
        return 1
    if all_wanted and left_out.total():
        print("FAILED: nothing may be left out here (--all or NOTHING_LEFT_OUT), and something was.")
        return 1
    print("Passed.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
