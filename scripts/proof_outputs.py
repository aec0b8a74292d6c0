"""Every number of every safety table against pandas over the stored rows of random trials, at full size.

    .venv/bin/python scripts/proof_outputs.py [trials]

The trials, the second count and the negative control are those of the suite
(adverse_events/tests/test_outputs_counts.py), which runs a few. Stops with exit code 1 at the first disagreement.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    trials = (sys.argv[1:] or ["200"])[0]
    print(f"{trials} random trials, seeds 0 to {int(trials) - 1}, on SQLite")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    tests = "adverse_events/tests/test_outputs_counts.py"
    return subprocess.run([*command, tests], cwd=ROOT, env={**os.environ, "OUTPUT_TRIALS": trials}).returncode


if __name__ == "__main__":
    sys.exit(main())
