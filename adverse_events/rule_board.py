"""The board of stopping rules: how each stands now or stood at the end of a day, and on which day it tripped."""

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.protocol.models import Site

from . import rules, stopping
from .clocks import end_of_day
from .models import Trip


def site_end(day):
    """The end of a day at the site where it ends last."""
    return max(end_of_day(day, site) for site in protocol.current().sites)


def board(at, user):
    """One line a rule as of the instant `at`. Eight queries, whatever the number of rules and events."""
    record = rules.Record.load()
    treated, events = record.as_of(at)
    switched = rules.switches(at)
    trips = list(Trip.objects.filter(tripped_at__lte=at).select_related("hold").prefetch_related("evidence"))
    return [
        {
            "rule": rule,
            "is_on": rules.runs(rule, switched),
            "switch": switched.get(rule.id),
            "evaluation": (evaluation := stopping.evaluate(rule, treated, events)),
            "evidence": shown(evaluation, record, user),
            "trips": [trip for trip in trips if trip.rule_id == rule.id],
            "first_day": first_day(rule, record, at),
        }
        for rule in protocol.current().stopping_rules
    ]


def shown(evaluation, record, user):
    """(event or None, site, evidence): an event of a site that the person does not see is counted, not named."""
    sites = user.sites_where(Permission.SEE)
    events = {event.pk: event for event in record.events}
    for each in evaluation.evidence:
        event = events[each.event.key]
        yield {"event": event if event.site_id in sites else None, "site": event.site_id, "evidence": each}


def first_day(rule, record, at):
    """The first day at whose end the record, as it was known then, trips the rule; None if none does up to `at`."""
    for day in days(record, at):
        if stopping.evaluate(rule, *record.as_of(min(site_end(day), at))).is_tripped:
            return day
    return None


def days(record, at):
    """Every day on which something was recorded that a rule reads, up to `at`. Between them nothing changes."""
    instants = [infusion.recorded_at for infusion in record.infusions]
    instants += [each.corrected_at for rows in record.corrections.values() for each in rows]
    instants += [each.made_at for rows in record.assessments.values() for each in rows]
    instants += [each.recorded_at for rows in record.episodes.values() for each in rows]
    instants += [instant for event in record.events for instant in (event.reported_at, event.voided_at) if instant]
    zone = protocol.current().sites[0].zone
    return sorted({instant.astimezone(zone).date() for instant in instants if instant <= at})


def today(at):
    return max(Site.todays(at).values())
