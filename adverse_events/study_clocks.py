"""Reporting clocks that are about no event: what the study as a whole, a participant's visit or a deviation starts.

They are few and follow from what is on record, so none is stored: a visit attended, a milestone, a deviation that the
IRB is told of, and who was told. Whatever of these is corrected, the clocks follow at once.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from django.db.models import Q

from participants.models import DsmbDecision, Participant
from studytracker import protocol
from studytracker.dates import day_label, months_before
from studytracker.protocol import Protocol
from studytracker.protocol.clocks import Clock as Rule
from visits.models import Deviation, Visit

from .clocks import deadline
from .models import Milestone, StudyNotice
from .models.clock import BREACHED, MET, MET_LATE, OPEN, RUNNING, WAITING

OF_DEVIATION = "deviation-"  # how the occurrence of a deviation's clock begins


@dataclass(frozen=True)
class StudyClock:
    """One start of one rule. Without `started_at` it waits for it; without `due_at` it has no end."""

    rule: Rule
    occurrence: str
    about: str
    starts: str  # what it runs from, or waits for
    site_id: str  # whose days count
    started_at: datetime | None = None
    due_at: datetime | None = None
    is_of_one_site: bool = True
    participant: Participant | None = None
    deviation: Deviation | None = None
    object_id: int = 0  # of the row that starts it
    shown_by: str = ""  # what else than a notice shows that they were told
    told: dict[str, datetime] = field(default_factory=dict)  # by recipient, the first time

    @property
    def protocol_version(self) -> str:
        return self.participant.protocol_version if self.participant else protocol.current().version

    @property
    def rule_id(self) -> str:
        return self.rule.id

    @property
    def met_at(self) -> datetime | None:
        wanted = set(self.rule.notify)
        return max(self.told[each] for each in wanted) if wanted and wanted <= set(self.told) else None

    def state_at(self, at: datetime) -> str:
        """One of the states of an event's clock. What tells nobody, such as keeping records, is met by time."""
        if self.met_at:
            return MET_LATE if self.due_at and self.met_at > self.due_at else MET
        if not self.started_at or self.started_at > at:
            return WAITING
        if not self.due_at:
            return OPEN
        if self.due_at >= at:
            return RUNNING
        return BREACHED if self.rule.notify else MET

    def is_breached(self, at: datetime) -> bool:
        return bool(self.rule.notify and self.due_at and self.due_at < (self.met_at or at))


def of_the_study(at, only=None) -> list[StudyClock]:
    """The clocks of K13 and its like, in the order of the protocol; `only` names the rules wanted. At most four
    queries."""
    rules = protocol.current()
    wanted = [rule for rule in rules.clocks if not rule.is_about_an_event and (only is None or rule.id in only)]
    if not wanted:
        return []
    reached = list(Milestone.objects.standing())
    starts = {"visit": _visits, "anniversary": _anniversaries, "study": _milestones}
    found = [(rule, facts) for rule in wanted for facts in starts[rule.start](rules, rule, reached, at)]
    told = _told({rule.id for rule, facts in found if facts.get("started_on")})
    return [_clock(rules, rule, told, **facts) for rule, facts in found]


def _told(rule_ids):
    """{(clock, occurrence): {recipient: when first told}}. No query where nothing runs."""
    told = defaultdict(dict)
    if not rule_ids:
        return told
    for notice in StudyNotice.objects.standing().filter(rule_id__in=rule_ids):
        told[notice.rule_id, notice.occurrence].setdefault(notice.recipient, notice.sent_at)
    return told


def _clock(rules: Protocol, rule, told, *, occurrence, started_on=None, also_told=None, **facts) -> StudyClock:
    site = rules.site(facts["site_id"])
    started_at = _midnight(started_on, site) if started_on else None
    known = dict(also_told or {}) | told.get((rule.id, occurrence), {})
    due_at = deadline(rule, started_at, site) if started_at else None
    return StudyClock(rule, occurrence, started_at=started_at, due_at=due_at, told=known, **facts)


def _midnight(day: date, site) -> datetime:
    return datetime.combine(day, time(0), tzinfo=site.zone).astimezone(UTC)


