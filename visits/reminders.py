"""Which visits are overdue, at which stage, and whom to tell."""

from django.conf import settings
from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import Role
from studytracker.access.people import holders
from studytracker.outbox.sweeping import Matter
from studytracker.protocol.models import Site

from .models import Visit


def stage_for(days_overdue: int):
    """The furthest reminder stage reached `days_overdue` days after the window's last day, or None."""
    reached = [stage for stage in protocol.current().reminder_stages if stage.after_days <= days_overdue]
    return max(reached, key=lambda stage: stage.after_days, default=None)


def due(at):
    """Every overdue visit with its stage, for each coordinator of its site."""
    for site in Site.objects.order_by("code"):
        today = site.today(at)
        coordinators = [person.pk for person in holders(Role.COORDINATOR, site.code)]
        for visit_id, closes_on in Visit.objects.filter(site=site).overdue(today).values_list("id", "closes_on"):
            stage = stage_for((today - closes_on).days)
            if stage:
                yield from (Matter(visit_id, stage.code, site.code, person) for person in coordinators)


def still_due(visit_ids, at):
    """{visit id: (text, link)} for those of `visit_ids` that are overdue at this instant.

    The text is the identifier and the visit code, nothing more.
    """
    lines = {}
    for site in Site.objects.filter(participants__visits__in=visit_ids).distinct():
        overdue = Visit.objects.filter(site=site, pk__in=visit_ids).overdue(site.today(at))
        for visit in overdue.select_related("participant"):
            link = reverse("log_visit", args=[visit.participant.identifier, visit.code])
            lines[visit.pk] = (f"{visit.participant.identifier} {visit.code}", settings.SITE_URL + link)
    return lines
