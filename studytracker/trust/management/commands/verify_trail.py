from argparse import ArgumentTypeError
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from studytracker.refusal import Refused
from studytracker.trust import verifier
from studytracker.trust.exported import checked, head_in
from studytracker.trust.replay import verify
from studytracker.trust.watch import problems


class Command(BaseCommand):
    help = (
        "Play the audit trail back and name every difference to the rows, follow its seals and compare its triggers. "
        "Ends with status 1 if anything is wrong."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="the head of the chain as a mail or a signed listing shows it",
        )

        parser.add_argument(
            "--package",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="an exported package, or the manifest.json out of it: the head of the chain that it names",
        )

    def handle(self, anchor, package, **options):
        try:
            anchors = [verifier.anchor(text) for text in anchor] + [head_in(path) for path in package]
        except (ArgumentTypeError, Refused) as error:
            raise CommandError(str(error)) from None
        found, result, chain = problems(), verify(), checked(anchors)
        found += [sentence for _, sentence in chain.findings]
        found += [str(difference) for difference in result.differences]
        if found:
            raise CommandError("\n".join([f"{len(found)} difference(s):", *found]), returncode=1)
        self.stdout.write(
            f"{result.entries} entries played back: all {result.rows} rows are as the trail says, the triggers whole. "
            f"{chain.words} {chain.sealed} sealed, {chain.unsealed} not yet sealed."
        )
