import shutil
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from studytracker.trust.exported import VERIFIER, trail_lines


class Command(BaseCommand):
    help = "Write the whole audit trail with its seals into FILE, and the program that checks it beside it."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)

    def handle(self, file, **options):
        try:
            with file.open("x", encoding="utf-8", errors="surrogatepass") as lines:
                lines.writelines(trail_lines(timezone.now()))
            beside = file.with_name("verify_trail.py")
            shutil.copyfile(VERIFIER, beside)
        except FileExistsError:
            raise CommandError(f"{file} is there already. Give another name; nothing is overwritten.") from None
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"Written. Check it anywhere with: python3 {beside} {file} --anchor NUMBER:HASH")
