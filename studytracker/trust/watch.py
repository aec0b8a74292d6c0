"""Whether the triggers are what they should be: asked at start, by `check`, and for the health of the system."""

import logging
from datetime import datetime

from django.core.checks import Error
from django.db import connections, transaction
from django.db.utils import DatabaseError

from . import triggers
from .acting import because
from .coverage import SEALS
from .models import Comparison

log = logging.getLogger(__name__)

HINT = (
    "Find out who changed the triggers, and when. Then run `manage.py migrate`, which writes them anew, "
    "and `manage.py verify_trail`, which finds what was changed without an entry."
)


class TrailBroken(Exception):
    """Changes may go unrecorded, so the program does not start."""


def check_triggers(app_configs, databases=None, **options):
    return [
        Error(f"The audit trail is not whole: {line}.", hint=HINT, id="trust.E001")
        for alias in databases or []
        for line in problems(alias)
    ]


def check_deployed(app_configs, databases=None, **options):
    """`check --deploy` looks too, unless the database was asked for by name already."""
    return [] if databases else check_triggers(app_configs, databases=["default"])


def problems(alias="default") -> list[str]:
    """What is wrong with the triggers; empty when all is well."""
    connection = connections[alias]
    missing = [] if triggers.has_table(connection, SEALS) else ["the table of the seals is missing"]
    return triggers.differences(connection) + missing


_whole: set[str] = set()  # fingerprints under which all was well, in this process


def standing_problems() -> list[str]:
    """What is wrong now, looked at closely only when the triggers may have changed: one query where they have not.

    Whoever owns the database can hide a change from it; the hourly comparison looks at each text.
    """
    mark = triggers.fingerprint(connections["default"])
    if mark in _whole:
        return []
    found = problems()
    if not found:
        _whole.clear()
        _whole.add(mark)
    return found


def noticed(at: datetime) -> None:
    """A form met triggers that are not right: keep that once, so that it is told and shown."""
    last = last_compared()
    if last and last.problems:
        return
    try:
        with transaction.atomic(), because("Noticed as a form was sent"):
            compare(at)
    except DatabaseError as error:  # it is refused and logged all the same
        log.error("The audit trail is not whole, and that could not be kept: %s", error)


def compare(at: datetime) -> Comparison:
    """Compare the triggers now, and keep what was found."""
    found = problems()
    for line in found:
        log.error("The audit trail is not whole: %s", line)
    return Comparison.objects.create(at=at, digest=triggers.digest(connections["default"]), problems="\n".join(found))


def last_compared() -> Comparison | None:
    """The newest comparison. One query."""
    return Comparison.objects.first()


def refuse_if_broken() -> None:
    """For the start of a server. A database that cannot be asked is no tampering: its pages will say so."""
    try:
        found = problems()
    except DatabaseError as error:
        log.error("The triggers of the audit trail could not be looked at: %s", error)
        return
    finally:
        connections["default"].close()
    if found:
        lines = "\n".join(f"  {line}" for line in found)
        raise TrailBroken(f"The audit trail is not whole:\n{lines}\n{HINT}")
