"""The clocks of one event, kept in step with its facts: opened, moved, closed, met, breached, each with its trace."""

from django.db import transaction
from django.db.models import F, Q

from studytracker import protocol
from studytracker.access.people import system
from studytracker.dates import day_label
from studytracker.refusal import Refused
from visits import deviations

from . import clocks
from .models import AdverseEvent, Clock, ClockChange


class ClockRefused(Refused):
    """This cannot be done with the clock now."""


def facts_of(event) -> clocks.Facts:
    """What the record says of the event now. Either judge's yes counts; a no counts once somebody gave it."""
    rules = protocol.version(event.protocol_version)
    told = list(event.notifications.standing())
    return clocks.Facts(
        site=event.site_id,
        recorded_at=event.reported_at,
        serious=event.is_serious,
        fatal_or_life_threatening=any(getattr(event, name) for name in FATAL_OR_LIFE_THREATENING),
        unexpected=UNEXPECTED.get(event.expectedness),
        suspected=_suspected(rules, event),
        related=related(rules, event),
        grade=event.grade,
        aware_at=event.aware_at,
        received_at=event.sponsor_received_at or _first_told(told, SPONSOR_TOLD),
        determined=tuple(
            clocks.Determined(str(each.pk), each.kind, each.determined_at) for each in event.determinations.standing()
        ),
        notices=_notices(event),
        is_void=event.voided_at is not None,
    )


FATAL_OR_LIFE_THREATENING = (
    *("is_fatal", "is_life_threatening"),
    *("sponsor_is_fatal", "sponsor_is_life_threatening"),
)
# Codes of the protocol's vocabularies.
UNEXPECTED = {"unexpected": True, "expected": False}
SPONSOR_TOLD = "sponsor"


def related(rules, judged) -> bool | None:
    """Whether either judge holds the event at least possibly related."""
    return _either(_related(rules, judged.causality), _related(rules, judged.sponsor_causality))


def _related(rules, code):
    return rules.term("causality", code).related if code else None


def _either(*answers):
    return True if True in answers else False if False in answers else None


def _suspected(rules, event):
    """A reasonable possibility; where that is not answered, the causality of the same judge stands for it."""
    site, sponsor = event.is_suspected, event.sponsor_is_suspected
    return _either(
        _related(rules, event.causality) if site is None else site,
        _related(rules, event.sponsor_causality) if sponsor is None else sponsor,
    )


def _first_told(told, recipient):
    return min((each.sent_at for each in told if each.recipient == recipient), default=None)


def _notices(event):
    """{clock: when the first notification that answers it went out}."""
    answered = event.clocks.filter(fulfilments__notification__voided_at=None, fulfilments__isnull=False)
    rows = answered.values_list("rule_id", "fulfilments__notification__sent_at")
    return {rule: min(at for each, at in rows if each == rule) for rule in {rule for rule, _ in rows}}


@transaction.atomic
def recompute(event, *, by, at, reason=""):
    """Bring the event's clocks in step with its facts. Safe to call any number of times."""
    event = AdverseEvent.objects.select_for_update(of=("self",)).select_related("participant").get(pk=event.pk)
    rules = protocol.version(event.protocol_version)
    wanted = {
        (demand.rule.id, demand.occurrence): demand
        for demand in clocks.demands(rules.clocks, facts_of(event), rules.site(event.site_id))
    }
    held = {(clock.rule_id, clock.occurrence): clock for clock in event.clocks.all()}
    for key, demand in wanted.items():
        if key not in held:
            held[key] = _open(event, demand, reason, by, at)
        else:
            _follow(held[key], demand, reason, by, at)
    for key, clock in held.items():
        clock.event = event
        if key not in wanted:
            _let_go(clock, reason, by, at)
        _meet(clock, by, at)
        _breach(clock, rules.clock_watch, by, at)


def _open(event, demand, reason, by, at):
    clock = Clock.objects.create(
        event=event,
        participant_id=event.participant_id,
        site_id=event.site_id,
        rule_id=demand.rule.id,
        occurrence=demand.occurrence,
        protocol_version=event.protocol_version,
        opened_at=at,
        opened_by=by,
        **_stamped(demand),
    )
    _trace(clock, f"Opened: {_run_words(clock)}", reason, by, at, to_due_at=clock.due_at)
    return clock


def _stamped(demand):
    return {
        "started_at": demand.started_at,
        "due_at": demand.due_at,
        "because": demand.because,
        "presumed": ", ".join(demand.presumed),
        "starts": demand.starts,
    }


