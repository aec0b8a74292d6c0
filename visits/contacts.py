"""Attempts to reach a participant about a visit that did not take place."""

from django.db import transaction

from studytracker.dates import day_label
from studytracker.refusal import Refused

from .models import ContactAttempt


class ContactRefused(Refused):
    """The attempt cannot be recorded like this."""


@transaction.atomic
def record(*, visit, tried_on, means, outcome, by, at):
    """Record one attempt, on a site-local day, and what came of it. Raises ContactRefused."""
    if visit.attended_on:
        raise ContactRefused(f"{visit} took place on {day_label(visit.attended_on)}: nobody had to be looked for.")
    if visit.opens_on is None:
        raise ContactRefused(f"{visit} has no window yet: the infusion sets Day 0.")
    today = visit.site.today(at)
    if tried_on > today:
        raise ContactRefused(
            f"{day_label(tried_on)} is in the future: today is {day_label(today)} at {visit.site_id}.",
            field="tried_on",
        )
    if tried_on < visit.participant.screened_on:
        raise ContactRefused(f"{day_label(tried_on)} is before the screening. Check the day.", field="tried_on")
    facts = {"tried_on": tried_on, "means": means, "outcome": outcome}
    return ContactAttempt.objects.create(visit=visit, recorded_at=at, recorded_by=by, **facts)
