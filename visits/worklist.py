"""The coordinator's worklist: what is overdue, late, due and opening, each with one click to log."""

from urllib.parse import urlencode

from django.db.models import Case, Count, Q, Value, When, Window
from django.db.models.functions import RowNumber
from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.dates import short_day
from studytracker.protocol.models import Site
from studytracker.web.worklist import MOST_SHOWN, Item

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
    """The first visits of each group that this person may log, and how many each has. One query."""
    today = {code: Site(code).today(at) for code in user.sites_where(Permission.LOG_VISIT)}
    found = list(_first(user, today)) if today else []
    booked = any(visit.group == BOOKED for visit in found)
    for visit in found:
        # A visit booked and not logged stands in its own group, so the others are less than their listing.
        has_listing = visit.group == GROUP[status.OVERDUE] or not booked
        yield _item(visit, today[visit.site_id], has_listing)


def _first(user, today):
    """Each with `group`, and `of`, its size. Overdue comes before a booking that has passed, and that before late."""
    rows = Visit.objects.visible_to(user).filter(site__in=today).expected()
    booked = Q(pk__in=bookings.passed(today).values("visit"))
    cases = [(GROUP[code], status.among([code], today)) for code in GROUP]
    cases.insert(1, (BOOKED, booked))
    rows = Visit.objects.in_either(rows.among(GROUP, today), rows.filter(booked))
    rows = rows.annotate(group=Case(*(When(question, then=Value(name)) for name, question in cases)))
    place = Window(RowNumber(), partition_by="group", order_by=("closes_on", "id"))
    rows = rows.annotate(place=place, of=Window(Count("pk"), partition_by="group")).filter(place__lte=MOST_SHOWN)
    return rows.with_booking().select_related("participant__infusion", "site")


def _item(visit, today, has_listing):
    where = visit.status(today)
    place = [visit.participant.identifier, visit.code]
    log, missed, book = (reverse(name, args=place) for name in ("log_visit", "miss_visit", "book_visit"))
    actions = [("Log visit", log), ("Mark missed…", missed)]
    if not visit.booked_for and where.is_actionable and where.code != status.OVERDUE:
        actions.insert(1, ("Book", book))
    is_to_log = where.is_actionable or visit.group == BOOKED
    has_listing = has_listing and visit.group != BOOKED
    return Item(
        group=visit.group,
        identifier=visit.participant.identifier,
        url=reverse("participant", args=[visit.participant.identifier]),
        text=visit.code,
        detail=_detail(visit, today),
        status=where,
        actions=tuple(actions) if is_to_log else (("Book", book),),
        order=(visit.closes_on,),
        listing=f"{reverse('visits')}?{urlencode({'status': where.code})}" if has_listing else "",
        of=visit.of,
    )


def _detail(visit, today):
    detail = f"Window {short_day(visit.opens_on)} to {short_day(visit.closes_on)}, target {short_day(visit.target_on)}"
    if visit.booked_for:
        detail += f". Booked {bookings.words(visit, visit.booked_for)}"
    if visit.group == BOOKED:
        detail += f". {bookings.time_left(visit, visit.booked_for, today)}"
    return detail


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
        place = [deviation.about, deviation.number]
        yield Item(
            group=group,
            identifier=deviation.about,
            url=reverse("deviation", args=place),
            text=f"DV {deviation.number}",
            detail=_deviation_words(deviation, at),
            actions=((label, reverse(name, args=place)),),
            order=(deviation.found_on, deviation.number),
            listing=f"{reverse('deviations')}?{urlencode({'stage': deviation.stage})}",
        )
