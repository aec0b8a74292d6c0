"""Whether reminders are going out, as the pages show it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from studytracker.access.grants import Permission

from .models import Heartbeat, Mail


@dataclass(frozen=True)
class Health:
    last_sweep_at: datetime | None
    is_late: bool
    failing: int

    @property
    def is_well(self):
        return not (self.is_late or self.failing)


def health(user, at):
    """The health of reminders, for those who may act on it; None for everybody else. Two queries."""
    if not user.can_somewhere(Permission.OPERATE):
        return None
    beat = Heartbeat.objects.filter(job="sweep").first()
    limit = timedelta(minutes=3 * settings.SWEEP_MINUTES)
    failing = Mail.objects.visible_to(user).exclude(error="").filter(sent_at=None).exclude(state="cancelled").count()
    return Health(beat and beat.at, beat is None or at - beat.at > limit, failing)
