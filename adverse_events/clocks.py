"""Which reporting clocks an event starts, from when each runs and when it ends: pure arithmetic over facts.

The day of the start is day 0; a deadline in days lasts to the end of the last local day at the event's site. Weekends
and holidays never move calendar days; business days skip them. Hours are elapsed hours, whatever the clock on the wall
does (21 CFR 312.32, 312.64; docs/safety-clocks.md).
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from studytracker.business_days import add_business_days
from studytracker.dates import months_before
from studytracker.protocol import SiteRules
from studytracker.protocol.clocks import Clock, Condition

# The last instant that is still on time: instants are stored to the microsecond.
LAST_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Determined:
    """Something that was determined about an event: `kind` is a code of the protocol, `at` when it was determined."""

    key: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class Facts:
    """What is known of one event. None: nobody has answered, or nobody has said when."""

    site: str
    recorded_at: datetime
    serious: bool
    fatal_or_life_threatening: bool = False
    unexpected: bool | None = None
    suspected: bool | None = None
    related: bool | None = None
    grade: int | None = None
    aware_at: datetime | None = None
    received_at: datetime | None = None
    determined: tuple[Determined, ...] = ()
    notices: dict[str, datetime] = field(default_factory=dict)  # when the notice of a clock went out, by its id
    is_void: bool = False


@dataclass(frozen=True)
class Demand:
    """A clock that the facts ask for. Without `started_at` it waits for its start; without `due_at` it has no end.

    `presumed` names the conditions that nobody has answered and that count as yes until somebody does.
    """

    rule: Clock
    occurrence: str
    started_at: datetime | None
    due_at: datetime | None
    because: str
    presumed: tuple[str, ...]
    starts: str


def demands(rules: tuple[Clock, ...], facts: Facts, site: SiteRules) -> list[Demand]:
    """Every clock that an event with these facts starts at this site, in the order of the protocol."""
    if facts.is_void:
        return []
    wanted = (rule for rule in rules if rule.is_about_an_event and rule.is_opened and rule.applies_to(facts.site))
    return [demand for rule in wanted for demand in _demands_of(rule, facts, site)]


def _demands_of(rule, facts, site):
    if not rule.when:
        for key, at in _occasions(rule, facts):
            yield Demand(rule, key, at, deadline(rule, at, site), rule.trigger, (), rule.starts)
        return
    verdicts = [verdict for condition in rule.when if (verdict := judge(condition, facts)) is not None]
    if verdicts:
        # Known for sure before presumed: the fewest open answers tell the most.
        because, presumed = min(verdicts, key=lambda verdict: len(verdict[1]))
        started_at, starts = start_of(rule, facts)
        due_at = deadline(rule, started_at, site) if started_at else None
        yield Demand(rule, "", started_at, due_at, because, presumed, starts)


def _occasions(rule, facts):
    """(key, instant) of each thing that starts a clock which asks for nothing else."""
    if rule.start == "notice":
        return [(rule.start_of, facts.notices[rule.start_of])] if rule.start_of in facts.notices else []
    return [(each.key, each.at) for each in facts.determined if each.kind == rule.start_of]


def judge(condition: Condition, facts: Facts) -> tuple[str, tuple[str, ...]] | None:
    """None when the condition does not hold, else (why it does, what is presumed because nobody answered).

    What nobody has answered counts as yes, once at least one of the answers is.
    """
    answers = {key: _answer(key, wanted, facts) for key, wanted in condition.asks.items()}
    if False in answers.values() or True not in answers.values():
        return None
    presumed = tuple(key.replace("_", " ") for key, answer in answers.items() if answer is None)
    return condition.words, presumed


def _answer(key, wanted, facts):
    if key == "determined":
        return any(each.kind == wanted for each in facts.determined)
    if key == "grade_at_least":
        return None if facts.grade is None else facts.grade >= wanted
    known = getattr(facts, key)
    return None if known is None else known is wanted


def start_of(rule: Clock, facts: Facts) -> tuple[datetime | None, str]:
    """(instant, what it is) from which the clock runs, or None while that is not recorded."""
    if rule.start == "recording":
        return facts.recorded_at, "when it was recorded"
    if rule.start == "awareness":
        if facts.aware_at is None:
            # Whoever recorded it knew: awareness is this instant at the latest.
            return facts.recorded_at, "when it was recorded, as nobody has said since when the site was aware"
        return facts.aware_at, "when the site became aware"
    if rule.start == "sponsor_receipt":
        return facts.received_at, "when the sponsor received it" if facts.received_at else "waits for sponsor receipt"
    at = min((each.at for each in facts.determined if each.kind == rule.start_of), default=None)
    return at, "when it was determined" if at else "waits for the sponsor's determination"


def deadline(rule: Clock, start: datetime, site: SiteRules) -> datetime | None:
    """The last instant (UTC) that is on time, None for a clock without a length."""
    if not rule.is_configured:
        return None
    if rule.unit == "hours":
        return start.astimezone(UTC) + timedelta(hours=rule.amount)
    return end_of_day(last_day(rule, start.astimezone(site.zone).date(), site), site)


def last_day(rule: Clock, day0: date, site: SiteRules) -> date:
    """The local day on which a clock that counts days ends."""
    if rule.days == "business":
        return add_business_days(day0, rule.amount, site.days_off)
    match rule.unit:
        case "days":
            return day0 + timedelta(days=rule.amount)
        case "weeks":
            return day0 + timedelta(weeks=rule.amount)
        case "months":
            return months_before(day0, -rule.amount)
        case _:
            return months_before(day0, -12 * rule.amount)


def end_of_day(day: date, site: SiteRules) -> datetime:
    """The last instant of a local day, in UTC. Days with a clock change have 23 or 25 hours."""
    midnight = datetime.combine(day + timedelta(days=1), time(0), tzinfo=site.zone)
    return midnight.astimezone(UTC) - LAST_INSTANT


def left_words(due_at: datetime, at: datetime) -> str:
    """'2 d 3 h left', '40 min left', or '5 h over'."""
    seconds = abs((due_at - at).total_seconds())
    days, rest = divmod(int(seconds) // 60, 24 * 60)
    hours, minutes = divmod(rest, 60)
    words = f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"{words} {'left' if at <= due_at else 'over'}"
