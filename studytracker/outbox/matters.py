"""What is being reminded of now, and what the next mails will say: the ledger asked, nothing written."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.utils.functional import cached_property

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.models import Membership, User

from . import muting, timetable
from .ledger import matters as read_matters
from .ledger import notice as as_notice
from .models import Acknowledgement, Mail, Notice
from .sources import Line, lines_of, source

# A matter that is still open comes up again well within this time.
SHOWN_DAYS = 120
SHOWN_ROWS = 200


@dataclass(frozen=True)
class OpenMatter:
    """One thing still to be done of which somebody was told, or will be."""

    line: Line
    latest: Notice
    recipients: tuple[str, ...]
    acknowledgement: Acknowledgement | None

    @property
    def stage_words(self) -> str:
        return stage_words(self.latest)

    @cached_property
    def told_at(self) -> datetime | None:
        return self.latest.mail.sent_at if self.latest.mail else None


def stage_words(notice) -> str:
    """The stage as the protocol calls it, with its turn; else its code without the deadline that may end it."""
    labels = {stage.code: stage.label for stage in protocol.current().reminder_stages}
    words = labels.get(notice.stage) or re.sub(r"-\d+$", "", notice.stage)
    return f"{words}, {notice.turn + 1} times" if notice.turn and notice.stage in labels else words


def open_matters(user, at) -> list[OpenMatter]:
    """The newest notice of each matter that is still to be done, the most urgent first."""
    since = at - timedelta(days=SHOWN_DAYS)
    notices = Notice.objects.visible_to(user).live().filter(created_at__gte=since)
    notices = list(notices.select_related("recipient", "mail", "site").order_by("id"))
    lines = lines_of(notices, at)
    in_force = {(each.source, each.object_id): each for each in _acknowledged(user)}
    found = {}
    for notice in notices:
        line = lines.get((notice.source, notice.object_id, notice.stage))
        if line:
            found.setdefault((notice.source, notice.object_id), []).append((line, notice))
    rows = [_open_matter(told, in_force.get(matter)) for matter, told in found.items()]
    return sorted(rows, key=lambda row: row.line)[:SHOWN_ROWS]


def _acknowledged(user):
    return Acknowledgement.objects.visible_to(user).in_force().select_related("acknowledged_by")


def _open_matter(told, acknowledgement):
    names = dict.fromkeys(notice.recipient.get_username() for _, notice in told)
    return OpenMatter(told[-1][0], told[-1][1], tuple(names), acknowledgement)


@dataclass(frozen=True)
class NextMail:
    """What one person's next daily mail will say, as things stand."""

    person: User
    at: datetime
    day: date
    zone: str
    groups: list[tuple[str, list[str]]]
    held: int

    @property
    def count(self):
        return sum(len(lines) for _, lines in self.groups)


def next_mails(user, at) -> list[NextMail]:
    """The next daily mail of everybody with a role at the sites where this person operates."""
    sites = user.sites_where(Permission.OPERATE)
    told = Membership.objects.current().filter(user__is_active=True)
    people = User.objects.filter(pk__in=told.values("user")).order_by("username")
    due = _Due()
    mails = [_next_mail(person, sites & person.sites_where(Permission.SEE), due, at) for person in people]
    return [mail for mail in mails if mail.groups or mail.held]


class _Due:
    """What the sources find at an instant, asked once for all who get their mail then."""

    def __init__(self):
        self.found = {}

    def __call__(self, at):
        if at not in self.found:
            fresh = {
                row.dedupe_key: row
                for name in settings.REMINDER_SOURCES
                for row in (as_notice(name, matter, at) for matter in read_matters(source(name).due(at)))
            }
            known = set()
            keys = list(fresh)
            for start in range(0, len(keys), 500):
                held = Notice.objects.filter(dedupe_key__in=keys[start : start + 500])
                known |= set(held.values_list("dedupe_key", flat=True))
            self.found[at] = [row for key, row in fresh.items() if key not in known]
        return self.found[at]


def _next_mail(person, sites, due, at):
    """Today's, where it is still to come and has something to say, else tomorrow's."""
    times = timetable.of(person)
    muted = muting.muted(person)
    had_today = Mail.objects.filter(key=f"digest:{person.pk}:{times.day(at)}").exists()
    for had in sorted({had_today, True}):
        then = times.next_digest(at, had_today=had)
        lines = {
            (name, object_id): line
            for (name, object_id, stage), line in lines_of(_to_tell(person, sites, due, then), then).items()
            if stage not in muted
        }
        held = lines.keys() & _held_on(sites, times.day(then))
        kept = sorted(line for matter, line in lines.items() if matter not in held)
        if kept:
            break
    headed = groupby(kept, key=lambda line: line.heading)
    groups = [(heading, [line.text for line in group]) for heading, group in headed]
    return NextMail(person, then, times.day(then), times.zone.key, groups, len(held))


def _to_tell(person, sites, due, then):
    """What waits in the ledger and what will have come to it."""
    waiting = Notice.objects.untold().filter(recipient=person, site__in=sites, is_urgent=False)
    return [
        *waiting,
        *(row for row in due(then) if row.recipient_id == person.pk and row.site_id in sites and not row.is_urgent),
    ]


def _held_on(sites, day):
    in_force = Acknowledgement.objects.in_force().filter(site__in=sites, until_on__gte=day)
    return set(in_force.values_list("source", "object_id"))