def _visits(rules, rule, reached, at):
    """Each participant's visit of that code. What the DSMB decided on its data shows that they had them."""
    took_place = Visit.objects.filter(code=rule.start_of, unplanned="", attended_on__isnull=False)
    visits = list(took_place.select_related("participant").order_by("-attended_on", "-pk")[: rules.enrollment.cap])
    confirmed = DsmbDecision.objects.filter(confirmed_at__isnull=False)
    decided = list(confirmed.filter(participant__in=[each.participant_id for each in visits]).order_by("decided_on"))
    for visit in visits[::-1]:
        on = next((each.decided_on for each in decided if _covers(each, visit)), None)
        yield {
            "occurrence": f"visit-{visit.pk}",
            "about": f"{visit.participant.identifier} {visit.code}",
            "starts": f"{visit.code} on {day_label(visit.attended_on)}",
            "site_id": visit.site_id,
            "started_on": visit.attended_on,
            "participant": visit.participant,
            "object_id": visit.pk,
            "shown_by": f"decided on {day_label(on)}" if on else "",
            "also_told": dict.fromkeys(rule.notify, _midnight(on, rules.site(visit.site_id))) if on else {},
        }


def _covers(decision, visit):
    return decision.participant_id == visit.participant_id and decision.cut_off_on >= visit.attended_on


def _anniversaries(rules, rule, reached, at):
    """Each year of the milestone that has come, and the next; none after the study is over."""
    home = sponsors_site(rules)
    first = next((each for each in reached if each.kind == rule.start_of), None)
    trial = {"site_id": home.code, "is_of_one_site": False}
    if first is None:
        waits = f"waits for: {rules.label('milestone', rule.start_of)}"
        yield {"occurrence": "waits", "about": "The trial", "starts": waits, **trial}
        return
    last = next((each.reached_on for each in reached if each.kind == rule.until), None)
    today = at.astimezone(home.zone).date()
    for year in range(1, today.year - first.reached_on.year + 2):
        day = months_before(first.reached_on, -12 * year)
        if last and day > last:
            return
        yield {
            "occurrence": f"milestone-{first.pk}-{year}",
            "about": f"Year {year} of the IND",
            "starts": f"anniversary on {day_label(day)}",
            "started_on": day,
            "object_id": first.pk,
            **trial,
        }


def _milestones(rules, rule, reached, at):
    """One clock for each site: from its own milestone, or from that of the whole trial."""
    label = rules.label("milestone", rule.start_of)
    for site in rules.sites:
        found = next(
            (each for each in reached if each.kind == rule.start_of and each.site_id in (site.code, None)), None
        )
        facts = {"about": site.code, "site_id": site.code}
        if found is None:
            yield {"occurrence": f"waits-{site.code}", "starts": f"waits for: {label}", **facts}
        else:
            yield {
                "occurrence": f"milestone-{found.pk}-{site.code}",
                "starts": f"{label}, {day_label(found.reached_on)}",
                "started_on": found.reached_on,
                "object_id": found.pk,
                **facts,
            }


def sponsors_site(rules) -> "protocol.SiteRules":
    """Whose days count for what the sponsor does: the site that is the sponsor, else the first."""
    return next((site for site in rules.sites if site.name == rules.registry.sponsor), rules.sites[0])


def of_deviations() -> list[StudyClock]:
    """What is to be told to a site's IRB of its open deviations, until it was. One query."""
    always = Q()
    for each in protocol.current().deviation_reporting.always:
        always |= Q(site=each.site, category__in=each.categories)
    rows = Deviation.objects.open().filter(Q(is_reportable=True) | always).select_related("participant", "site")
    return [of_deviation(row) for row in rows.order_by("found_on", "pk") if row.clock]


def of_deviation(row) -> StudyClock:
    """The clock of a deviation that has one. The day it was reported to the IRB is recorded as it is closed."""
    site = row.rules.site(row.site_id)
    told = dict.fromkeys(row.clock.notify, _midnight(row.reported_on, site)) if row.reported_on else {}
    return _clock(
        row.rules,
        row.clock,
        {},
        also_told=told,
        occurrence=f"{OF_DEVIATION}{row.pk}",
        started_on=row.found_on,
        about=str(row),
        starts=f"found on {day_label(row.found_on)}",
        site_id=row.site_id,
        participant=row.participant,
        deviation=row,
        object_id=row.pk,
    )


def everything(at) -> list[StudyClock]:
    return of_the_study(at) + of_deviations()


def visible(clocks, sites) -> list[StudyClock]:
    """Those of these sites, and those of the whole trial for whoever has any."""
    return [clock for clock in clocks if sites and (not clock.is_of_one_site or clock.site_id in sites)]
