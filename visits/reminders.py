"""Which visits are to be told of, at which stage of the protocol, and to whom."""

from datetime import date, timedelta
from itertools import groupby

from django.db.models import BooleanField, Case, CharField, DateField, F, Func, IntegerField, Value, When
from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import TRIAL_WIDE
from studytracker.access.people import holders
from studytracker.outbox.sources import ROW, Line
from studytracker.protocol.models import Site

from . import status
from .models import Visit

HEADINGS = {
    status.OVERDUE: "Overdue: the window has closed and nothing is logged",
    status.LATE: "Late: past the target, the window is still open",
    status.OPEN: "Due: the window is open",
}
URGENCY = list(HEADINGS)


class DaysSince(Func):
    """Whole days from a column of dates to a given day. SQLite keeps dates as text."""

    output_field = IntegerField()
    template = "(%(expressions)s)"
    arg_joiner = " - "

    def __init__(self, column, on: date):
        super().__init__(Value(on, output_field=DateField()), F(column))

    def __repr__(self):
        return f"DaysSince({self.source_expressions})"

    def as_sqlite(self, compiler, connection, **context):
        template = "CAST(julianday(%(expressions)s) AS integer)"
        return super().as_sql(compiler, connection, template=template, arg_joiner=") - julianday(", **context)


def due(at):
    """For each day that it is at some sites, and each role, one queryset: its visits, recipients and stages."""
    for today, sites in _sites_by_day(at):
        visits = Visit.objects.filter(site__in=sites).expected()
        for role, stages in _stages_by_role():
            reached = _at_furthest_stage(visits, stages, today)
            if role in TRIAL_WIDE:
                for person in holders(role, None):
                    yield reached.annotate(recipient=Value(person.pk)).values(*ROW)
            else:
                yield _for_holders_at_the_site(reached, role).values(*ROW)


def _sites_by_day(at):
    days = sorted((today, site) for site, today in Site.todays(at).items())
    for today, pairs in groupby(days, key=lambda pair: pair[0]):
        yield today, [site for _, site in pairs]


def _stages_by_role():
    """(role, its stages in the order in which they are reached)."""
    stages = protocol.current().reminder_stages
    for role in dict.fromkeys(stage.to for stage in stages):
        yield role, [stage for stage in stages if stage.to == role]


def _at_furthest_stage(visits, stages, today):
    """Visits that reached a stage, with the furthest. The protocol's check says that later implies earlier."""
    latest_first = [(_reached(stage, today), stage) for stage in reversed(stages)]
    return visits.filter(**latest_first[-1][0]).annotate(
        matter=F("pk"),
        stage=Case(
            *(When(**reached, then=Value(stage.code)) for reached, stage in latest_first), output_field=CharField()
        ),
        turn=Case(
            *(When(**reached, then=_turn(stage, today)) for reached, stage in latest_first),
            default=Value(0),
            output_field=IntegerField(),
        ),
        site_code=F("site_id"),
        is_urgent=Value(False, output_field=BooleanField()),
    )


def _reached(stage, today):
    return {f"{stage.counts_from}__lte": today - timedelta(days=stage.after_days)}


def _turn(stage, today):
    """0 for a stage told once; for one that comes again, how many times it has come since the first."""
    if not stage.every_days:
        return Value(0)
    return (DaysSince(stage.counts_from, today) - Value(stage.after_days)) / Value(stage.every_days)


def _for_holders_at_the_site(visits, role):
    held = {"role": role, "ended_at": None, "user__is_active": True}
    return visits.filter(**{f"site__memberships__{name}": value for name, value in held.items()}).annotate(
        recipient=F("site__memberships__user_id")
    )


def still_due(wanted, at):
    """Those visits that nobody logged and that are still at the stage or past it, with their line."""
    days, stages = Site.todays(at), {stage.code: stage for stage in protocol.current().reminder_stages}
    visits = Visit.objects.expected().filter(pk__in={visit for visit, _ in wanted}, opens_on__isnull=False)
    held = visits.select_related("participant").in_bulk()
    return {
        (pk, code): _line(held[pk], days[held[pk].site_id])
        for pk, code in wanted
        if pk in held and _is_reached(held[pk], stages.get(code), days[held[pk].site_id])
    }


def _is_reached(visit, stage, today):
    """A stage the protocol no longer has holds as long as there is anything to do."""
    if stage is None:
        return visit.opens_on <= today
    return getattr(visit, stage.counts_from) + timedelta(days=stage.after_days) <= today


def _line(visit, today):
    code = visit.status(today).code
    text = f"{visit.participant.identifier} {visit.code}"
    path = reverse("log_visit", args=[visit.participant.identifier, visit.code])
    return Line((URGENCY.index(code), visit.closes_on.isoformat(), text), HEADINGS[code], text, path)
