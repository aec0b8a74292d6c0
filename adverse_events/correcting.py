"""Correcting an event: what was recorded is replaced with a reason, and what it was stays in the record."""

import hashlib
from contextlib import nullcontext

from django.db import transaction

from studytracker.trust.acting import because, current

from .assessing import UNANSWERED, correct_course, locked, move_course, record
from .coding import code
from .consistency import EventRefused, check
from .doubts import settle
from .models import SITE, SITE_JUDGES
from .watching import watch

REPORTED = (
    *("term", "dictionary_term", "started", "started_time", "is_ongoing", "ended", "ended_time"),
    *("action_taken", "is_treated", "medication", "treatment", "visit", "note"),
)
CORRECTABLE = REPORTED + SITE_JUDGES


def fingerprint(event):
    """Stands for the event as a page showed it, so that nobody overwrites what they have not seen."""
    shown = "\n".join(f"{name}={getattr(event, name)}" for name in CORRECTABLE)
    return hashlib.sha256(shown.encode()).hexdigest()[:32]


@transaction.atomic
def correct(*, event, by, at, reason="", seen="", confirmed=None, **facts):
    """Replace facts of REPORTED and judgements of SITE_JUDGES. Replacing what was answered needs a `reason`.

    `seen` is the fingerprint of what the person was shown, empty for a caller who has no page. Raises EventRefused.
    """
    event = locked(event)
    _refuse_overtaken(event, seen)
    before, onset = event.judgements(), event.started
    changed = {name: value for name, value in facts.items() if getattr(event, name) != value}
    _refuse_without_reason(event, changed, reason)
    for name, value in changed.items():
        setattr(event, name, value)
    code(event)
    check(event, at)
    with because(reason) if reason and current() else nullcontext():
        event.save(update_fields=[*changed, "body_system"])
        if "grade" in changed:
            correct_course(event, reason, by, at)
        elif "started" in changed:
            move_course(event, onset, by=by, at=at, reason=reason)
        record(event, before, party=SITE, reason=reason, by=by, at=at)
        settle(event, confirmed=confirmed, by=by, at=at)
        watch(event, by=by, at=at, reason=reason)
    event.refresh_from_db(fields=["is_serious"])
    return event


def _refuse_overtaken(event, seen):
    if event.voided_at:
        raise EventRefused(f"{event} is voided: restore it before it is corrected.")
    if seen and seen != fingerprint(event):
        raise EventRefused(
            f"Somebody changed {event} while this page was open, so nothing is saved. What you typed stands below: "
            "open the event beside it, compare, and save again from a fresh page."
        )


def _refuse_without_reason(event, changed, reason):
    if not changed:
        raise EventRefused("Nothing was changed, so nothing was saved.")
    replaced = [name for name in changed if getattr(event, name) not in UNANSWERED and name != "is_ongoing"]
    if replaced and not reason:
        words = ", ".join(str(event._meta.get_field(name).verbose_name) for name in replaced)
        raise EventRefused(f"Say why: what was recorded is replaced ({words}).", field="reason")
