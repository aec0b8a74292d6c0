"""The SDTM of a demonstration trial, checked by CDISC CORE and by checks for what CORE does not look at.

    .venv/bin/python scripts/proof_sdtm.py [folder of the validators]

The validators are not part of this project. Without their folder (default ../shared/validators) nothing is checked,
and that is said. Findings that docs/sdtm-findings.txt explains are allowed; any other fails.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))


def main(validators: Path) -> int:
    program = validators / "validate_sdtm"
    if not program.exists():
        print(f"Not checked: there is no {program}. Name the folder of the validators.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "studytracker.settings", "DEMO": "1"}
        os.environ.pop("DATABASE_URL", None)
        prepare()
        return max(check(program, Path(folder, kind), kind) for kind in ("xpt", "json"))


def prepare() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("adopt_protocol", verbosity=0)
    call_command("load_demo", verbosity=0)


def check(program: Path, out: Path, kind: str) -> int:
    from django.utils import timezone

    from studytracker.exports.datasets import all_datasets
    from studytracker.exports.privacy import Level, Pseudonyms
    from studytracker.exports.sdtm import building

    out.mkdir()
    rows = all_datasets()["participants"].rows().select_related("infusion", "site").prefetch_related("consents")
    pseudonyms = Pseudonyms("proof", tuple(row.pk for row in rows))
    sites = {row.site_id for row in rows}
    trial = building.trial_of(rows, level=Level.CODED, pseudonyms=pseudonyms, sites=sites, at=timezone.now())
    written = building.write(out, trial, kind=kind)
    print(f"{kind}: {len(written)} datasets, {sum(rows for _, _, rows, _ in written)} records", flush=True)
    allowed = PROJECT / "docs" / "sdtm-findings.txt"
    return subprocess.run([program, out, out / "define.xml", "--allow", f"@{allowed}", "--details", "2"]).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT.parent / "shared" / "validators"))
