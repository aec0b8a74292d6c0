"""Triggers that are not what they should be: told once to the administrators, at once, and until they are right again.

A source of reminders in the sense of outbox.sources. What began with one comparison and has not ended is one matter.
"""

from datetime import datetime

from django.urls import reverse

from studytracker.access.grants import Role
from studytracker.access.people import holders
from studytracker.outbox.sources import Line, Matter
from studytracker.protocol.models import Site

from .models import Comparison

STAGE = "not_whole"
HEADING = "The audit trail is not whole: changes may go unrecorded, and no form is saved until it is mended"


def began() -> Comparison | None:
    """The comparison since which the triggers have not been right; None while they are. One query, then."""
    last = Comparison.objects.first()
    if last is None or not last.problems:
        return None
    whole = Comparison.objects.filter(problems="").first()
    return Comparison.objects.exclude(problems="").filter(id__gt=whole.pk if whole else 0).last()


def due(at: datetime):
    first, site = began(), Site.objects.order_by("code").first()
    if first and site:
        for person in holders(Role.ADMINISTRATOR, None):
            yield Matter(first.pk, STAGE, site.pk, person.pk, is_urgent=True)


def still_due(wanted: set[tuple[int, str]], at: datetime) -> dict[tuple[int, str], Line]:
    first = began()
    if first is None:
        return {}
    count = len(first.problems.splitlines())
    text = f"{count} of its triggers {'differs' if count == 1 else 'differ'}; the page names each and says what to do"
    line = Line((0, first.at.isoformat(), text), HEADING, text, reverse("audit"))
    return {matter: line for matter in wanted if matter[0] == first.pk}
