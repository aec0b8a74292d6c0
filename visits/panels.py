"""What the visits show on other rooms' pages: a participant's schedule, and the matrix on the home page."""

from django.db.models import Prefetch
from django.urls import reverse

from participants.models import Participant
from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.protocol.models import Site

from . import status
from .models import Visit

MATRIX_ROWS = 50
AHEAD = (status.SOON, status.UPCOMING)
KEY = [(code, status.SYMBOLS[code], name) for code, name in status.NAMES.items()]


def schedule(participant, user, today):
    """The participant's visits with windows and status. One query."""
    may_log = user.can(Permission.LOG_VISIT, participant.site_id)
    rows, early = [], bool(participant.infused) and today > participant.infused_on
    for visit in participant.visits.order_by("order", "id"):
        visit.participant = participant
        where = visit.status(today)
        rows.append((visit, where, links(visit, where, early) if may_log else ()))
        early = early and where.code not in AHEAD
    return {"template": "visits/schedule.html", "rows": rows, "participant": participant}


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
    codes = [(visit.code, visit.name, visit.target_words) for visit in protocol.current().visits]
    people = (
        Participant.objects.visible_to(user)
        .for_listing()
        .filter(screen_failed_at=None)
        .prefetch_related(Prefetch("visits", Visit.objects.order_by("order")))[:MATRIX_ROWS]
    )
    today = {}
    rows = []
    for participant in people:
        on = today.setdefault(participant.site_id, Site(participant.site_id).today(at))
        rows.append((participant, list(_cells(participant, codes, user, on))))
    return {"template": "visits/matrix.html", "columns": codes, "rows": rows, "limit": MATRIX_ROWS, "key": KEY}


def _cells(participant, codes, user, on):
    may_log = user.can(Permission.LOG_VISIT, participant.site_id)
    visits = {visit.code: visit for visit in participant.visits.all()}
    for code, _name, _day in codes:
        visit = visits.get(code)
        if visit is None:
            yield code, None, None
            continue
        visit.participant = participant
        where = visit.status(on)
        link = reverse("log_visit", args=[participant.identifier, code]) if may_log and where.is_actionable else None
        yield code, where, link
