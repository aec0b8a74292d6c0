from django.core.management.base import BaseCommand
from django.utils import timezone

from studytracker.trust import sealing
from studytracker.trust.acting import acting
from studytracker.trust.upkeep import keep


class Command(BaseCommand):
    help = "Seal the audit trail now, without Celery and Redis. Safe to run from cron and beside other sealers."

    def handle(self, **options):
        with acting("seal", source="command"):
            count = keep(timezone.now())
        head = sealing.head()
        self.stdout.write(f"{count} sealed, {sealing.unsealed()} wait. Head: {head.text if head else 'none yet'}")