def _follow(clock, demand, reason, by, at):
    """The clock is asked for still: on whatever start and deadline the facts give it now."""
    now = _stamped(demand)
    changed = {name for name, value in now.items() if getattr(clock, name) != value}
    reopens = clock.closed_at and (not clock.is_closed_by_judgement or "presumed" in changed)
    if not (changed or reopens) or (clock.closed_at and not reopens):
        return
    was_due, was_presumed = clock.due_at, clock.presumed
    for name, value in now.items():
        setattr(clock, name, value)
    if reopens:
        clock.closed_at, clock.closed_by, clock.closed_reason, clock.is_closed_by_judgement = None, None, "", False
    clock.save()
    moved = {"started_at", "due_at"} & changed
    if reopens:
        words = "Opened again"
    elif moved:
        words = "Moved"
    else:
        words = f"Not answered before: {was_presumed or 'nothing'}; now: {clock.presumed or 'nothing'}"
    _trace(clock, f"{words}: {_run_words(clock)}", reason, by, at, from_due_at=was_due, to_due_at=clock.due_at)


def _let_go(clock, reason, by, at):
    """The facts ask for it no longer. What is met stays met."""
    if clock.closed_at or clock.met_at:
        return
    why = f"The event is voided: {clock.event.voided_reason}" if clock.event.voided_at else reason
    clock.closed_at, clock.closed_by = at, by
    clock.closed_reason = f"Its conditions no longer hold. {why or 'An answer changed.'}"[:500]
    clock.save(update_fields=["closed_at", "closed_by", "closed_reason"])
    _trace(clock, "Closed: its conditions no longer hold", why, by, at, from_due_at=clock.due_at)


def _meet(clock, by, at):
    met_at = _met_at(clock)
    if met_at != clock.met_at:
        clock.met_at = met_at
        clock.save(update_fields=["met_at"])
        words = f"Met: everybody told by {_local(clock, met_at)}" if met_at else "Not met any more: a notice is void"
        _trace(clock, words, "", by, at, to_due_at=clock.due_at)


def _met_at(clock):
    """When the last of those to be told was told, or None while one is not."""
    told = clock.fulfilments.filter(notification__voided_at=None)
    rows = list(told.values_list("notification__recipient", "notification__sent_at"))
    first = {recipient: min(at for each, at in rows if each == recipient) for recipient, _ in rows}
    return max(first.values()) if first and set(clock.rule.notify) <= set(first) else None


def _breach(clock, watch, by, at):
    """Drafts the deviation of a deadline that passed, exactly once."""
    if clock.deviation_id or clock.closed_at or not clock.due_at or clock.due_at >= (clock.met_at or at):
        return
    zone = clock.site.zone
    told = f"told {_local(clock, clock.met_at)}" if clock.met_at else "nobody is recorded as told"
    clock.deviation = deviations.report(
        participant=clock.event.participant,
        category=watch.breach_category,
        happened_on=clock.due_at.astimezone(zone).date(),
        description=(
            f"Reporting clock {clock.rule_id} of AE {clock.event.number} ({clock.rule.sender} to "
            f"{clock.rule.recipient}, {clock.rule.length_words}) ended {_local(clock, clock.due_at)}; {told}."
        ),
        by=by,
        at=at,
    )
    clock.save(update_fields=["deviation"])
    _trace(clock, f"Breached: {clock.deviation} is drafted", "", by, at, to_due_at=clock.due_at)


def _trace(clock, words, reason, by, at, **due):
    ClockChange.objects.create(clock=clock, words=words[:500], reason=reason[:500], made_at=at, made_by=by, **due)


def _run_words(clock):
    if not clock.started_at:
        return clock.starts
    runs = f"from {_local(clock, clock.started_at)}, {clock.starts}"
    return f"{runs}; due {_local(clock, clock.due_at)}" if clock.due_at else runs


def _local(clock, instant):
    local = instant.astimezone(clock.site.zone)
    return f"{day_label(local.date())} {local:%H:%M %Z}"


@transaction.atomic
def close(*, clock, reason, by, at):
    """A person judges that the event does not qualify for this clock. It opens again when an answer changes."""
    clock = Clock.objects.select_for_update(of=("self",)).select_related("event").get(pk=clock.pk)
    if clock.closed_at or clock.met_at:
        raise ClockRefused(f"{clock} is {'closed' if clock.closed_at else 'met'} already. Nothing was changed.")
    clock.closed_at, clock.closed_by, clock.closed_reason = at, by, reason
    clock.is_closed_by_judgement = True
    clock.save(update_fields=["closed_at", "closed_by", "closed_reason", "is_closed_by_judgement"])
    _trace(clock, "Closed: does not qualify", reason, by, at, from_due_at=clock.due_at)
    return clock


AT_ONCE = 500  # events that one sweep gives their clocks; the next sweep goes on


def look(at):
    """Record what ran out since somebody last wrote, and open the clocks of serious events that have none: they were
    recorded before there were clocks. Two queries when there is nothing to do.
    """
    for event in AdverseEvent.objects.serious().filter(clocks=None).order_by("pk")[:AT_ONCE]:
        recompute(event, by=system(), at=at, reason="Recorded before the clocks were kept")
    late = Q(due_at__lt=at, met_at=None) | Q(met_at__gt=F("due_at"))
    passed = Clock.objects.filter(late, deviation=None, closed_at=None)
    for event in AdverseEvent.objects.filter(pk__in=passed.values("event")):
        recompute(event, by=system(), at=at)
