"""manage.py export: a package from the command line, or the exports that wait."""

from decimal import Decimal
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from studytracker.access.grants import Permission
from studytracker.access.models import User
from studytracker.exports import jobs
from studytracker.exports.datasets import all_datasets
from studytracker.exports.formats import WRITERS
from studytracker.exports.models import ExportJob
from studytracker.exports.privacy import Level
from studytracker.exports.registry.tables import ASSESSMENTS
from studytracker.refusal import Refused
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "Export a package as somebody who may, or, with --waiting, do the exports that were asked for on the page."

    def add_arguments(self, parser):
        parser.add_argument("--waiting", action="store_true", help="work on what waits; needs no Celery and Redis")
        parser.add_argument("--by", help="the account the export is made for; its rights decide what may leave")
        parser.add_argument("--dataset", action="append", choices=list(all_datasets()), help="default: all")
        parser.add_argument("--site", action="append", help="default: every site where the account may export")
        parser.add_argument("--format", choices=list(WRITERS), default="csv")
        parser.add_argument("--privacy", choices=Level.values, default=Level.STUDY_DAY)
        parser.add_argument("--purpose", default="")
        parser.add_argument("--reason", default="", help="needed for --privacy identified")
        parser.add_argument("--as-of", type=int, help="an entry of the audit trail; default: the record as it is")
        parser.add_argument("--threshold", type=Decimal, help="for --format registry: percent, default 0")
        parser.add_argument("--assessment-type", choices=ASSESSMENTS, help="for --format registry")
        parser.add_argument("--time-frame", help="for --format registry")
        parser.add_argument("--output", type=Path, help="copy the package to this file")

    def handle(self, **options):
        if options["waiting"]:
            with acting("exports", source="command"):
                self.stdout.write(f"{jobs.work(timezone.now)} export(s) made.")
            return
        job = self._made(options)
        self.stdout.write(f"{job}: {jobs.path_of(job)}\nSHA-256 {job.sha256}")
        if options["output"]:
            options["output"].write_bytes(jobs.path_of(job).read_bytes())

    def _made(self, options) -> ExportJob:
        user = User.objects.filter(username=options["by"] or "").first()
        if user is None:
            raise CommandError("Name the account the export is made for: --by USERNAME.")
        if not options["purpose"].strip():
            raise CommandError("Say what the export is for: --purpose TEXT.")
        with acting(user, source="command"):
            try:
                job = jobs.request_export(
                    datasets=options["dataset"] or list(all_datasets()),
                    sites=options["site"] or sorted(user.sites_where(Permission.EXPORT)),
                    format=options["format"],
                    level=options["privacy"],
                    purpose=options["purpose"],
                    reason=options["reason"],
                    as_of=options["as_of"],
                    options={name: options[name] for name in ("threshold", "assessment_type", "time_frame")},
                    by=user,
                    at=timezone.now(),
                )
            except Refused as refused:
                raise CommandError(str(refused)) from refused
            done = jobs.run(job.pk, timezone.now)
        if done is None:
            job.refresh_from_db()
            raise CommandError(job.error or f"{job} was not made.")
        return done
