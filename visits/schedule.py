"""Planning: windows counted from the actual infusion, never from the previous visit."""

from datetime import date, timedelta
from typing import NamedTuple

from django.db import transaction

from studytracker.dates import day_label

from . import deviations
from .models import Visit


class Window(NamedTuple):
    target_on: date
    opens_on: date
    closes_on: date

    def holds(self, on: date) -> bool:
        return self.opens_on <= on <= self.closes_on


def window(day0: date, day: int, before: int, after: int) -> Window:
    """The target and the inclusive window of protocol day `day` (infusion = day 0), `before` and `after` in days."""
    target = day0 + timedelta(days=day)
    return Window(target, target - timedelta(days=before), target + timedelta(days=after))


def windows(rules, day0: date) -> dict[str, Window]:
    """Every planned visit of the protocol version `rules` by its code."""
    return {planned.code: window(day0, planned.day, planned.before, planned.after) for planned in rules.visits}


@transaction.atomic
def record_screening_visit(participant, *, by, at):
    """The screening visit is attended the day it happens; its window is stamped once there is a Day 0."""
    rules = participant.protocol
    planned = next(visit for visit in rules.visits if visit.kind == "screening")
    return Visit.objects.create(
        participant=participant,
        site_id=participant.site_id,
        code=planned.code,
        order=rules.visits.index(planned),
        target_on=participant.screened_on,
        attended_on=participant.screened_on,
        attended_at=at,
        attended_by=by,
    )


@transaction.atomic
def plan_follow_up(infusion, *, by, at):
    """Create the follow-up from Day 0 with windows stamped on the rows. The baseline visit is attended that day."""
    participant = infusion.participant
    rules = participant.protocol
    spans = windows(rules, infusion.infused_on)
    visits = []
    for order, planned in enumerate(rules.visits):
        span = spans[planned.code]
        if planned.kind == "screening":
            _stamp_screening(participant, planned.code, span, by=by, at=at)
            continue
        attended = {}
        if planned.kind == "baseline":
            attended = {"attended_on": infusion.infused_on, "attended_at": at, "attended_by": by}
        visits.append(
            Visit(
                participant=participant,
                site_id=participant.site_id,
                code=planned.code,
                order=order,
                **span._asdict(),
                **attended,
            )
        )
    return Visit.objects.bulk_create(visits)


def _stamp_screening(participant, code, span, *, by, at):
    """Only now is it known whether the screening was in its window."""
    visit = Visit.objects.select_related("participant", "site").get(participant=participant, code=code)
    visit.target_on, visit.opens_on, visit.closes_on = span
    visit.save(update_fields=["target_on", "opens_on", "closes_on"])
    if visit.days_out:
        deviations.draft(visit, deviations.OUT_OF_WINDOW, visit.attended_on, outside_words(visit), by=by, at=at)


def outside_words(visit):
    return (
        f"{visit.code} on {day_label(visit.attended_on)} is outside its window, "
        f"{day_label(visit.opens_on)} to {day_label(visit.closes_on)}."
    )
