"""Django's clock, which stands still while a page shows the record as it stood earlier.

Pages read the clock once, as `timezone.now()`, at their edge. `install` puts this one in its place before any model is
loaded, so that defaults and migrations know one function only.
"""

from contextvars import ContextVar

from django.utils import timezone

stands_at: ContextVar = ContextVar("stands_at", default=None)
_runs = timezone.now


def now():
    return stands_at.get() or _runs()


# A migration that names it as a default names Django's.
now.__module__ = _runs.__module__


def install():
    timezone.now = now
