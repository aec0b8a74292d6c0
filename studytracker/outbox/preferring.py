"""Saying when, and of which optional stages, one wants to be told. What the protocol requires cannot be turned off."""

from django.db import transaction

from studytracker import protocol
from studytracker.refusal import Refused

from . import muting, timetable
from .models import MutedStage, Preference


class PreferenceRefused(Refused):
    """With these times the daily mail would never come."""


@transaction.atomic
def prefer(*, user, digest_time, quiet_from, quiet_to, stages, by, at):
    """Keep the person's times (None: the protocol's) and the optional `stages` they want to hear of."""
    if (quiet_from is None) != (quiet_to is None):
        raise PreferenceRefused("Give both ends of the quiet hours, or neither.", field="quiet_to")
    _refuse_a_mail_in_quiet_hours(digest_time, quiet_from, quiet_to)
    times = {"digest_time": digest_time, "quiet_from": quiet_from, "quiet_to": quiet_to}
    preference, _ = Preference.objects.update_or_create(user=user, defaults=times)
    unwanted = {stage.code for stage in muting.optional_stages()} - set(stages)
    for muted in MutedStage.objects.filter(user=user).exclude(stage__in=unwanted):
        muted.delete()
    for code in sorted(unwanted):
        MutedStage.objects.get_or_create(user=user, stage=code)
    return preference


def _refuse_a_mail_in_quiet_hours(digest_time, quiet_from, quiet_to):
    rules = protocol.current().reminders
    clock = digest_time or rules.digest_time
    start, end = (rules.quiet_from, rules.quiet_to) if quiet_from is None else (quiet_from, quiet_to)
    if timetable.is_between(clock, start, end):
        raise PreferenceRefused(
            f"The daily mail at {clock:%H:%M} would fall into the quiet hours from {start:%H:%M} to {end:%H:%M}. "
            "Change one of them.",
            field="digest_time",
        )
