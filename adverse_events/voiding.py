"""Taking an event out of the record's counts, and back: nothing is deleted, and each step has its reason."""

from contextlib import nullcontext

from django.db import transaction

from studytracker.refusal import Refused
from studytracker.trust.acting import because, current

from .models import AdverseEvent
from .watching import watch

SHORTEST_REASON = 5


class VoidingRefused(Refused):
    """The event stays as it is."""


def void(*, event, reason, by, at):
    """Mark the event as recorded in error (ISO 14155 7.8.3(f)). It stays readable, and counts nowhere."""
    reason = _reason(reason)
    return _settle(event, reason, wants_void=True, by=by, at=at, voided_at=at, voided_by=by, voided_reason=reason)


def restore(*, event, reason, by, at):
    """Take a voiding back. Who did it, when and why stands in the audit trail."""
    return _settle(
        event, _reason(reason), wants_void=False, by=by, at=at, voided_at=None, voided_by=None, voided_reason=""
    )


@transaction.atomic
def _settle(event, reason, *, wants_void, by, at, **facts):
    event = AdverseEvent.objects.select_for_update(of=("self",)).select_related("participant").get(pk=event.pk)
    if bool(event.voided_at) == wants_void:
        raise VoidingRefused(f"{event} is {'voided already' if wants_void else 'not voided'}, so nothing was changed.")
    for name, value in facts.items():
        setattr(event, name, value)
    with because(reason) if current() else nullcontext():
        event.save(update_fields=list(facts))
        watch(event, by=by, at=at, reason=reason)
    return event


def _reason(text):
    words = " ".join(text.split())
    if len(words) < SHORTEST_REASON:
        raise VoidingRefused("Say why, in a few words: the reason stays in the record.", field="reason")
    return words
