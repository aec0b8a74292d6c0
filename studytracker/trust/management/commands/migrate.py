from django.core.management import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from studytracker.trust import triggers
from studytracker.trust.acting import acting


class Command(migrate.Command):
    """Django's, with an actor for data migrations, and with the triggers compared before and whole after."""

    def handle(self, *args, **options):
        connection = connections[options["database"]]
        refuse_another_version(connection)
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


def refuse_another_version(connection):
    """Tables that a migration unknown to this version has made would be half understood and altered blindly."""
    loader = MigrationLoader(connection)
    ours = loader.migrated_apps
    unknown = [f"{app}.{name}" for app, name in loader.applied_migrations if app in ours]
    unknown = sorted(name for name in unknown if tuple(name.split(".", 1)) not in loader.disk_migrations)
    if unknown:
        raise CommandError(
            f"This database was made by another version of the program, with {len(unknown)} migrations that this one "
            f"does not know (the first is {unknown[0]}). Nothing was changed. Run the version that made it, or begin "
            "with an empty database: for the demo, `make demo-reset`."
        )
