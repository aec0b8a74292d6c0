from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from studytracker.refusal import Refused
from studytracker.trust import backup, bundle, sealing, watch
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "Restore a backup into the empty database of the settings, verify it, and say where its trail ends."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--into",
            type=Path,
            default=Path(settings.VAR_DIR) / "restored",
            metavar="FOLDER",
            help="a new folder for the secret key and the protocol file",
        )

    def handle(self, file, into, **options):
        try:
            into.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise CommandError(f"{into} cannot be made: {error.strerror}. Name a new folder with --into.") from None
        try:
            manifest = backup.restore(file, into)
        except Refused as refusal:
            raise CommandError("\n".join(refusal.sentences)) from None
        with acting("restore", source="command", reason=f"Restored from {file.name}, SHA-256 {bundle.sha256(file)}"):
            watch.compare(timezone.now())
        (into / "database.sqlite3").unlink(missing_ok=True)
        (into / "database.pgdump").unlink(missing_ok=True)
        self._report(manifest, into)

    def _report(self, manifest, into):
        head = sealing.head()
        end = head.text if head else "none"
        self.stdout.write(
            f"Restored as of {manifest['taken_at']} and verified: {manifest['entries']} entries, head {end}.\n"
            "What was written later is not in it: compare this head with the last one that was mailed or printed.\n"
            f"The secret key and the protocol file are in {into}; where they differ from those in use, put them in "
            "place before the servers start."
        )
