"""The protocol file is checked whenever the program starts, and every problem is shown."""

from django.conf import settings
from django.core.checks import Error

from .loading import load
from .problems import ProtocolError


def check_protocol(app_configs, **options):
    try:
        load(settings.PROTOCOL_FILE)
    except ProtocolError as refused:
        hint = f"Correct {settings.PROTOCOL_FILE} and run `manage.py check` again."
        return [Error(str(problem), hint=hint, id="protocol.E001") for problem in refused.problems]
    return []
