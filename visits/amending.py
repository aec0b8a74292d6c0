"""An amended protocol: a participant who consents to it is planned anew, and what has happened stays."""

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from participants.models import Participant
from studytracker import protocol
from studytracker.dates import day_label
from studytracker.protocol.approving import later_versions
from studytracker.refusal import Refused
from studytracker.trust.acting import because

from .models import VersionChange, Visit, VisitChange
from .schedule import Window, windows

STAYS, NOT_ADDED = "stays", "not added"


class AmendmentRefused(Refused):
    """The participant cannot come under this version like this."""


@dataclass(frozen=True)
class Difference:
    """One visit under both versions. `what` is added, moved, dropped, stays or not added."""

    code: str
    name: str
    what: str
    old: Window | None
    new: Window | None
    why: str = ""
    visit: Visit | None = None


def preview(participant, version: str, today: date) -> list[Difference]:
    """What the move to `version` would do to each planned visit. Changes nothing. One query."""
    rules = protocol.version(version)
    spans = windows(rules, participant.infused_on) if participant.infused else {}
    rows = {visit.code: visit for visit in participant.visits.filter(unplanned="").order_by("order")}
    for visit in rows.values():
        visit.participant = participant
    kept = [_of_row(visit, rules, spans) for visit in rows.values()]
    return kept + [
        _of_new(planned, spans[planned.code], today) for planned in rules.visits if planned.code not in rows and spans
    ]


def _of_row(visit, rules, spans):
    old = Window(visit.target_on, visit.opens_on, visit.closes_on) if visit.opens_on else None
    facts = {"code": visit.code, "name": visit.planned.name, "old": old, "visit": visit}
    if visit.attended_on or visit.missed_at:
        return Difference(what=STAYS, new=old, why="it took place" if visit.attended_on else "it was missed", **facts)
    if visit.dropped_in:
        return Difference(what=STAYS, new=old, why=f"dropped in {visit.dropped_in}", **facts)
    if visit.code not in {planned.code for planned in rules.visits}:
        return Difference(
            what=VisitChange.DROPPED, new=None, why=f"version {rules.version} has no such visit", **facts
        )
    new = spans.get(visit.code)
    return Difference(what=STAYS if new == old else VisitChange.MOVED, new=new, **facts)


def _of_new(planned, span, today):
    facts = {"code": planned.code, "name": planned.name, "old": None, "new": span}
    if planned.kind != "follow_up":
        return Difference(what=NOT_ADDED, why="it comes before the follow-up", **facts)
    if span.closes_on < today:
        return Difference(what=NOT_ADDED, why=f"its window closed on {day_label(span.closes_on)}", **facts)
    return Difference(what=VisitChange.ADDED, **facts)


def check(participant, version, consented_on, at):
    """Raises AmendmentRefused where the participant cannot come under `version` by consenting on that day."""
    today = participant.site.today(at)
    if not participant.is_open:
        raise AmendmentRefused(f"{participant} is closed: {participant.stage.lower()}.")
    approved = dict(later_versions(participant.protocol_version, participant.site_id))
    if version not in approved:
        raise AmendmentRefused(
            f"Version {version} is no later version approved at {participant.site_id}.", field="version"
        )
    if not approved[version] <= consented_on <= today:
        raise AmendmentRefused(
            f"The consent to version {version} lies between its approval at {participant.site_id}, "
            f"{day_label(approved[version])}, and today, {day_label(today)}.",
            field="consented_on",
        )


@transaction.atomic
def amend(*, participant, version, consented_on, reason, by, at) -> VersionChange:
    """Bring the participant under `version` and plan anew what has not happened. Raises AmendmentRefused."""
    Participant.objects.select_for_update().get(pk=participant.pk)
    participant = Participant.objects.for_listing().select_related("site").get(pk=participant.pk)
    check(participant, version, consented_on, at)
    differences = preview(participant, version, participant.site.today(at))
    change = VersionChange.objects.create(
        participant=participant,
        from_version=participant.protocol_version,
        to_version=version,
        consented_on=consented_on,
        reason=reason,
        changed_at=at,
        changed_by=by,
    )
    with because(reason):
        _stamp_what_happened(participant)
        participant.protocol_version = version
        participant.save(update_fields=["protocol_version"])
        VisitChange.objects.bulk_create(
            _apply(change, each) for each in differences if each.what not in (STAYS, NOT_ADDED)
        )
        _number(participant)
    return change


def _stamp_what_happened(participant):
    """A visit that took place keeps the version it took place under."""
    happened = participant.visits.filter(protocol_version="").exclude(attended_on=None, missed_at=None, dropped_in="")
    happened.update(protocol_version=participant.protocol_version)


def _apply(change, difference):
    visit = difference.visit
    if difference.what == VisitChange.ADDED:
        facts = {"participant": change.participant, "site": change.participant.site, "code": difference.code}
        visit = Visit.objects.create(**facts, order=0, **difference.new._asdict())
    elif difference.what == VisitChange.DROPPED:
        visit.dropped_in, visit.protocol_version = change.to_version, change.from_version
        visit.save(update_fields=["dropped_in", "protocol_version"])
    else:
        visit.target_on, visit.opens_on, visit.closes_on = difference.new
        visit.save(update_fields=["target_on", "opens_on", "closes_on"])
    return VisitChange(
        change=change,
        visit=visit,
        what=difference.what,
        **{f"old_{name}": day for name, day in (difference.old._asdict() if difference.old else {}).items()},
        **{f"new_{name}": day for name, day in (difference.new._asdict() if difference.new else {}).items()},
    )


def _number(participant):
    """The order of the schedule: by target day, what is outside the schedule last."""
    visits = list(participant.visits.filter(unplanned="").order_by("target_on", "order", "id"))
    outside = list(participant.visits.exclude(unplanned="").order_by("order", "id"))
    for place, visit in enumerate([*visits, *outside]):
        if visit.order != place:
            visit.order = place
            visit.save(update_fields=["order"])
