from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from adverse_events import dictionary, workbook
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "Load the terms of NCI's public CTCAE workbook (v5.0 or v6.0). Loading the same file again changes nothing."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="the .xlsx workbook, as NCI publishes it")
        parser.add_argument(
            "--with-meddra-codes",
            action="store_true",
            help="also store the MedDRA codes in it. They are licensed by ICH: only for a site that holds a licence",
        )

    def handle(self, *, file, with_meddra_codes, **options):
        if not file.is_file():
            raise CommandError(f"There is no file {file}.")
        try:
            version, rows = workbook.read(file)
        except workbook.WorkbookRefused as refused:
            raise CommandError(str(refused)) from None
        with acting("load_ctcae", source="command", reason=f"CTCAE {version} from {file.name}"):
            done = dictionary.load(version, rows, at=timezone.now(), with_codes=with_meddra_codes)
        self.stdout.write(
            f"CTCAE {done.version}: {done.new} new, {done.changed} changed, {done.withdrawn} withdrawn, "
            f"{done.unchanged} unchanged, {done.codes} codes."
        )
