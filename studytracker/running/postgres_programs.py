"""Where PostgreSQL's own programs are: initdb and postgres for a throw-away server, pg_dump and pg_restore."""

import glob
import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_VERSION = 15
PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


def find_programs(asked="postgres", wanted="initdb", oldest=OLDEST_VERSION) -> Path | None:
    """The folder with `wanted` whose `asked` is of version `oldest` or newer: PATH first, then the newest."""
    found = shutil.which(wanted)
    # Debian's pg_wrapper asks its own configuration which server is meant, not us.
    on_path = [os.path.dirname(found)] if found and "pg_wrapper" not in os.path.realpath(found) else []
    elsewhere = [folder for place in PLACES for folder in glob.glob(place)]
    for folder in (*on_path, *sorted(elsewhere, key=lambda folder: major_version(folder, asked), reverse=True)):
        if major_version(folder, asked) >= oldest and Path(folder, wanted).exists():
            return Path(folder)
    return None


def major_version(folder, asked="postgres") -> int:
    try:
        answer = subprocess.check_output([Path(folder, asked), "--version"], text=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"PostgreSQL\) (\d+)", answer)
    return int(found[1]) if found else 0
