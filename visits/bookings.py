"""Appointments for visits: a date and a time at the site."""

from datetime import datetime, time
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Q

from studytracker.business_days import add_business_days
from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.protocol.models import Site
from studytracker.refusal import Refused
from studytracker.trust.versions import Overtaken

from .models import Booking, Visit, days_out


class BookingRefused(Refused):
    """The visit cannot be booked like this."""


@transaction.atomic
def book(*, visit, on, start_time, by, at, instead_of=None):
    """Agree on a time for `visit`; an earlier booking is moved. Raises BookingRefused.

    `instead_of` is the key of the booking that the person saw, 0 for none: another one is not moved unseen.
    """
    visit = _open(visit)
    _refuse_overtaken(visit, instead_of)
    try:
        starts_at = local_instant(on, start_time, visit.site.zone)
    except ImpossibleTime as error:
        raise BookingRefused(str(error), field="start_time") from None
    if starts_at <= at:
        raise BookingRefused(
            f"{words(visit, starts_at)} is past. Book a time to come, or log the visit if it took place.", field="on"
        )
    if on <= visit.participant.infused_on:
        raise BookingRefused(
            f"{day_label(on)} is not after the infusion on {day_label(visit.participant.infused_on)}.", field="on"
        )
    moved = f"Moved to {words(visit, starts_at)}"
    visit.bookings.in_force().update(cancelled_at=at, cancelled_by=by, cancelled_reason=moved)
    return Booking.objects.create(visit=visit, starts_at=starts_at, booked_at=at, booked_by=by)


@transaction.atomic
def cancel(*, visit, reason, by, at, instead_of=None):
    """Take back the appointment in force. Raises BookingRefused."""
    visit = _open(visit)
    _refuse_overtaken(visit, instead_of)
    booking = visit.bookings.in_force().first()
    if booking is None:
        raise BookingRefused(f"{visit} has no appointment. Nothing was changed.")
    booking.cancelled_at, booking.cancelled_by, booking.cancelled_reason = at, by, reason
    booking.save(update_fields=["cancelled_at", "cancelled_by", "cancelled_reason"])
    return booking


def in_force(visit):
    """The key of the booking in force, 0 for none. One query."""
    return visit.bookings.in_force().values_list("pk", flat=True).first() or 0


def _refuse_overtaken(visit, seen):
    booking = visit.bookings.in_force().first()
    if seen is None or seen == (booking.pk if booking else 0):
        return
    was = visit.bookings.filter(pk=seen).first()
    told = [words(visit, each.starts_at) if each else "no appointment" for each in (was, booking)]
    seen_now = {"instead_of": booking.pk if booking else 0}
    raise Overtaken(booking or was, [("Appointment", *told, "as typed below")], seen_now)


def booked_for(visit):
    """The instant of the appointment in force, or None. One query."""
    return visit.bookings.in_force().values_list("starts_at", flat=True).first()


def words(visit, starts_at):
    """'Fri 20 Jun 2025 09:30', in the site's time."""
    local = starts_at.astimezone(visit.site.zone)
    return f"{day_label(local.date())} {local:%H:%M}"


def proposal(visit, starts_at, at):
    """What the form starts with: the appointment in force, or the target while that is still to come."""
    if starts_at:
        local = starts_at.astimezone(visit.site.zone)
        return {"on": local.date(), "start_time": local.time()}
    return {"on": max(visit.target_on or visit.site.today(at), visit.site.today(at))}


def day_to_log(visit, today):
    """The day a log starts with: the day booked, once it has come, else today."""
    starts_at = booked_for(visit)
    day = starts_at.astimezone(visit.site.zone).date() if starts_at else today
    return min(day, today)


def doubt(visit, starts_at):
    """What speaks against the day of an appointment, in a sentence; empty when nothing does."""
    day = starts_at.astimezone(visit.site.zone).date()
    said = (
        [f"{visit.site_id} is closed on {day_label(day)}: {closed}."]
        if (closed := visit.site.rules.why_closed(day))
        else []
    )
    if days_out(day, visit.opens_on, visit.closes_on):
        said.append(
            f"{day_label(day)} is outside the window, {day_label(visit.opens_on)} to {day_label(visit.closes_on)}."
        )
    return " ".join([*said, "It is booked all the same; move it if that was not meant."]) if said else ""


def passed(today):
    """Bookings in force of an earlier day at the site; `today` maps site code to its day."""
    starts = {code: datetime.combine(day, time(), Site(code).zone) for code, day in today.items()}
    before = (Q(visit__site=code, starts_at__lt=midnight) for code, midnight in starts.items())
    return Booking.objects.in_force().filter(reduce(or_, before))


def time_left(visit, starts_at, today):
    """How long a passed appointment may still wait for its log."""
    rules = visit.participant.protocol.visit_log
    day = starts_at.astimezone(visit.site.zone).date()
    last = add_business_days(day, rules.booked_not_logged_business_days, visit.site.rules.days_off)
    return f"Log it by {day_label(last)}" if today <= last else f"It was to be logged by {day_label(last)}"


def _open(visit):
    visit = Visit.objects.select_for_update(of=("self",)).select_related("participant", "site").get(pk=visit.pk)
    if visit.attended_on or visit.missed_at:
        raise BookingRefused(f"{visit} is {'logged' if visit.attended_on else 'marked missed'} already.")
    if visit.closes_on is None:
        raise BookingRefused(f"{visit} has no window yet: the infusion sets Day 0.")
    if visit.dropped_in:
        raise BookingRefused(f"{visit} is no visit of protocol {visit.dropped_in}.")
    if not visit.participant.is_open:
        raise BookingRefused(f"{visit.participant} is closed: {visit.participant.stage.lower()}.")
    return visit
