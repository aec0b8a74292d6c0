"""The SDTM of a demonstration trial, as it is and with what it has none of, checked by CDISC CORE and by checks for
what CORE does not look at.

    .venv/bin/python scripts/proof_sdtm.py [folder of the validators]

The validators are not part of this project. Without their folder (default ../shared/validators) nothing is checked,
and that is said. Findings that docs/sdtm-findings.txt explains are allowed; any other fails.
"""

import os
import subprocess
import sys
import tempfile
from datetime import timedelta
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
        results = [check(program, Path(folder, kind), kind) for kind in ("xpt", "json")]
        print("With records of every kind:", flush=True)
        add_every_kind()
        results += [check(program, Path(folder, f"{kind}-all"), kind) for kind in ("xpt", "json")]
        return max(results)


def prepare() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("adopt_protocol", verbosity=0)
    call_command("load_demo", verbosity=0)


def add_every_kind() -> None:
    """What the demonstration has none of: a comment, coded events, a partial date, an unscheduled visit, a death..."""
    from django.utils import timezone

    from adverse_events.models import AdverseEvent
    from adverse_events.reporting import report
    from participants.histories import record_history
    from participants.models import Interruption, Participant
    from participants.screening import withdraw
    from studytracker.access.models import User
    from studytracker.dates import PartialDate
    from studytracker.trust.acting import acting
    from visits.unplanned import log

    at, by = timezone.now(), User.objects.get(username="crc.musc")
    with acting(by, source="command", reason="A record of every kind"):
        open_ones = Participant.objects.for_listing().exclude(infusion=None).filter(withdrawn_on=None)
        one, other = open_ones.order_by("-infusion__infused_on")[:2]
        day = {"by": by, "at": at}
        rash, infarction = (one.infused_on + timedelta(days=1)), at.astimezone(other.site.zone).date()
        mild = {"grade": 1, "causality": "unlikely", "outcome": "recovered", "is_ongoing": False}
        report(
            participant=one,
            term="Rash \N{GREATER-THAN OR EQUAL TO} 3 cm",
            note="Seen on both forearms. " * 20,
            started=PartialDate.of(rash),
            ended=PartialDate.of(rash),
            **mild,
            **day,
        )
        record_history(
            participant=one,
            term="Hypertension",
            category="other",
            started=PartialDate(2010, 5),
            is_ongoing=True,
            **day,
        )
        facts = {"visit_type": "clinic", "note": "Pain", "procedures": {}, "late_entry_reason": ""}
        log(participant=one, kind="UNS", attended_on=at.astimezone(one.site.zone).date(), **facts, **day)
        began = one.infused.started_at + timedelta(minutes=5)
        Interruption.objects.create(
            infusion=one.infused,
            participant=one,
            began_at=began,
            resumed_at=began + timedelta(minutes=5),
            reason="Line blocked",
            recorded_at=at,
            recorded_by=by,
        )
        fatal = {"is_fatal": True, "grade": 5, "outcome": "fatal", "causality": "unrelated", "is_ongoing": False}
        died = {"started": PartialDate.of(infarction), "ended": PartialDate.of(infarction)}
        report(participant=other, term="Myocardial infarction", **died, **fatal, **day)
        withdraw(participant=other, withdrawn_on=infarction, reason="death", note="", **day)
        AdverseEvent.objects.update(body_system="Nervous system disorders")


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
