"""Whether reminders are going out: for the head of every page, and for whoever watches from outside.

The heartbeat is a row that the sweep writes itself. It does not pass through the broker, so a frozen one shows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from studytracker.access.grants import Permission, Role
from studytracker.access.models import Membership
from studytracker.dates import short_day
from studytracker.protocol.models import Site
from studytracker.trust import as_of, backup, watch
from studytracker.trust.models import Comparison

from .models import Heartbeat, Mail, Notice

# The triggers are compared every hour.
COMPARISON_HOURS = 3
TRAIL_NOT_WHOLE = "The audit trail is not whole: changes may go unrecorded. Stop work and tell the administrator."


@dataclass(frozen=True)
class Health:
    last_sweep_at: datetime | None
    is_late: bool
    failing: int
    trail_problems: str = ""
    unattended: tuple[str, ...] = ()  # site codes where nobody is a coordinator

    @property
    def sentences(self):
        if self.is_late:
            since = f"since {_clock(self.last_sweep_at)}" if self.last_sweep_at else "yet"
            yield f"Overdue visits have not been looked for {since}: reminders may be late."
        if self.failing:
            mails = "1 reminder mail" if self.failing == 1 else f"{self.failing} reminder mails"
            yield f"{mails} could not be sent."


def _clock(at):
    local = timezone.localtime(at)
    return f"{short_day(local.date())} {local:%H:%M %Z}"


def health(user, at) -> Health:
    """As far as this person may see the mails. One query: the row of each site carries the answers."""
    failing = Mail.objects.visible_to(user).failing(at).order_by().annotate(all=Value(1)).values("all")
    beat = Heartbeat.objects.filter(job="sweep").values("at")
    found = Site.objects.annotate(
        beat=Subquery(beat), failing=Coalesce(Subquery(failing.annotate(count=Count("pk")).values("count")), 0)
    ).annotate(trail_problems=Subquery(Comparison.objects.order_by("-id").values("problems")[:1]))
    coordinators = Membership.objects.current().filter(role=Role.COORDINATOR, user__is_active=True)
    found = found.annotate(attended=Exists(coordinators.filter(site=OuterRef("pk")))).order_by("code")
    rows = list(found.values_list("code", "attended", "beat", "failing", "trail_problems"))
    last, count, problems = rows[0][2:] if rows else (None, 0, "")
    return Health(last, is_late(last, at), count, problems or "", tuple(row[0] for row in rows if not row[1]))


def period() -> timedelta:
    return timedelta(minutes=settings.SWEEP_MINUTES)


def is_late(last_sweep_at: datetime | None, at: datetime) -> bool:
    """Not for three periods; nor is a heartbeat from the future one of a clock to be relied upon."""
    return last_sweep_at is None or not -3 * period() <= at - last_sweep_at <= 3 * period()


def banners(user, at):
    """(sentence, address, words of the link) for the head of every page of those who can do something about it."""
    if as_of.current():
        return  # how it is today is of no page of the past
    if user.can_somewhere(Permission.OPERATE):
        found = health(user, at)
        if found.trail_problems:
            yield TRAIL_NOT_WHOLE, reverse("audit"), "See what is wrong"
        for sentence in found.sentences:
            yield sentence, reverse("reminders"), "See the reminders"
        if nobody := [code for code in found.unattended if user.can(Permission.OPERATE, code)]:
            sentence = f"Nobody is a coordinator at {' and '.join(nobody)}: overdue visits there are told to no one."
            yield sentence, reverse("reminders"), "See the reminders"


@dataclass(frozen=True)
class Check:
    """One line of /readyz. `state` is ok, warn or fail; only fail makes the whole not ready."""

    state: str
    figures: dict


def readiness(at: datetime) -> dict[str, Check]:
    """What a watcher asks every minute. Seven queries, none of them to the broker."""
    return {"sweep": _sweep(at), "mail": _mail(at), "backup": _backup(at), "trail": _trail(at)}


def _sweep(at):
    beat = Heartbeat.objects.filter(job="sweep").first()
    figures = {"heartbeat_age_s": _age(beat and beat.at, at), "late_after_s": _seconds(3 * period())}
    return Check("fail" if is_late(beat and beat.at, at) else "ok", figures)


def _mail(at):
    """A mail given up needs a person; one that nobody takes for three periods needs a sender."""
    unsent = Mail.objects.filter(state__in=[Mail.State.DUE, Mail.State.CLAIMED, Mail.State.FAILED])
    found = unsent.aggregate(
        waiting=Count("pk", filter=~Q(state=Mail.State.FAILED)),
        given_up=Count("pk", filter=Q(state=Mail.State.FAILED)),
        oldest=Min("created_at"),
        left=Count("pk", filter=Q(state=Mail.State.DUE, next_try_at__lt=at - 3 * period())),
    )
    failing = Mail.objects.failing(at).count()
    state = "fail" if found["given_up"] or found["left"] else "warn" if failing else "ok"
    figures = {name: found[name] for name in ("waiting", "given_up")}
    figures |= {"failing": failing, "oldest_unsent_s": _age(found["oldest"], at)}
    return Check(state, figures | {"not_yet_in_a_mail": Notice.objects.untold().count()})


def _backup(at):
    last = backup.last_verified()
    age = last and at - last.taken_at
    recent = age is not None and age <= timedelta(hours=settings.BACKUP_HOURS)
    return Check("ok" if recent else "warn", {"last_verified_age_s": age and _seconds(age)})


def _trail(at):
    last, now = watch.last_compared(), len(watch.standing_problems())
    if last is None and not now:
        return Check("warn", {"compared_age_s": None, "problems": None})
    count = max(now, len(last.problems.splitlines()) if last else 0)
    stale = last is None or at - last.at > timedelta(hours=COMPARISON_HOURS)
    figures = {"compared_age_s": _age(last and last.at, at), "problems": count}
    return Check("fail" if count else "warn" if stale else "ok", figures)


def _age(then, at):
    return None if then is None else _seconds(at - then)


def _seconds(span):
    return int(span.total_seconds())
