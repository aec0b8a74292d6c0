"""What became of a planned visit: attended, or missed."""

from django.db import transaction

from participants.models import Participant
from studytracker.business_days import business_days_after
from studytracker.dates import day_label, protocol_day
from studytracker.refusal import Refused

from . import deviations, status
from . import procedures as procedures_of
from .models import Visit, days_out


class AttendanceRefused(Refused):
    """The visit cannot be logged or marked missed like this."""


ATTENDANCE = ["attended_on", "attended_at", "attended_by", "visit_type", "note", "late_entry_reason"]


@transaction.atomic
def attend(
    *,
    visit,
    attended_on,
    out_of_window_reason="",
    visit_type="",
    procedures=None,
    measured=None,
    note="",
    late_entry_reason="",
    by,
    at,
):
    """Log that `visit` took place on the site-local day `attended_on`. Raises AttendanceRefused.

    A visit outside its window is recorded all the same, with a reason: it happened. `procedures` maps each code to
    the reason it was not done, empty for done; None leaves them to be recorded later. `measured` holds their values.
    """
    visit = _open(visit)
    check_day(visit, attended_on, at)
    out = days_out(attended_on, visit.opens_on, visit.closes_on)
    if out and not out_of_window_reason:
        raise AttendanceRefused(f"{window_words(visit, attended_on)} Give the reason.", field="out_of_window_reason")
    late = needs_late_reason(visit, attended_on, at, late_entry_reason)
    visit.attended_on, visit.attended_at, visit.attended_by = attended_on, at, by
    visit.out_of_window_reason = out_of_window_reason if out else ""
    visit.visit_type, visit.note = visit_type, note
    visit.late_entry_reason = late_entry_reason if late else ""
    visit.save(update_fields=[*ATTENDANCE, "out_of_window_reason"])
    if procedures is not None:
        procedures_of.record(visit=visit, procedures=procedures, measured=measured, by=by, at=at)
    if out:
        deviations.draft(visit, deviations.OUT_OF_WINDOW, attended_on, out_of_window_words(visit), by=by, at=at)
    if late:
        draft_late_entry(visit, late, by=by, at=at)
    return visit


def out_of_window_words(visit):
    return f"{window_words(visit, visit.attended_on)} Reason: {visit.out_of_window_reason}."


def draft_late_entry(visit, late, *, by, at):
    deviations.draft(visit, deviations.LATE_ENTRY, visit.attended_on, late_words(visit, late), by=by, at=at)


def late_words(visit, late):
    days = f"{late} business days after its day, {day_label(visit.attended_on)}"
    return f"{visit.code} was logged {days}. Reason: {visit.late_entry_reason}."


@transaction.atomic
def miss(*, visit, reason, by, at):
    """Decide that `visit` will not take place. A person decides; the window alone never makes a visit missed."""
    visit = _open(visit)
    if visit.status(visit.site.today(at)).code == status.NOT_APPLICABLE:
        raise AttendanceRefused(
            f"{visit.participant} left the study on {day_label(visit.participant.withdrawn_on)}, before the window of "
            f"{visit.code} closed: the visit is not applicable, so it was not missed."
        )
    if visit.site.today(at) < visit.opens_on:
        raise AttendanceRefused(
            f"The window of {visit} opens on {day_label(visit.opens_on)}. It can be marked missed from then on."
        )
    if not reason.strip():
        raise AttendanceRefused("Say why the visit was missed.", field="reason")
    visit.missed_at, visit.missed_by, visit.missed_reason = at, by, reason
    visit.save(update_fields=["missed_at", "missed_by", "missed_reason"])
    # Missed is decided at the earliest within the window: the deviation happened no later than today.
    happened_on = min(visit.closes_on, visit.site.today(at))
    span = f"{day_label(visit.opens_on)} to {day_label(visit.closes_on)}"
    why = f"{visit.code} was missed: {reason}. Its window was {span}."
    deviations.draft(visit, deviations.MISSED, happened_on, why, by=by, at=at)
    return visit


def late_by(visit, attended_on, today):
    """Business days at the site between the day of a visit and its log, where they are too many, else 0."""
    days = business_days_after(attended_on, today, visit.site.rules.days_off)
    return days if days > visit.participant.protocol.visit_log.late_entry_business_days else 0


