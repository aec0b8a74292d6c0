"""Every page in Chromium: axe finds nothing, light and dark, and nothing is wider than a small telephone.

    .venv/bin/python scripts/proof_accessibility.py

The suite looks at the main pages; this at every address of the application, as the investigator of a site.
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
        command = [sys.executable, "-m", "pytest", "-q", "studytracker/tests/test_browser_accessibility.py"]
        return subprocess.run(command, cwd=ROOT, env=told).returncode


if __name__ == "__main__":
    sys.exit(main())
