import getpass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from studytracker.access.grants import Role
from studytracker.access.people import MembershipRefused, grant
from studytracker.trust.acting import acting


class Command(BaseCommand):
    help = "Give a person a role at a site, making the account when it is new; --set-password asks for its password."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--site", help="A site code of the protocol. Leave out for a trial-wide role.")
        parser.add_argument("--email", default="")
        parser.add_argument("--set-password", action="store_true", help="Ask for a password now.")

    def handle(self, *, username, role, site, email, set_password, **options):
        password = self.ask_password() if set_password else None
        try:
            with acting("add_member", source="command"):
                membership = grant(username=username, role=role, site=site, email=email, password=password)
        except MembershipRefused as refusal:
            raise CommandError("\n".join(refusal.sentences)) from None
        self.stdout.write(f"{username} now is {membership}.")

    def ask_password(self):
        password = getpass.getpass("Password (12 characters or more): ")
        if password != getpass.getpass("Again: "):
            raise CommandError("The two passwords differ. Nothing was changed.")
        try:
            validate_password(password)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from None
        return password
