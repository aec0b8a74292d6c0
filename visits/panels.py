"""What the visits show on other rooms' pages: a participant's schedule, and the matrix on the home page."""

from datetime import UTC, timedelta
from itertools import groupby

from django.db.models import Prefetch
from django.urls import reverse

from participants.models import Participant
from participants.timeline import Lane, Mark
from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.protocol.adopting import in_order
from studytracker.protocol.approving import later_versions
from studytracker.protocol.models import Site

from . import status, unplanned
from .models import Booking, Visit

MATRIX_ROWS = 50
AGENDA_DAYS = 14
AGENDA_LINES = 100
AHEAD = (status.SOON, status.UPCOMING)
KEY = [(code, status.SYMBOLS[code], name) for code, name in status.NAMES.items()]


def schedule(participant, user, today):
    """The participant's visits with windows and status, and the amendment that waits. Two queries."""
    may_log = user.can(Permission.LOG_VISIT, participant.site_id)
    rows, early = [], bool(participant.infused) and today > participant.infused_on
    for visit in participant.visits.with_booking().order_by("order", "id"):
        visit.participant = participant
        where = visit.status(today)
        rows.append((visit, where, visit.why(today), links(visit, where, early) if may_log else ()))
        early = early and where.code not in AHEAD
    outside = _outside_links(participant, [visit for visit, *_ in rows]) if may_log else ()
    panel = {"template": "visits/schedule.html", "rows": rows, "participant": participant, "outside": outside}
    return panel | {"amendment": _amendment(participant, user)}


def _amendment(participant, user):
    """The newest version this participant could move to, for those who may record it; else nothing. One query."""
    if not (participant.is_open and user.can(Permission.AMEND, participant.site_id)):
        return None
    later = later_versions(participant.protocol_version, participant.site_id)
    return later[0][0] if later else None


def _outside_links(participant, visits):
    """(label, url) of the visits outside the schedule that may be logged for this participant now."""
    for planned in participant.protocol.unplanned_visits:
        if not unplanned.reasons_against(participant, planned, visits):
            address = reverse("log_unplanned", args=[participant.identifier, planned.code])
            yield f"Log {planned.name.lower()} visit", address


def links(visit, where, early):
    """(label, url) of what can be done with the visit; `early` for the next one ahead, which may be logged early."""
    place = [visit.participant.identifier, visit.code]
    if where.is_actionable:
        return (
            ("Log visit", reverse("log_visit", args=place)),
            ("Mark missed…", reverse("miss_visit", args=place)),
        )
    if early and where.code in AHEAD:
        return (("Log early…", reverse("log_visit", args=place)),)
    return ()


def matrix(user, at):
    """Participants by visits, newest participants first. Three queries, whatever the number of visits."""
    people = (
        Participant.objects.visible_to(user)
        .for_listing()
        .filter(screen_failed_at=None)
        .prefetch_related(Prefetch("visits", Visit.objects.order_by("order")))[:MATRIX_ROWS]
    )
    codes = _columns(people)
    today = {}
    rows = []
    for participant in people:
        on = today.setdefault(participant.site_id, Site(participant.site_id).today(at))
        rows.append((participant, list(_cells(participant, codes, user, on))))
    return {"template": "visits/matrix.html", "columns": codes, "rows": rows, "limit": MATRIX_ROWS, "key": KEY}


def _columns(people):
    """The planned visits of every version that these participants are under, by day."""
    versions = {participant.protocol_version for participant in people} | {protocol.current().version}
    rules = sorted((protocol.version(version) for version in versions), key=lambda each: in_order(each.version))
    visits = {visit.code: visit for each in rules for visit in each.visits}
    ordered = sorted(visits.values(), key=lambda visit: visit.day)
    return [(visit.code, visit.name, visit.target_words) for visit in ordered]


def _cells(participant, codes, user, on):
    may_log = user.can(Permission.LOG_VISIT, participant.site_id)
    visits = {visit.code: visit for visit in participant.visits.all()}
    for code, _name, _day in codes:
        visit = visits.get(code)
        if visit is None:
            yield code, None, "", None
            continue
        visit.participant = participant
        where = visit.status(on)
        link = reverse("log_visit", args=[participant.identifier, code]) if may_log and where.is_actionable else None
        yield code, where, visit.why(on), link


def agenda(user, at):
    """Appointments and last days of windows in the next days, day by day. One query, of the first lines of each."""
    today = Site.todays(at)
    first, last = min(today.values()), max(today.values()) + timedelta(days=AGENDA_DAYS)
    visits = Visit.objects.visible_to(user).expected()
    closing = visits.filter(closes_on__range=(first, last)).order_by("closes_on", "id")[: AGENDA_LINES + 1]
    days = [first - timedelta(days=1), last + timedelta(days=1)]  # of UTC: a site's day begins before or after its own
    booked = Booking.objects.in_force().between(days, UTC).filter(visit__in=visits).order_by("starts_at", "id")
    near = Visit.objects.in_either(
        Visit.objects.filter(pk__in=closing.values("pk")),
        Visit.objects.filter(pk__in=booked.values("visit")[: AGENDA_LINES + 1]),
    )
    near = near.with_booking().select_related("participant", "site")
    lines = [line for visit in near for line in _agenda_lines(visit)]
    lines = [line for line in lines if today[line[2].site_id] <= line[0] <= last]
    lines.sort(key=lambda line: (line[0], line[1] or "24:00", line[2].participant.identifier))
    lines, is_cut = lines[:AGENDA_LINES], len(lines) > AGENDA_LINES
    days = [(day, list(members)) for day, members in groupby(lines, key=lambda line: line[0])]
    return {"template": "visits/agenda.html", "days": days, "span": AGENDA_DAYS, "is_cut": is_cut}


def _agenda_lines(visit):
    """(day, time, visit, what): its appointment, and the last day of its window."""
    if visit.booked_for:
        starts = visit.booked_for.astimezone(visit.site.zone)
        yield starts.date(), f"{starts:%H:%M}", visit, "appointment"
    yield visit.closes_on, "", visit, "window closes"


def deviations(participant, user, today):
    """The participant's deviations. One query."""
    rows = list(participant.deviations.order_by("number"))
    for deviation in rows:
        deviation.participant = participant
    may_report = user.can(Permission.REPORT_DEVIATION, participant.site_id)
    return {"template": "visits/deviation_panel.html", "rows": rows, "may_report": may_report}


def lane(participant, user, today):
    """The visits on the participant's timeline: each window, or the day attended. One query."""
    marks = []
    for visit in participant.visits.order_by("order", "id"):
        visit.participant = participant
        where = visit.status(today)
        first, last = (visit.opens_on, visit.closes_on) if visit.closes_on else (visit.attended_on, visit.attended_on)
        if visit.attended_on:
            first = last = visit.attended_on
        if first:
            words = f"{visit.code}, {where.words}: {first:%-d %b %Y}"
            words += f" to {last:%-d %b %Y}" if last != first else ""
            marks.append(Mark(first, last, f"{where.symbol}{visit.code}", words, f"st-{where.code}"))
    return Lane("Visits", "Visits", marks)
