"""When one person is told: the daily mail's time and the quiet hours, on the clock of the person's site."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.protocol.models import Site

from .models import Preference


def is_between(clock: time, start: time, end: time) -> bool:
    """From `start` to just before `end`, over midnight or not. Equal times: never."""
    if start <= end:
        return start <= clock < end
    return clock >= start or clock < end


@dataclass(frozen=True)
class Timetable:
    zone: ZoneInfo
    digest_time: time
    quiet_from: time
    quiet_to: time

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def is_quiet(self, at: datetime) -> bool:
        return is_between(at.astimezone(self.zone).time(), self.quiet_from, self.quiet_to)

    def instant(self, day: date, clock: time) -> datetime:
        """A time that the clocks skip is taken as late as they skip; one they show twice is the first."""
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def is_digest_due(self, at: datetime) -> bool:
        """From the digest's time to the end of the day, but in the quiet hours."""
        return at >= self.instant(self.day(at), self.digest_time) and not self.is_quiet(at)

    def after_quiet(self, at: datetime) -> datetime:
        """`at`, or the end of the quiet hours it falls into."""
        if not self.is_quiet(at):
            return at
        end = self.instant(self.day(at), self.quiet_to)
        return end if end > at else self.instant(self.day(at) + timedelta(days=1), self.quiet_to)

    def next_digest(self, at: datetime, *, had_today: bool) -> datetime:
        """The instant of the next daily mail: now where it is due, else at its time today or tomorrow."""
        today = self.day(at)
        if not had_today:
            at_its_time = max(at, self.instant(today, self.digest_time))
            if self.day(allowed := self.after_quiet(at_its_time)) == today:
                return allowed
        return self.after_quiet(self.instant(today + timedelta(days=1), self.digest_time))


def of(user) -> Timetable:
    """The person's own times, else those of the protocol. One query where the preference was not fetched."""
    rules = protocol.current().reminders
    own = Preference.objects.filter(user=user).first() or Preference()
    quiet = (own.quiet_from, own.quiet_to) if own.quiet_from is not None else (rules.quiet_from, rules.quiet_to)
    return Timetable(_zone(user), own.digest_time or rules.digest_time, *quiet)


def _zone(user) -> ZoneInfo:
    """That of the first site the person sees. Somebody without one gets no mail; any zone will do."""
    sites = sorted(user.sites_where(Permission.SEE))
    return Site(sites[0]).zone if sites else ZoneInfo("UTC")
