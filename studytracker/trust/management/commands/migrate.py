from django.core.management.commands import migrate
from django.db import connections

from studytracker.trust import triggers
from studytracker.trust.acting import acting


class Command(migrate.Command):
    """Django's, with an actor for data migrations, and with the triggers compared before and whole after."""

    def handle(self, *args, **options):
        connection = connections[options["database"]]
        self._tell_of_differences(connection)
        with acting("migrate", source="migration", reason="Migration of the database"):
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"]):
                triggers.install(connection)

    def check(self, *args, **kwargs):
        """Without the checks of the database: what they would complain of is put right here."""
        return super().check(*args, **kwargs | {"databases": None})

    def _tell_of_differences(self, connection):
        if not triggers.has_trail(connection):
            return
        for line in triggers.differences(connection):
            self.stderr.write(self.style.WARNING(f"The audit trail was not whole: {line}. It is written anew now."))
