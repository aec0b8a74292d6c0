from django.core.management.base import BaseCommand, CommandError

from studytracker.trust.replay import verify
from studytracker.trust.watch import problems


class Command(BaseCommand):
    help = "Play the audit trail back and name every difference to the rows. Ends with status 1 if there is any."
    requires_system_checks = []

    def handle(self, **options):
        found = problems()
        result = verify()
        found += [str(difference) for difference in result.differences]
        if found:
            raise CommandError("\n".join([f"{len(found)} difference(s):", *found]), returncode=1)
        self.stdout.write(
            f"{result.entries} entries played back: all {result.rows} rows are as the trail says, the triggers whole."
        )
