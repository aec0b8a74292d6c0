"""Correcting an event: what was recorded is replaced with a reason, and what it was stays in the record."""

from contextlib import nullcontext

from django.db import transaction

from studytracker.trust.acting import because, current

from .assessing import correct_course, locked, move_course, record
from .coding import code
from .consistency import EventRefused, check
from .doubts import settle
from .models import SITE, SITE_JUDGES, is_unanswered
from .watching import watch

REPORTED = (
    *("term", "dictionary_term", "started", "started_time", "is_ongoing", "ended", "ended_time"),
    *("action_taken", "is_treated", "medication", "treatment", "visit", "note"),
)
CORRECTABLE = REPORTED + SITE_JUDGES


@transaction.atomic
def correct(*, event, by, at, reason="", confirmed=None, **facts):
    """Replace facts of REPORTED and judgements of SITE_JUDGES. Replacing what was answered needs a `reason`. Raises
    EventRefused.
    """
    event = locked(event)
    if event.voided_at:
        raise EventRefused(f"{event} is voided: restore it before it is corrected.")
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


def _refuse_without_reason(event, changed, reason):
    if not changed:
        raise EventRefused("Nothing was changed, so nothing was saved.")
    replaced = [name for name in changed if not is_unanswered(name, getattr(event, name)) and name != "is_ongoing"]
    if replaced and not reason:
        words = ", ".join(str(event._meta.get_field(name).verbose_name) for name in replaced)
        raise EventRefused(f"Say why: what was recorded is replaced ({words}).", field="reason")