def needs_late_reason(visit, attended_on, at, reason):
    """Whether this is a late entry. Raises AttendanceRefused for one without its reason.

    Source data are recorded as the visit happens (ALCOA, ICH E6(R3) 2.12.2); a later entry says why it is late.
    """
    late = late_by(visit, attended_on, visit.site.today(at))
    if late and not reason.strip():
        allowed = visit.participant.protocol.visit_log.late_entry_business_days
        raise AttendanceRefused(
            f"{day_label(attended_on)} is {late} business days ago; more than {allowed} is a late entry. "
            "Say why it is logged only now.",
            field="late_entry_reason",
        )
    return late


def window_words(visit, on):
    """'4 Mar is 3 days after the window of W4 (18 Feb to 1 Mar).', or that it lies in the window."""
    span = f"{visit.code} ({day_label(visit.opens_on)} to {day_label(visit.closes_on)})"
    out = days_out(on, visit.opens_on, visit.closes_on)
    if not out:
        return f"{day_label(on)} is in the window of {span}."
    days = "1 day" if abs(out) == 1 else f"{abs(out)} days"
    return f"{day_label(on)} is {days} {'after' if out > 0 else 'before'} the window of {span}."


def day_words(visit, on):
    """'Tue 4 Mar 2025 · D28 · in window', for the day `on`."""
    out = days_out(on, visit.opens_on, visit.closes_on)
    where = f"{abs(out)} d {'after' if out > 0 else 'before'} the window" if out else "in window"
    return f"{day_label(on)} · D{protocol_day(on, visit.participant.infused_on)} · {where}"


def against_withdrawal(participant, withdrawn_on):
    """Why the participant cannot have left on this day; empty when nothing speaks against it."""
    last = participant.visits.exclude(attended_on=None).order_by("-attended_on").first()
    if last and last.attended_on > withdrawn_on:
        return (
            f"{last.code} was attended on {day_label(last.attended_on)}, after {day_label(withdrawn_on)}. "
            "Nobody leaves the study before a visit they came to: check the day."
        )
    return ""


def why_closed(visit):
    """Why nothing can be recorded for the visit any more, or not yet; empty when it can."""
    if visit.attended_on:
        return f"{visit} was logged already, for {day_label(visit.attended_on)}. Nothing was changed."
    if visit.missed_at:
        return f"{visit} was marked missed already ({visit.missed_reason}). Nothing was changed."
    if visit.closes_on is None:
        return f"{visit} has no window yet: the infusion sets Day 0."
    if visit.dropped_in:
        return f"{visit} is no visit of protocol {visit.dropped_in}. Log an unscheduled visit instead."
    return ""


def recorded_meanwhile(visit):
    """What is recorded for the visit by now, to stand beside what somebody typed for it; None while nothing is."""
    now = Visit.objects.for_page().select_related("attended_by", "missed_by").get(pk=visit.pk)
    if not (now.attended_on or now.missed_at):
        return None
    return {"visit": now, "not_done": [each for each in now.procedures.order_by("id") if not each.is_done]}


def echo(visit, on, today):
    """What the day `on` means for this visit: its window, and whether the log is late."""
    if visit.closes_on is None and not visit.unplanned:
        return f"{visit} has no window yet: the infusion sets Day 0."
    words = day_label(on) if visit.unplanned else day_words(visit, on)
    late = late_by(visit, on, today)
    return f"{words} · logged {late} business days later, say why" if late else words


def _open(visit):
    """The visit as it is now, locked, and not yet resolved by anybody."""
    # The participant's row first, as a withdrawal does: one of the two waits and sees the other.
    Participant.objects.select_for_update(no_key=True).get(pk=visit.participant_id)
    visit = Visit.objects.select_for_update(of=("self",)).select_related("participant", "site").get(pk=visit.pk)
    closed = why_closed(visit)
    if closed:
        raise AttendanceRefused(closed)
    return visit


def check_not_ahead(site, attended_on, at):
    today = site.today(at)
    if attended_on > today:
        raise AttendanceRefused(
            f"{day_label(attended_on)} is in the future: today is {day_label(today)} at {site}. "
            "Log the visit once it has taken place.",
            field="attended_on",
        )


def check_day(visit, attended_on, at):
    participant = visit.participant
    check_not_ahead(visit.site, attended_on, at)
    if attended_on <= participant.infused_on:
        raise AttendanceRefused(
            f"{day_label(attended_on)} is not after the infusion on {day_label(participant.infused_on)}. "
            "Follow-up visits come after Day 0.",
            field="attended_on",
        )
    if participant.withdrawn_on and attended_on > participant.withdrawn_on:
        raise AttendanceRefused(
            f"{participant} left the study on {day_label(participant.withdrawn_on)}. "
            "A visit after that day cannot be logged.",
            field="attended_on",
        )
