"""Visits as calendars: the windows and the appointments a person may see, for that person's own calendar program.

Calendars are shared and synchronised where nobody looks, so an event holds the participant's identifier and the visit,
and nothing else.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max
from icalendar import Calendar, Event

from studytracker import protocol
from studytracker.access.models import User
from studytracker.protocol.models import Site
from studytracker.refusal import Refused
from studytracker.trust.models import Entry

from . import status
from .models import Booking, CalendarFeed, Visit
from .timezones import timezone

PAST_DAYS = 60
FETCHES_NOTED_EVERY = timedelta(hours=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # for rows from before the trail began
# An event that no longer takes place stays in the feed as cancelled, or programs would keep it.
GONE = {status.DONE, status.DONE_OUT, status.MISSED, status.NOT_APPLICABLE}


class FeedRefused(Refused):
    """The calendar address cannot be changed like this."""


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def make(*, user, at) -> str:
    """A new address for `user`, in place of the one in force. Returns its token, which is kept nowhere."""
    User.objects.select_for_update().get(pk=user.pk)
    user.calendar_feeds.in_force().update(revoked_at=at)
    token = secrets.token_urlsafe(32)
    CalendarFeed.objects.create(user=user, token_sha256=hashed(token), made_at=at)
    return token


@transaction.atomic
def revoke(*, user, at):
    """Programs that use the address get nothing from now on. Raises FeedRefused."""
    if not user.calendar_feeds.in_force().update(revoked_at=at):
        raise FeedRefused("There is no calendar address to revoke.")


def owner(token: str, at):
    """The person whose address this is, or None. Notes the fetch, to the hour."""
    feed = CalendarFeed.objects.in_force().select_related("user").filter(token_sha256=hashed(token)).first()
    if feed is None or not feed.user.is_active:
        return None
    if feed.fetched_at is None or at - feed.fetched_at >= FETCHES_NOTED_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(fetched_at=at)
    return feed.user


def windows(user, at) -> Calendar:
    """One all-day event a planned follow-up visit, from the first to the last day of its window. Two queries."""
    today = Site.todays(at)
    since = (at - timedelta(days=PAST_DAYS)).date()
    rows = Visit.objects.visible_to(user).for_page().filter(closes_on__gte=since).order_by("closes_on", "pk")
    visits = [visit for visit in rows if visit.planned.kind == "follow_up"]
    changes = _changes(visits, {visit.participant for visit in visits})
    events = [
        _window(visit, visit.status(today[visit.site_id]), _last([changes[visit], changes[visit.participant]]))
        for visit in visits
    ]
    return _calendar("Visit windows", events)


def appointments(user, at) -> Calendar:
    """One event a visit that is or was booked, at its latest appointment. Three queries."""
    since = at - timedelta(days=PAST_DAYS)
    visits = Visit.objects.visible_to(user).filter(bookings__starts_at__gte=since).distinct()
    booked = {visit: [] for visit in visits.select_related("participant", "site")}
    for booking in Booking.objects.filter(visit__in=[visit.pk for visit in booked]).order_by("booked_at", "pk"):
        booked[Visit(pk=booking.visit_id)].append(booking)
    changes = _changes([booking for bookings in booked.values() for booking in bookings])
    events = [
        _appointment(visit, bookings[-1], _last([changes[booking] for booking in bookings]))
        for visit, bookings in booked.items()
    ]
    return _calendar("Visit appointments", events, _zones(booked))


def _zones(booked):
    """Each site's zone, by the rules in force since the year before its first appointment."""
    years = {}
    for visit, bookings in booked.items():
        zone = visit.site.zone
        first = min(booking.starts_at.astimezone(zone).year for booking in bookings)
        years[zone] = min(first, years.get(zone, first))
    return [timezone(zone, year - 1) for zone, year in years.items()]


class Change(NamedTuple):
    """How often something changed, and when last."""

    count: int
    at: datetime


def _changes(*groups) -> dict:
    """The Change of each row, from the audit trail, which counts whichever way a row was written. One query.

    So the SEQUENCE of an event rises with every change and never falls.
    """
    rows = {(row._meta.db_table, str(row.pk)): row for group in groups for row in group}
    found = dict.fromkeys(rows.values(), Change(0, NEVER))
    for table in {table for table, _ in rows}:
        keys = [key for name, key in rows if name == table]
        counted = Entry.objects.filter(table=table, row_id__in=keys).order_by().values_list("row_id")
        for key, count, last in counted.annotate(Count("pk"), Max("at")):
            found[rows[table, key]] = Change(count, datetime.fromisoformat(last))
    return found


def _last(changes) -> Change:
    return Change(sum(change.count for change in changes), max(change.at for change in changes))


def _window(visit, where, change):
    event = _event("window", visit, f"{visit} {'overdue' if where.code == status.OVERDUE else 'window'}", change)
    event.add("dtstart", visit.opens_on)
    event.add("dtend", visit.closes_on + timedelta(days=1))  # the end of an all-day event is not part of it
    event.add("transp", "TRANSPARENT")
    event.add("categories", [where.code.upper()])
    event.add("status", "CANCELLED" if where.code in GONE else "CONFIRMED")
    return event


def _appointment(visit, booking, change):
    event = _event("appointment", visit, f"{visit} visit", change)
    event.add("dtstart", booking.starts_at.astimezone(visit.site.zone))
    event.add("duration", timedelta(minutes=visit.participant.protocol.visit_log.appointment_minutes))
    event.add("status", "CANCELLED" if booking.cancelled_at else "CONFIRMED")
    return event


def _event(kind, visit, summary, change):
    event = Event()
    event.add("uid", f"{kind}-{visit.pk}@{settings.MAIL_DOMAIN}")
    event.add("summary", summary)
    event.add("class", "PRIVATE")
    event.add("sequence", change.count)
    event.add("dtstamp", change.at)
    event.add("last-modified", change.at)
    return event


def _calendar(name, events, zones=()):
    rules = protocol.current()
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", f"-//Study Tracker//{rules.registry.id}//EN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{name} {rules.registry.id}")
    calendar.add("x-published-ttl", "PT1H")
    for component in (*zones, *events):
        calendar.add_component(component)
    return calendar


FEEDS = {"appointments": appointments, "windows": windows}
