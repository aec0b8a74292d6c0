"""Every page in Chromium: axe finds nothing, light and dark, and nothing is wider than a small telephone.

    .venv/bin/python scripts/proof_accessibility.py

The suite looks at the main pages; this at every address of the application, with one server and one browser, each role
signed in once. Tells each page as it goes, and the negative control at the end.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        told = {**os.environ, "EVERY_PAGE": "1", "VAR_DIR": folder}
        tests = "studytracker/tests/test_browser_accessibility.py"
        command = [sys.executable, "-m", "pytest", "-q", "-s", tests, "-k", "breaks_a_rule"]
        return subprocess.run(command, cwd=ROOT, env=told).returncode


if __name__ == "__main__":
    sys.exit(main())
