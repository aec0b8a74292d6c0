"""Telling: what was determined, who was told when and how, and which investigators acknowledged. Nothing is sent."""

from django.db import transaction

from studytracker.access.models import User
from studytracker.dates import day_label
from studytracker.protocol import UnknownCode
from studytracker.refusal import Refused

from .models import AdverseEvent, Clock, Determination, Fulfilment, InvestigatorAcknowledgement, Notification
from .watching import watch

FOUND_REPORTABLE = "found_reportable"


class NotificationRefused(Refused):
    """This cannot be recorded like this."""


@transaction.atomic
def determine(*, event, kind, determined_at, note, by, at):
    """Record what was determined about the event; it starts the clocks that wait for it. NotificationRefused."""
    event = _standing(event)
    _known(event, "determination", kind, "kind")
    _not_in_the_future(event, determined_at, at, "determined_at")
    if kind == FOUND_REPORTABLE and not event.clocks.filter(is_closed_by_judgement=True).exists():
        raise NotificationRefused(
            "Nothing about this event was judged not reportable, so it cannot be found reportable now. "
            "Record that it qualifies instead.",
            field="kind",
        )
    made = Determination.objects.create(
        event=event,
        site_id=event.site_id,
        kind=kind,
        determined_at=determined_at,
        note=note,
        recorded_at=at,
        recorded_by=by,
    )
    watch(event, by=by, at=at, reason=f"{made.kind_words}: {note}")
    return made


@transaction.atomic
def notify(*, event, recipient, sent_at, method, reference, clocks, addressee="", note="", by, at):
    """Record that `recipient` was told. `clocks` are those that this answers. Raises NotificationRefused."""
    event = _standing(event)
    _known(event, "recipient", recipient, "recipient")
    _known(event, "notification_method", method, "method")
    _not_in_the_future(event, sent_at, at, "sent_at")
    made = Notification.objects.create(
        event=event,
        site_id=event.site_id,
        recipient=recipient,
        addressee=addressee,
        sent_at=sent_at,
        method=method,
        reference=reference,
        note=note,
        recorded_at=at,
        recorded_by=by,
    )
    _answer(made, clocks)
    watch(event, by=by, at=at, reason=f"{made.recipient_words} told: {reference}")
    return made


def _answer(notification, clocks):
    for clock in clocks:
        if clock.event_id != notification.event_id or notification.recipient not in clock.rule.notify:
            raise NotificationRefused(
                f"{clock} is not answered by telling {notification.recipient_words}.", field="clocks"
            )
        Fulfilment.objects.create(clock=clock, notification=notification)
        if clock.rule.acknowledged_by and notification.recipient == TELLS_INVESTIGATORS:
            _ask_for_acknowledgement(notification, clock.rule.acknowledged_by)


TELLS_INVESTIGATORS = "investigators"  # a code of the protocol's recipients


def _ask_for_acknowledgement(notification, role):
    """Of everybody who holds the role now, at every site."""
    held = {"memberships__role": role, "memberships__ended_at": None}
    people = User.objects.filter(is_active=True, **held).distinct().order_by("username")
    InvestigatorAcknowledgement.objects.bulk_create(
        (InvestigatorAcknowledgement(notification=notification, investigator=person) for person in people),
        ignore_conflicts=True,
    )


@transaction.atomic
def acknowledge(*, acknowledgement, by, at):
    """The investigator has seen the report. Only for oneself."""
    row = InvestigatorAcknowledgement.objects.select_for_update().get(pk=acknowledgement.pk)
    if row.acknowledged_at:
        raise NotificationRefused("This is acknowledged already. Nothing was changed.")
    if row.investigator_id != by.pk:
        raise NotificationRefused("An investigator acknowledges for oneself only.")
    row.acknowledged_at, row.acknowledged_by = at, by
    row.save(update_fields=["acknowledged_at", "acknowledged_by"])
    return row


@transaction.atomic
def void(*, record, reason, by, at):
    """A notification or determination recorded in error: its clocks run as if it had not been."""
    record = (
        type(record).objects.select_for_update(of=("self",)).select_related("event__participant").get(pk=record.pk)
    )
    if record.voided_at:
        raise NotificationRefused("This is voided already. Nothing was changed.")
    record.voided_at, record.voided_by, record.voided_reason = at, by, reason
    record.save(update_fields=["voided_at", "voided_by", "voided_reason"])
    watch(record.event, by=by, at=at, reason=f"Recorded in error: {reason}")
    return record


def answerable(event):
    """The clocks of the event that a notification may answer: not closed, the undone first."""
    return Clock.objects.filter(event=event, closed_at=None).order_by("met_at", "due_at", "pk")


def _standing(event):
    event = AdverseEvent.objects.select_for_update(of=("self",)).select_related("participant").get(pk=event.pk)
    if event.voided_at:
        raise NotificationRefused(f"{event} is voided and counts nowhere. Restore it first.")
    return event


def _known(event, vocabulary, code, field):
    try:
        event.participant.protocol.label(vocabulary, code)
    except UnknownCode as unknown:
        raise NotificationRefused(str(unknown), field=field) from None


def _not_in_the_future(event, instant, at, field):
    if instant > at:
        local = instant.astimezone(event.site.zone)
        raise NotificationRefused(
            f"{day_label(local.date())} {local:%H:%M} is in the future. Record it once it has happened.", field=field
        )
