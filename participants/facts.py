"""What the recording of every clinical fact shares: the day, the warnings, and taking a fact out of the record."""

from contextlib import nullcontext
from datetime import date

from django.db import IntegrityError, transaction

from studytracker.dates import PartialDate, day_label
from studytracker.refusal import Refused
from studytracker.trust.acting import because, current

SHORTEST_REASON = 5


class FactRefused(Refused):
    """The fact cannot be recorded like this."""


class Implausible(FactRefused):
    """Possible, but unlikely: it is saved once the person confirms the very sentences that were shown."""

    def __init__(self, *warnings, field=None):
        self.warnings = warnings
        super().__init__(*warnings, field=field)


def about(participant, *, visit_code, source, warnings, by, at):
    """The fields that every fact carries."""
    return {
        "participant": participant,
        "site_id": participant.site_id,
        "visit_code": visit_code,
        "protocol_version": participant.protocol_version,
        "source": source,
        "acknowledged_warning": " ".join(warnings)[:500],
        "recorded_at": at,
        "recorded_by": by,
    }


def confirmed(warnings, acknowledged, *, field):
    """The warnings, once each of them was acknowledged; raises Implausible before that."""
    warnings = [warning for warning in warnings if warning]
    if open_ones := [warning for warning in warnings if warning not in acknowledged]:
        raise Implausible(*open_ones, field=field)
    return warnings


def refuse_future(participant, on: date | PartialDate | None, at, *, field):
    """A fact lies in the past; of a partial date, at least its earliest day does."""
    today = participant.site.today(at)
    first = on.earliest if isinstance(on, PartialDate) else on
    if first and first > today:
        raise FactRefused(
            f"{on if isinstance(on, PartialDate) else day_label(on)} is in the future: "
            f"today is {day_label(today)} at {participant.site_id}.",
            field=field,
        )


def refuse_backwards(started, ended, *, field="ended"):
    """An end certainly before the start is a slip; where the known parts allow either order, it is taken."""
    if started and ended and ended.latest < started.earliest:
        raise FactRefused(f"The end, {ended}, is before the start, {started}. Check both dates.", field=field)


def partial(on) -> PartialDate | None:
    return PartialDate.of(on) if isinstance(on, date) else on


def void(*, fact, reason, by, at):
    """Mark a fact as recorded in error (ISO 14155 7.8.3(f)). It stays readable and counts nowhere."""
    reason = _reason(reason)
    return _settle(fact, reason, voided_at=at, voided_by=by, voided_reason=reason)


def restore(*, fact, reason, by, at):
    """Take a voiding back. Who did it, when and why stands in the audit trail."""
    try:
        return _settle(fact, _reason(reason), voided_at=None, voided_by=None, voided_reason="")
    except IntegrityError:
        raise FactRefused(f"Another one stands in place of {fact}. Void that one first.") from None


@transaction.atomic
def _settle(fact, reason, **facts):
    fact = type(fact)._base_manager.select_for_update(of=("self",)).get(pk=fact.pk)
    if bool(fact.voided_at) == bool(facts["voided_at"]):
        words = "is voided already" if fact.voided_at else "is not voided"
        raise FactRefused(f"{fact} {words}, so nothing was changed.")
    for name, value in facts.items():
        setattr(fact, name, value)
    with because(reason) if current() else nullcontext():
        fact.save(update_fields=[*facts])
    return fact


def _reason(text):
    words = " ".join(text.split())
    if len(words) < SHORTEST_REASON:
        raise FactRefused("Say why, in a few words: the reason stays in the record.", field="reason")
    return words
