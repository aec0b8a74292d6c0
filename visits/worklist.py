"""The coordinator's worklist: what is overdue, late, due and opening, each with one click to log."""

from datetime import timedelta
from urllib.parse import urlencode

from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.dates import short_day
from studytracker.protocol.models import Site
from studytracker.web.worklist import Item

from . import status
from .models import CLASSIFIED, COMPLETED, DRAFTED, Deviation, Visit

GROUP = {
    status.OVERDUE: "Overdue",
    status.LATE: "Late, closing",
    status.OPEN: "Due now",
    status.SOON: "Opening soon",
}


def items(user, at):
    """The visits this person may log whose window is open, past, or about to open. One query a site."""
    for code in sorted(user.sites_where(Permission.LOG_VISIT)):
        today = Site(code).today(at)
        horizon = today + timedelta(days=protocol.current().status.upcoming_days)
        visits = Visit.objects.visible_to(user).filter(site=code).opening_by(horizon)
        for visit in visits.select_related("participant", "participant__infusion"):
            yield _item(visit, today)


def _item(visit, today):
    where = visit.status(today)
    window = f"{short_day(visit.opens_on)} to {short_day(visit.closes_on)}"
    place = [visit.participant.identifier, visit.code]
    actions = (
        ("Log visit", reverse("log_visit", args=place)),
        ("Mark missed…", reverse("miss_visit", args=place)),
    )
    return Item(
        group=GROUP[where.code],
        identifier=visit.participant.identifier,
        url=reverse("participant", args=[visit.participant.identifier]),
        text=visit.code,
        detail=f"Window {window}, target {short_day(visit.target_on)}",
        status=where,
        actions=actions if where.is_actionable else (),
        order=(visit.closes_on,),
        listing=f"{reverse('visits')}?{urlencode({'status': where.code})}",
    )


DEVIATION_GROUPS = {
    DRAFTED: ("Deviations to complete", Permission.REPORT_DEVIATION, "Complete", "complete_deviation"),
    COMPLETED: ("Deviations to classify", Permission.CLASSIFY_DEVIATION, "Classify", "classify_deviation"),
    CLASSIFIED: ("Deviations to close", Permission.REPORT_DEVIATION, "Close", "close_deviation"),
}


def deviations(user, at):
    """The open deviations at the step this person may take. One query."""
    rows = Deviation.objects.visible_to(user).open().select_related("participant")
    for deviation in rows.order_by("found_on", "id"):
        group, permission, label, name = DEVIATION_GROUPS[deviation.stage]
        if not user.can(permission, deviation.site_id):
            continue
        place = [deviation.participant.identifier, deviation.number]
        yield Item(
            group=group,
            identifier=deviation.participant.identifier,
            url=reverse("deviation", args=place),
            text=f"DV {deviation.number}",
            detail=f"{deviation.category_words}, found {short_day(deviation.found_on)}",
            actions=((label, reverse(name, args=place)),),
            order=(deviation.found_on, deviation.number),
            listing=f"{reverse('deviations')}?{urlencode({'stage': deviation.stage})}",
        )
