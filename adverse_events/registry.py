"""The adverse events as the registry's tables count them."""

from collections.abc import Iterator

from studytracker.exports.registry.tables import Reported

from .models import AdverseEvent
from .organ_systems import Systems


def events(infused) -> Iterator[Reported]:
    """Those of the participants `infused` that stand and did not certainly begin before the infusion."""
    systems = Systems()
    by_pk = {row.pk: row for row in infused}
    found = AdverseEvent.objects.standing().filter(participant__in=by_pk).order_by("participant", "number")
    for event in found:
        if not _began_before(event, by_pk[event.participant_id]):
            yield Reported(
                event.participant_id,
                event.dictionary_term,
                systems.of(event),
                f"CTCAE {event.ctcae_version}",
                event.is_serious,
                f"{by_pk[event.participant_id].identifier} event {event.number} ({event.term})",
            )


def _began_before(event, participant) -> bool:
    infusion = participant.infused
    if event.started.latest != infusion.infused_on:
        return event.started.latest < infusion.infused_on
    if event.started_time is None or not event.started.is_full:
        return False
    return event.started_time < infusion.started_at.astimezone(participant.site.zone).time()
