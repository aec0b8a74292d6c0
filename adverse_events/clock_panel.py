"""The clocks of one event on its page, with what this person may do about each."""

from django.urls import reverse

from studytracker.access.grants import Permission

from .clock_tables import chip, due_words
from .models.clock import UNDONE


def panel(event, user, at):
    """Four queries, whatever the number of clocks: clocks, their changes, notifications, determinations."""
    rows = list(event.clocks.prefetch_related("changes__made_by").select_related("deviation", "closed_by"))
    may_notify = user.can(Permission.NOTIFY, event.site_id) and not event.voided_at
    may_close = user.can(Permission.CLOSE_CLOCK, event.site_id) and not event.voided_at
    place = [event.participant.identifier, event.number]
    for clock in rows:
        clock.event = event
    told = event.notifications.select_related("recorded_by").prefetch_related(
        "acknowledgements__investigator", "fulfilments__clock"
    )
    return {
        "clocks": [_row(clock, at, place, may_notify, may_close, user.roles) for clock in _in_order(rows, event)],
        "not_configured": _not_configured(event, rows),
        "notifications": [_with(event, each) for each in told],
        "determinations": [_with(event, each) for each in event.determinations.select_related("recorded_by")],
        "notify_url": reverse("notify", args=place) if may_notify else "",
        "determine_url": reverse("determine", args=place) if may_notify else "",
        "may_void": may_notify,
    }


def _with(event, row):
    row.event = event
    return row


def _in_order(rows, event):
    order = [rule.id for rule in event.participant.protocol.clocks]
    return sorted(rows, key=lambda clock: (bool(clock.closed_at), order.index(clock.rule_id), clock.pk))


def _row(clock, at, place, may_notify, may_close, roles):
    """Who answers for the clock by the protocol is offered to record that it was told."""
    may_notify = may_notify and bool(roles & set(clock.rule.responsible))
    undone = clock.state_at(at) in UNDONE
    answer = f"{reverse('notify', args=place)}?clock={clock.pk}" if may_notify and undone and clock.rule.notify else ""
    close = reverse("close_clock", args=[*place, clock.pk]) if may_close and undone else ""
    return {"clock": clock, "chip": chip(clock, at), "due": due_words(clock), "answer": answer, "close": close}


def _not_configured(event, rows):
    """Clocks of a serious event that the protocol leaves without a length and does not keep."""
    if not rows:
        return []
    return [rule for rule in event.participant.protocol.clocks if rule.is_about_an_event and not rule.is_opened]
