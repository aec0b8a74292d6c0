"""The head of the seals as investigators are mailed it, once a day: what a writer to the database cannot change.

A source of reminders in the sense of outbox.sources. Only the newest head is told; it vouches for all before it.
"""

from datetime import datetime

from django.urls import reverse

from studytracker.access.grants import Role
from studytracker.access.people import holders
from studytracker.outbox.sources import Line, Matter
from studytracker.protocol.models import Site

from .models import Anchor

STAGE = "daily"
LAST = 99  # after everything that there is to do
HEADING = "Head of the audit trail. Nothing to do: keep this mail, for it shows later whether the trail was changed"


def due(at: datetime):
    anchor = Anchor.objects.first()
    if anchor:
        for site in Site.objects.order_by("code"):
            for person in holders(Role.INVESTIGATOR, site.code):
                yield Matter(anchor.pk, STAGE, site.code, person.pk)


def still_due(wanted: set[tuple[int, str]], at: datetime) -> dict[tuple[int, str], Line]:
    anchor = Anchor.objects.first()
    if anchor is None:
        return {}
    text = f"{anchor.day:%Y-%m-%d} UTC, {anchor.seq} entries sealed: {anchor}"
    line = Line((LAST, anchor.day.isoformat(), text), HEADING, text, reverse("audit"))
    return {matter: line for matter in wanted if matter[0] == anchor.pk}
