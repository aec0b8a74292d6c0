"""Stopping rules against a brute-force oracle, and random histories replayed day by day, at full size.

    .venv/bin/python scripts/proof_stopping.py [examples] [histories]

The oracle and the streams are those of the suite (adverse_events/tests/test_stopping.py and test_stopping_streams.py),
which runs a few of each. Stops with exit code 1 at the first disagreement.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ("adverse_events/tests/test_stopping.py::test_rules_equal_the_brute_force_oracle",)
STREAMS = ("adverse_events/tests/test_stopping_streams.py",)


def main() -> int:
    examples, streams = (sys.argv[1:] + ["5000", "200"][len(sys.argv) - 1 :])[:2]
    size = {"ORACLE_EXAMPLES": examples, "STREAMS": streams}
    print(f"{examples} examples against the oracle, {streams} histories replayed, on SQLite")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-show-statistics"]
    return subprocess.run([*command, *TESTS, *STREAMS], cwd=ROOT, env={**os.environ, **size}).returncode


if __name__ == "__main__":
    sys.exit(main())
