from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from studytracker import protocol
from studytracker.protocol.adopting import AdoptionRefused, adopt
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "Take the protocol file into use: its sites and enrollment slots become rows. Safe to run again."

    def handle(self, *args, **options):
        try:
            with acting("adopt_protocol", source="command"):
                adopted = adopt(protocol.current(), at=timezone.now())
        except (protocol.ProtocolError, AdoptionRefused) as refused:
            raise CommandError(f"Nothing was changed.\n{refused}") from None
        self.stdout.write(str(adopted))
