"""Judging an event anew: every change of a judgement is kept beside what it replaced (21 CFR 312.62(b))."""

from django.db import transaction

from studytracker.trust.acting import because

from .consistency import EventRefused, check
from .models import (
    SITE,
    SITE_JUDGES,
    SPONSOR,
    SPONSOR_JUDGES,
    AdverseEvent,
    Assessment,
    GradeEpisode,
    is_unanswered,
)
from .watching import watch

JUDGES = {SITE: SITE_JUDGES, SPONSOR: SPONSOR_JUDGES}


@transaction.atomic
def assess(*, event, by, at, party=SITE, reason="", **facts):
    """Give or change judgements of one party; `facts` are fields of SITE_JUDGES or SPONSOR_JUDGES.

    What was answered before stays in the assessments, and replacing it needs a `reason`. A changed `grade` is a
    correction of the whole course; a worsening is `regrade`. Raises EventRefused.
    """
    event = locked(event)
    before = event.judgements()
    changed = {name: value for name, value in facts.items() if before.get(name) != value}
    _refuse_what_is_not_a_change(before, changed, facts, party, reason)
    for name, value in changed.items():
        setattr(event, name, value)
    check(event, at)
    with because(reason):
        event.save(update_fields=list(changed))
    if "grade" in changed:
        correct_course(event, reason, by, at)
    record(event, before, party=party, reason=reason, by=by, at=at)
    watch(event, by=by, at=at, reason=reason)
    event.refresh_from_db(fields=["is_serious"])
    return event


@transaction.atomic
def regrade(*, event, grade, since, by, at, reason=""):
    """The event has had this grade since the PartialDate `since`. The event's own grade is its highest."""
    event = locked(event)
    before = event.judgements()
    if since.latest < event.started.earliest or (event.ended and since.earliest > event.ended.latest):
        raise EventRefused(f"{since} is outside the event, which began {event.started}.", field="since")
    if since.earliest > event.participant.site.today(at):
        raise EventRefused(f"{since} is in the future.", field="since")
    GradeEpisode.objects.create(event=event, grade=grade, since=since, recorded_at=at, recorded_by=by)
    event.grade = max(grade, event.grade or 0)
    check(event, at)
    reason = reason or f"Grade {grade} since {since}"
    with because(reason):
        event.save(update_fields=["grade"])
    record(event, before, party=SITE, reason=reason, by=by, at=at)
    watch(event, by=by, at=at, reason=reason)
    return event


def record(event, before, *, party, reason, by, at):
    """Append what is judged now, if it differs from `before` ({} for a new event)."""
    now = event.judgements()
    changed = [name for name, value in now.items() if before.get(name) != value]
    if before and not changed:
        return None
    return Assessment.objects.create(
        event=event,
        number=event.assessments.count() + 1,
        party=party,
        changed=" ".join(changed) if before else "",
        reason=reason,
        made_at=at,
        made_by=by,
        **now,
    )


def begin_course(event, *, by, at):
    """The first grade counts from the onset."""
    if event.grade is not None and not event.grade_episodes.filter(withdrawn_at=None).exists():
        GradeEpisode.objects.create(
            event=event, grade=event.grade, since=event.started, recorded_at=at, recorded_by=by
        )


def move_course(event, onset, *, by, at, reason):
    """The onset was mistaken: the grade that counted from it counts from the right one."""
    for episode in event.grade_episodes.filter(withdrawn_at=None, since=onset):
        facts = {"grade": episode.grade, "recorded_at": at, "recorded_by": by}
        GradeEpisode.objects.create(event=event, since=event.started, **facts)
        episode.withdrawn_at, episode.withdrawn_by, episode.withdrawn_reason = at, by, reason or "Onset corrected"
        episode.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_reason"])


def locked(event):
    """The row as it is now, and nobody else's until this transaction ends."""
    return AdverseEvent.objects.select_for_update(of=("self",)).select_related("participant").get(pk=event.pk)


def _refuse_what_is_not_a_change(before, changed, facts, party, reason):
    if foreign := set(facts) - set(JUDGES[party]):
        raise EventRefused(f"Not for the {party} to answer: {', '.join(sorted(foreign))}.")
    if not changed:
        raise EventRefused("Nothing was changed, so nothing was saved.")
    if not reason and any(not is_unanswered(name, before[name]) for name in changed):
        raise EventRefused("Say why: an answer that was given before is replaced.", field="reason")


def correct_course(event, reason, by, at):
    """The course so far was mistaken: it is withdrawn, and the event's grade counts from its onset."""
    standing = event.grade_episodes.filter(withdrawn_at=None)
    standing.update(withdrawn_at=at, withdrawn_by=by, withdrawn_reason=reason or "Corrected")
    begin_course(event, by=by, at=at)
