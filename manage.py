#!/usr/bin/env python
import os
import sys
from contextlib import nullcontext


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
    from django.core.management import execute_from_command_line

    with answerable(sys.argv[1:2]):
        execute_from_command_line(sys.argv)


def answerable(command):
    """Django's own commands that write are named in the audit trail too; the others name themselves."""
    from studytracker.trust.acting import acting

    if command and command[0] in ("changepassword", "createsuperuser", "loaddata"):
        return acting(command[0], source="command")
    return nullcontext()


if __name__ == "__main__":
    main()
