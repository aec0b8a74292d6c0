"""Whether reminders are going out, as the pages show it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from studytracker.access.grants import Permission, Role
from studytracker.access.models import Membership

from .models import Heartbeat, Mail


@dataclass(frozen=True)
class Health:
    last_sweep_at: datetime | None
    is_late: bool
    failing: int
    unattended: tuple[str, ...]  # sites without anybody to remind

    @property
    def is_well(self):
        return not (self.is_late or self.failing or self.unattended)


def health(user, at):
    """The health of reminders, for those who may act on it; None for everybody else. Three queries."""
    if not user.can_somewhere(Permission.OPERATE):
        return None
    beat = Heartbeat.objects.filter(job="sweep").first()
    failing = Mail.objects.visible_to(user).failing(at).count()
    attended = Membership.objects.current().filter(role=Role.COORDINATOR, user__is_active=True)
    unattended = user.sites_where(Permission.OPERATE) - set(attended.values_list("site", flat=True))
    return Health(beat and beat.at, is_late(beat and beat.at, at), failing, tuple(sorted(unattended)))


def is_late(last_sweep_at: datetime | None, at: datetime) -> bool:
    """Not for three periods; nor is a heartbeat from the future one of a clock to be relied upon."""
    limit = timedelta(minutes=3 * settings.SWEEP_MINUTES)
    return last_sweep_at is None or not -limit <= at - last_sweep_at <= limit
