"""Lifting a hold: only with a reason, under a signature that binds the hold as it was shown (21 CFR 11.50)."""

from django.db import transaction

from studytracker.access.grants import Permission
from studytracker.trust.signatures import sign, standing
from studytracker.trust.subjects import Kind, Snapshot, UnknownSubject, covered

from .holds import lift_hold
from .models import Hold

KIND = "hold"
MEANING = "I have reviewed what this hold rests on, and lift it for the reason given"
# What is signed; that the hold is lifted afterwards does not make the signature stale.
SIGNED = ("site_id", "cause", "text", "reference", "opened_at", "opened_by_id")


def snapshot(key):
    hold = Hold.objects.filter(pk=key).first() if key.isdecimal() else None
    if hold is None:
        raise UnknownSubject(key)
    facts = {
        "Where": hold.scope_words,
        "Cause": hold.cause,
        "What happened": hold.text,
        "Rests on": hold.reference,
        "Opened": hold.opened_at and hold.opened_at.isoformat(),
    }
    return Snapshot(str(hold), facts, [covered(hold, *SIGNED)], site=hold.site_id, url=hold.get_absolute_url())


HOLD = Kind("Lifting of a hold", snapshot, (MEANING,), permission=Permission.LIFT_HOLD)


def displayed_hash(hold) -> str:
    return standing(KIND, str(hold.pk)).sha256


@transaction.atomic
def lift_signed(*, hold, reason, displayed_hash, answered, by, at):
    """Sign the hold as it was displayed, and lift it, or neither. Raises SigningRefused and HoldRefused."""
    facts = {"displayed_hash": displayed_hash, "meaning": MEANING, "comment": reason, "answered": answered}
    sign(kind=KIND, key=str(hold.pk), **facts, by=by, at=at)
    return lift_hold(hold=hold, reason=reason, by=by, at=at)
