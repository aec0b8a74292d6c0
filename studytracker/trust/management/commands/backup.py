from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from studytracker.refusal import Refused
from studytracker.trust import backup
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = (
        "Write a backup while people work, restore it into a scratch place and verify it there. "
        "Ends with status 1, and records nothing, if it does not come back as it was."
    )

    def add_arguments(self, parser):
        place = Path(settings.VAR_DIR) / backup.FOLDER
        parser.add_argument("--to", type=Path, default=place, metavar="FOLDER", help=f"default: {place}")

    def handle(self, to, **options):
        try:
            with acting("backup", source="command", reason="Backup, restored and verified"):
                made = backup.take(to, timezone.now())
        except Refused as refusal:
            raise CommandError("\n".join(refusal.sentences)) from None
        except OSError as error:
            raise CommandError(f"The backup cannot be written to {to}: {error}") from None
        self.stdout.write(
            f"{made.file}\n{made.bytes} bytes, SHA-256 {made.sha256}\n"
            f"Restored and verified: {made.entries} entries, head {made.seals}:{made.head or 'none yet'}"
        )
