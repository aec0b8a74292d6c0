"""Milestones of the study, who was told of what they start, and what ran out. Nothing is sent by this program."""

from datetime import timedelta

from django.db import transaction

from studytracker import protocol
from studytracker.access.people import system
from studytracker.dates import day_label
from studytracker.protocol import UnknownCode
from studytracker.protocol.models import Site
from studytracker.refusal import Refused
from studytracker.trust.acting import because
from visits import deviations

from . import study_clocks
from .models import Milestone, StudyBreach, StudyNotice
from .models.clock import WAITING
from .study_clocks import OF_DEVIATION

# A milestone further back than this before the start of the study is a slip of the pen.
FURTHEST_BACK = timedelta(days=20 * 365)


class StudyRefused(Refused):
    """This cannot be recorded like this."""


@transaction.atomic
def reach_milestone(*, kind, reached_on, reference, by, at, site=None):
    """Record that the study, or a `site` (its code) for itself, reached a milestone. Raises StudyRefused."""
    rules = protocol.current()
    try:
        at_a_site = rules.term("milestone", kind).at_a_site
    except UnknownCode as unknown:
        raise StudyRefused(str(unknown), field="kind") from None
    if at_a_site != bool(site):
        wanted = "Say at which site: each site reaches it for itself." if at_a_site else "This is of the whole trial."
        raise StudyRefused(wanted, field="site")
    today = Site(site or study_clocks.sponsors_site(rules).code).today(at)
    if reached_on > today:
        raise StudyRefused(
            f"{day_label(reached_on)} is in the future: today is {day_label(today)}.", field="reached_on"
        )
    if reached_on < rules.registry.start_on - FURTHEST_BACK:
        raise StudyRefused(
            f"{day_label(reached_on)} is more than 20 years before the study began. Check the year.",
            field="reached_on",
        )
    if Milestone.objects.standing().filter(kind=kind, site=site).exists():
        raise StudyRefused("This milestone is recorded already. Void it first if its day is wrong.", field="kind")
    facts = {"reached_on": reached_on, "reference": reference, "recorded_at": at, "recorded_by": by}
    # What ran out long ago is found by the next sweep, so that who was told then can be recorded first.
    return Milestone.objects.create(kind=kind, site_id=site, **facts)


@transaction.atomic
def tell(*, clock, recipient, sent_at, method, reference, addressee="", note="", by, at):
    """Record that `recipient` was told what this StudyClock asks for. Raises StudyRefused."""
    if clock.state_at(at) == WAITING:
        raise StudyRefused(f"{clock.rule_id} does not run yet: it {clock.starts}.")
    if recipient not in clock.rule.notify:
        raise StudyRefused(f"{clock.rule_id} is not answered by telling them.", field="recipient")
    if sent_at > at:
        local = sent_at.astimezone(Site(clock.site_id).zone)
        raise StudyRefused(
            f"{day_label(local.date())} {local:%H:%M} is in the future. Record it once it has happened.", field="on"
        )
    made = StudyNotice.objects.create(
        rule_id=clock.rule_id,
        occurrence=clock.occurrence,
        site_id=clock.site_id if clock.is_of_one_site else None,
        recipient=recipient,
        addressee=addressee,
        sent_at=sent_at,
        method=method,
        reference=reference,
        note=note,
        recorded_at=at,
        recorded_by=by,
    )
    look(at)
    return made


@transaction.atomic
def void(*, record, reason, by, at):
    """A milestone or a notice recorded in error: the clocks run as if it had not been."""
    record = type(record).objects.select_for_update(of=("self",)).get(pk=record.pk)
    if record.voided_at:
        raise StudyRefused("This is voided already. Nothing was changed.")
    record.voided_at, record.voided_by, record.voided_reason = at, by, reason
    with because(reason):
        record.save(update_fields=["voided_at", "voided_by", "voided_reason"])
    return record


def look(at):
    """Record what ran out, each with the draft of a deviation, once."""
    found = [clock for clock in study_clocks.everything(at) if clock.is_breached(at)]
    if not found:
        return
    drafted = set(StudyBreach.objects.exclude(deviation=None).values_list("rule_id", "occurrence"))
    for clock in found:
        if (clock.rule_id, clock.occurrence) not in drafted:
            _record_breach(clock, by=system(), at=at)


def after_deviation_closed(deviation, *, by, at):
    """A deviation reported to the IRB late, and closed before a sweep has seen that it was over time."""
    clock = study_clocks.of_deviation(deviation) if deviation.clock else None
    if clock and clock.is_breached(at):
        _record_breach(clock, by=by, at=at)


@transaction.atomic
def _record_breach(clock, *, by, at):
    breach, _is_new = StudyBreach.objects.select_for_update().get_or_create(
        rule_id=clock.rule_id,
        occurrence=clock.occurrence,
        defaults={
            "site_id": clock.site_id if clock.is_of_one_site else None,
            "due_at": clock.due_at,
            "found_at": at,
        },
    )
    # Without `breach.deviation` it is new, or was recorded by a version that drafted none for the trial.
    if breach.deviation_id is None and not _is_late_already(clock):
        breach.deviation = _late(clock, by=by, at=at)
        breach.save(update_fields=["deviation"])


def _is_late_already(clock):
    """Whether it is of a deviation that says itself that a deviation was reported late.

    Here it ends: the report of a deviation came late, that is a deviation of its own, and the report of that one came
    late too. Another draft would say nothing new, and its own clock would ask for the next one without end.
    """
    drafted_by = StudyBreach.objects.filter(deviation=clock.deviation, occurrence__startswith=OF_DEVIATION)
    return clock.deviation is not None and drafted_by.exists()


def _late(clock, *, by, at):
    site = Site.objects.get(pk=clock.site_id)
    local = clock.due_at.astimezone(site.zone)
    rule = clock.rule
    facts = {
        "category": protocol.current().clock_watch.breach_category,
        "happened_on": local.date(),
        "description": (
            f"Reporting clock {rule.id} of {clock.about} ({rule.sender} to {rule.recipient}, {rule.length_words}) "
            f"ended {day_label(local.date())} {local:%H:%M %Z}; {_told_words(clock, site)}."
        ),
        "by": by,
        "at": at,
    }
    if clock.participant:
        return deviations.report(participant=clock.participant, **facts)
    return deviations.draft_of_trial(site=site, **facts)


def _told_words(clock, site):
    if not clock.met_at:
        return "nobody is recorded as told by then"
    local = clock.met_at.astimezone(site.zone)
    # Of the report of a deviation the day alone is recorded.
    time = "" if clock.deviation else f" {local:%H:%M %Z}"
    return f"told {day_label(local.date())}{time}"
