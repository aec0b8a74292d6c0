"""Logging an adverse event."""

from django.db import transaction
from django.db.models import Max

from participants.models import Participant

from .assessing import begin_course, record
from .coding import code
from .consistency import EventRefused, check
from .doubts import settle
from .models import SITE, AdverseEvent, is_unanswered
from .watching import watch


@transaction.atomic
def report(*, participant, by, at, confirmed=None, **facts):
    """Log an adverse event of `participant`; `facts` are fields of AdverseEvent. Raises EventRefused.

    Required are `term` and `started`. Hard contradictions are refused, soft ones are asked (see doubts.settle for
    `confirmed`), everything else may follow later.
    """
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    event = AdverseEvent(
        participant=participant,
        site_id=participant.site_id,
        number=(participant.adverse_events.aggregate(last=Max("number"))["last"] or 0) + 1,
        protocol_version=participant.protocol_version,
        ctcae_version=participant.protocol.ctcae.version,
        reported_at=at,
        reported_by=by,
        **facts,
    )
    code(event)
    check(event, at)
    event.save()
    settle(event, confirmed=confirmed, by=by, at=at)
    begin_course(event, by=by, at=at)
    record(event, {}, party=SITE, reason="", by=by, at=at)
    watch(event, by=by, at=at)
    return event


@transaction.atomic
def complete(*, event, by, at, confirmed=None, **facts):
    """Fill in what was open: end, grade, causality, action, outcome, or one more seriousness criterion.

    Raises EventRefused. What is recorded stays: an answer once given is not replaced, a criterion not taken back.
    """
    event = AdverseEvent.objects.select_for_update(of=("self",)).select_related("participant").get(pk=event.pk)
    given = {name: value for name, value in facts.items() if not is_unanswered(name, value)}
    if not given:
        raise EventRefused("Nothing was filled in, so nothing was saved.")
    before = event.judgements()
    for name, value in given.items():
        if name not in event.completable:
            raise EventRefused("This was answered already, and what is recorded stays as it is.", field=name)
        setattr(event, name, value)
    event.is_ongoing = event.is_ongoing and event.ended is None
    event.completed_at, event.completed_by = at, by
    code(event)
    check(event, at)
    event.save(update_fields=[*given, "body_system", "is_ongoing", "completed_at", "completed_by"])
    settle(event, confirmed=confirmed, by=by, at=at)
    begin_course(event, by=by, at=at)
    record(event, before, party=SITE, reason="", by=by, at=at)
    watch(event, by=by, at=at)
    event.refresh_from_db(fields=["is_serious"])
    return event
