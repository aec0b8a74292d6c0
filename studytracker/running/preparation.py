"""Tables, trial and data: the step before the pages, in a process with the environment of the others."""

import sys

import django
from django.core.management import CommandError, call_command
from django.utils import timezone


def prepare() -> None:
    from studytracker.running.origin import holds_people, note_origin

    call_command("migrate", verbosity=0, interactive=False, skip_checks=False)
    call_command("adopt_protocol")
    if not holds_people():
        note_origin(timezone.localdate())
    call_command("load_demo")


if __name__ == "__main__":
    django.setup()
    try:
        prepare()
    except CommandError as refusal:
        sys.exit(str(refusal))
