from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from studytracker.demo.trial import load
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "Load the synthetic demonstration trial, with dates relative to today. Keeps any data there is."

    @transaction.atomic
    def handle(self, **options):
        if not settings.DEMO:
            raise CommandError("This makes accounts with a known password: set DEMO=1 to say that you want it.")
        with acting("load_demo", source="command", reason="Synthetic data for a demonstration"):
            loaded = load(timezone.now())
        self.stdout.write("Loaded the synthetic trial." if loaded else "There is data already: nothing was changed.")
