"""A safety report to all investigators asks each of them, at either site, to acknowledge it."""

from django.urls import reverse

from studytracker.access.grants import Role
from studytracker.outbox.sources import Line, Matter

from .models import InvestigatorAcknowledgement

ASKED = "asked"


def due(at):
    rows = InvestigatorAcknowledgement.objects.waiting().filter(
        investigator__memberships__role=Role.INVESTIGATOR, investigator__memberships__ended_at=None
    )
    for pk, person, site in rows.values_list("pk", "investigator", "investigator__memberships__site"):
        yield Matter(pk, ASKED, site, person, 0, True)


def still_due(wanted, at):
    rows = InvestigatorAcknowledgement.objects.waiting().select_related("notification__event__participant")
    held = rows.in_bulk({pk for pk, _ in wanted})
    return {(pk, stage): _line(held[pk]) for pk, stage in wanted if pk in held}


def _line(row):
    text = f"Safety report on {row.notification.event}"
    return Line((0, "", text), "Acknowledge", text, reverse("acknowledge_report", args=[row.pk]))
