"""The coordinator's worklist: what is overdue, late, due and opening, each with one click to log."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.dates import short_day
from studytracker.protocol.models import Site
from studytracker.web.worklist import Item

from . import bookings, status
from .models import CLASSIFIED, COMPLETED, DRAFTED, Deviation, Visit

BOOKED = "Booked, not logged"
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
        near = Q(opens_on__lte=horizon) | Q(booked_for__lte=at)
        visits = Visit.objects.visible_to(user).filter(site=code).expected().with_booking().filter(near)
        found = [_item(visit, today) for visit in visits.select_related("participant__infusion", "site")]
        booked = any(item.group == BOOKED for item in found)
        for item in found:
            # A visit booked and not logged stands in its own group, so the others are less than their listing.
            yield replace(item, listing="") if booked and item.group != GROUP[status.OVERDUE] else item


def _item(visit, today):
    where = visit.status(today)
    window = f"{short_day(visit.opens_on)} to {short_day(visit.closes_on)}"
    place = [visit.participant.identifier, visit.code]
    log, missed, book = (reverse(name, args=place) for name in ("log_visit", "miss_visit", "book_visit"))
    actions = [("Log visit", log), ("Mark missed…", missed)]
    group, booked = GROUP.get(where.code, ""), visit.booked_for
    detail = f"Window {window}, target {short_day(visit.target_on)}"
    if booked:
        detail += f". Booked {bookings.words(visit, booked)}"
    elif where.is_actionable and where.code != status.OVERDUE:
        actions.insert(1, ("Book", book))
    # Overdue comes before a booking that has passed, and that before late and due.
    if booked and where.code != status.OVERDUE and bookings.has_passed(visit, booked, today):
        group, detail = BOOKED, f"{detail}. {bookings.time_left(visit, booked, today)}"
    return Item(
        group=group,
        identifier=visit.participant.identifier,
        url=reverse("participant", args=[visit.participant.identifier]),
        text=visit.code,
        detail=detail,
        status=where,
        actions=tuple(actions) if where.is_actionable or group == BOOKED else (("Book", book),),
        order=(visit.closes_on,),
        listing="" if group == BOOKED else f"{reverse('visits')}?{urlencode({'status': where.code})}",
    )


DEVIATION_GROUPS = {
    DRAFTED: ("Deviations to complete", Permission.REPORT_DEVIATION, "Complete", "complete_deviation"),
    COMPLETED: ("Deviations to classify", Permission.CLASSIFY_DEVIATION, "Classify", "classify_deviation"),
    CLASSIFIED: ("Deviations to close", Permission.REPORT_DEVIATION, "Close", "close_deviation"),
}


def _deviation_words(deviation, at):
    words = f"{deviation.category_words}, found {short_day(deviation.found_on)}"
    if not deviation.report_words or deviation.reported_on:
        return words
    late = ", late" if deviation.report_state(deviation.site.today(at)) == "late" else ""
    return f"{words}. Report {deviation.report_words}{late}"


def deviations(user, at):
    """The open deviations at the step this person may take. One query."""
    rows = Deviation.objects.visible_to(user).open().select_related("participant", "site")
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
            detail=_deviation_words(deviation, at),
            actions=((label, reverse(name, args=place)),),
            order=(deviation.found_on, deviation.number),
            listing=f"{reverse('deviations')}?{urlencode({'stage': deviation.stage})}",
        )
