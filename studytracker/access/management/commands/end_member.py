from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from studytracker.access.grants import Role
from studytracker.access.people import MembershipRefused, end
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "End a role that a person holds at a site. The account and what was done under it stay."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--site", help="A site code of the protocol. Leave out for a trial-wide role.")
        parser.add_argument("--reason", required=True, help="Why it ends; it stands in the audit trail.")

    def handle(self, *, username, role, site, reason, **options):
        try:
            with acting("end_member", source="command", reason=reason):
                membership = end(username=username, role=role, site=site, at=timezone.now())
        except MembershipRefused as refusal:
            raise CommandError("\n".join(refusal.sentences)) from None
        self.stdout.write(f"{username} no longer is {membership}.")
