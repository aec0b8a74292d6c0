"""Between participants: the board's look at the safety data of whoever was infused before (the stagger rule)."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from studytracker import protocol
from studytracker.dates import day_label
from studytracker.refusal import Refused

from .holds import open_hold
from .models import DsmbDecision, Participant
from .second_person import check_second_person


class DecisionRefused(Refused):
    """The decision cannot be recorded or confirmed like this."""


@transaction.atomic
def record_decision(*, participant, decision, decided_on, cut_off_on, document, by, at, on_available_data=""):
    """What the board decided on the data of `participant`, with its document. It counts once confirmed."""
    participant = Participant.objects.for_listing().get(pk=participant.pk)
    _term(decision)
    if not participant.infused:
        raise DecisionRefused(f"{participant} was not infused: there are no safety data to decide on.")
    today = participant.site.today(at)
    if not participant.infused_on <= cut_off_on <= decided_on <= today:
        raise DecisionRefused(
            f"The data cut-off lies between the infusion on {day_label(participant.infused_on)} and the decision, "
            f"and the decision not after today, {day_label(today)}.",
            field="decided_on" if decided_on > today else "cut_off_on",
        )
    return DsmbDecision.objects.create(
        participant=participant,
        site=participant.site,
        decision=decision,
        decided_on=decided_on,
        cut_off_on=cut_off_on,
        document=document,
        on_available_data=on_available_data,
        recorded_at=at,
        recorded_by=by,
    )


@transaction.atomic
def confirm_decision(*, decision, answered, by, at):
    """The second person read the document and confirms. To pause or to stop opens a hold at every site."""
    decision = (
        DsmbDecision.objects.select_for_update(of=("self",))
        .select_related("recorded_by", "participant")
        .get(pk=decision.pk)
    )
    if decision.confirmed_at:
        raise DecisionRefused("This decision is confirmed already. Nothing was changed.")
    check_second_person(first=decision.recorded_by, by=by, answered=answered, at=at)
    decision.confirmed_at, decision.confirmed_by = at, by
    decision.save(update_fields=["confirmed_at", "confirmed_by"])
    if not decision.goes_on:
        words = f"{decision.decision_words} after the data of one participant: {decision.document}"
        open_hold(cause="dsmb", text=words[:500], reference=f"Decision {decision.pk}", by=by, at=at)
    return decision


def _term(decision):
    try:
        protocol.current().term("dsmb_decision", decision)
    except protocol.UnknownCode as unknown:
        raise DecisionRefused(str(unknown), field="decision") from None


def before(participant, on):
    """Everybody infused before `participant` in the scope of the stagger rule, on or before the day `on`."""
    people = Participant.objects.for_listing().filter(infusion__infused_on__lte=on).exclude(pk=participant.pk)
    if participant.protocol.stagger.scope == "site":
        people = people.filter(site=participant.site_id)
    return people.prefetch_related("dsmb_decisions").order_by("infusion__started_at")


def waits_for(earlier, participant, on) -> list[str]:
    """What the gate still waits for in the data of `earlier`, in sentences; empty when it is open."""
    stagger = participant.protocol.stagger
    name = str(earlier) if earlier.site_id == participant.site_id else f"a participant at {earlier.site_id}"
    decisions = [each for each in earlier.dsmb_decisions.all() if each.confirmed_at and each.goes_on]
    if any(each.on_available_data for each in decisions):
        return []
    found = []
    first_day = earlier.infused_on + timedelta(days=stagger.minimum_days)
    if on < first_day:
        found.append(f"{stagger.minimum_days} days since the infusion of {name} are over on {day_label(first_day)}.")
    for path in settings.SAFETY_LOOKS:
        found += [f"{name}: {words}" for words in import_string(path)(earlier, stagger.after_visits)]
    if stagger.needs_dsmb_decision and not decisions:
        found.append(
            f"The DSMB has not decided on the data of {name}. The study chair records the decision, "
            "a second person confirms it."
        )
    return [sentence[0].upper() + sentence[1:] for sentence in found]


def reasons_against(participant, on) -> list[str]:
    """What the stagger rule still waits for before this participant may be infused on the day `on`."""
    return [sentence for earlier in before(participant, on) for sentence in waits_for(earlier, participant, on)]


def closed_by_moving(participant, to_on) -> list:
    """(participant, sentences) of each infused since, for whom the rule held on their Day 0 and would not have, had
    this one's Day 0 been `to_on`. Changes nothing.
    """
    moved = Participant.objects.for_listing().prefetch_related("dsmb_decisions").get(pk=participant.pk)
    moved.infused.infused_on = to_on
    since = Participant.objects.for_listing().filter(infusion__infused_on__gte=to_on).exclude(pk=participant.pk)
    if participant.protocol.stagger.scope == "site":
        since = since.filter(site=participant.site_id)
    found = [
        (later, waits_for(moved, later, later.infused_on))
        for later in since.order_by("infusion__started_at")
        if not reasons_against(later, later.infused_on)
    ]
    return [(later, sentences) for later, sentences in found if sentences]
