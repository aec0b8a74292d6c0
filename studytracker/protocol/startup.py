"""The protocol file is checked whenever the program starts, and every problem is shown."""

from django.conf import settings
from django.core.checks import Error, Warning
from django.db import DatabaseError

from .loading import load
from .problems import ProtocolError


def check_protocol(app_configs, **options):
    try:
        load(settings.PROTOCOL_FILE)
    except ProtocolError as refused:
        hint = f"Correct {settings.PROTOCOL_FILE} and run `manage.py check` again."
        return [Error(str(problem), hint=hint, id="protocol.E001") for problem in refused.problems]
    return []


def check_adoption(app_configs, databases, **options):
    """Only a warning: `migrate` and `adopt_protocol` must still run. The web server does not start with it."""
    try:
        return [Warning(problem, id="protocol.W001") for problem in _problems()] if databases else []
    except DatabaseError:
        return []  # before the first migrate there is nothing to compare


def adoption_problems() -> list[str]:
    """What keeps the protocol files and the database from going together, an unreadable database included."""
    try:
        return _problems()
    except DatabaseError as error:
        return [f"The database cannot be read ({str(error).splitlines()[0]}). Run `manage.py migrate`."]


def _problems():
    from .adopting import adoption_problems  # needs the models, which are not loaded when this module is

    try:
        return adoption_problems()
    except ProtocolError:
        return []  # the check of the file itself says it
