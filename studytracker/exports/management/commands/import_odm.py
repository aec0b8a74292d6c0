"""manage.py import_odm: how a file differs from the record here, or the file put into an empty deployment."""

import hashlib
from itertools import islice
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from studytracker.access.models import User
from studytracker.exports.odm import importing
from studytracker.refusal import Refused
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "Say how an ODM snapshot differs from the record here; nothing is changed. With --load: put it in."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--most", type=int, default=100, help="differences to print; all are counted")
        parser.add_argument("--load", action="store_true", help="into a deployment without a row of the record")
        parser.add_argument("--by", help="with --load: the account that answers for it")

    def handle(self, **options):
        path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            contents = importing.read(path)
            if options["load"]:
                self._load(path, contents, options["by"])
            else:
                self._compare(contents, options["most"])
        except Refused as refused:
            raise CommandError(str(refused)) from refused

    def _load(self, path, contents, by):
        user = User.objects.filter(username=by or "").first()
        if user is None:
            raise CommandError("Name the account that answers for it: --by USERNAME.")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with acting(user, source="command", reason=f"Loaded from an ODM snapshot with SHA-256 {digest}"):
            rows = importing.load(contents)
        self.stdout.write(f"{rows} rows of {len(contents.subjects)} participants were put in.")

    def _compare(self, contents, most):
        differences = importing.compared(contents)
        for difference in islice(differences, most):
            self.stdout.write(str(difference))
        further = sum(1 for _ in differences)
        if further:
            self.stdout.write(f"and {further} more")
        self.stdout.write(f"The file holds {contents.count} rows of {len(contents.subjects)} participants.")
        self.stdout.write("Nothing was changed.")
