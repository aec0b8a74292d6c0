from django.core.management.base import BaseCommand
from django.utils import timezone

from studytracker.outbox.delivery import drain
from studytracker.outbox.sweeping import sweep
from studytracker.trust.acting import acting
from studytracker.trust.upkeep import keep


class Command(BaseCommand):
    help = "Find what is due and send the reminders now, without Celery and Redis. Safe to run from cron."

    def handle(self, **options):
        with acting("sweep", source="command"):
            mails = sweep(timezone.now())
            sent = drain(timezone.now)
            keep(timezone.now())
        self.stdout.write(f"{len(mails)} mail(s) ready, {sent} sent.")
