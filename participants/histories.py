"""Recording medical history, and that a list was asked for in full."""

from django.db import transaction

from studytracker import protocol

from .facts import FactRefused, about, partial, refuse_backwards, refuse_future
from .models import ListTaken, MedicalHistory


@transaction.atomic
def record_history(
    *,
    participant,
    term,
    category,
    by,
    at,
    started=None,
    ended=None,
    is_ongoing=False,
    visit_code="",
    source="",
):
    """Record one condition or episode. `started` and `ended` are dates or PartialDates, None where unknown."""
    started, ended = partial(started), partial(ended)
    try:
        participant.protocol.history_category(category)
    except protocol.UnknownCode as unknown:
        raise FactRefused(str(unknown), field="category") from None
    for on, field in ((started, "started"), (ended, "ended")):
        refuse_future(participant, on, at, field=field)
    if is_ongoing and ended:
        raise FactRefused("An ongoing condition has no end: leave one of the two out.", field="ended")
    refuse_backwards(started, ended)
    return MedicalHistory.objects.create(
        term=term,
        category=category,
        started=started,
        ended=ended,
        is_ongoing=is_ongoing,
        **about(participant, visit_code=visit_code, source=source, warnings=(), by=by, at=at),
    )


@transaction.atomic
def take_list(*, participant, subject, complete_on, by, at):
    """Say that the medicines, or the history, were asked for in full up to a day: what is not listed is absent."""
    if subject not in dict(ListTaken.LISTS):
        raise FactRefused(f'"{subject}" is no list that is taken.', field="subject")
    refuse_future(participant, complete_on, at, field="complete_on")
    return ListTaken.objects.create(
        participant=participant,
        site_id=participant.site_id,
        subject=subject,
        complete_on=complete_on,
        recorded_at=at,
        recorded_by=by,
    )
