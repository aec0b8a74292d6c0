"""Saying that a matter is seen, and until when nobody needs to be told of it."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from studytracker import protocol
from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.refusal import Refused

from .ledger import note
from .models import Acknowledgement
from .sources import AGAIN, Matter, lines_of


class AcknowledgementRefused(Refused):
    """The matter cannot be acknowledged."""


@transaction.atomic
def acknowledge(*, notice, until_on, reason, by, at):
    """Nobody is told of the notice's matter through the site-local day `until_on`. Returns the Acknowledgement.

    Stages reached meanwhile are held; the furthest is told when the day is over and the matter still open.
    """
    _refuse_if_not_open(notice, at)
    _refuse_day(until_on, notice.site.today(at))
    try:
        with transaction.atomic():
            return Acknowledgement.objects.create(
                source=notice.source,
                object_id=notice.object_id,
                site_id=notice.site_id,
                until_on=until_on,
                reason=reason,
                acknowledged_by=by,
                acknowledged_at=at,
            )
    except IntegrityError:
        raise AcknowledgementRefused("Somebody acknowledged this already. End that first.") from None


def _refuse_if_not_open(notice, at):
    if notice.is_urgent:
        raise AcknowledgementRefused("An urgent matter cannot be put off: it is told until it is dealt with.")
    if not lines_of([notice], at):
        raise AcknowledgementRefused("Nothing is left to do here, so there is nothing to acknowledge.")


def _refuse_day(until_on, today):
    longest = protocol.current().reminders.longest_snooze_days
    if until_on < today:
        raise AcknowledgementRefused(f"Choose today, {day_label(today)}, or a later day.", field="until_on")
    if until_on > today + timedelta(days=longest):
        last = day_label(today + timedelta(days=longest))
        raise AcknowledgementRefused(
            f"Reminders can be held for at most {longest} days: choose {last} or earlier.", field="until_on"
        )


def end(*, acknowledgement, by, at):
    """End it before its day. Returns whether it was still in force; the trail says who ended it."""
    return bool(Acknowledgement.objects.in_force().filter(pk=acknowledgement.pk).update(ended_at=at))


def end_past(at: datetime):
    """Those whose last day is over end, and whoever acknowledged is told once if the matter is still open."""
    for site, today in Site.todays(at).items():
        for past in Acknowledgement.objects.in_force().filter(site=site, until_on__lt=today):
            with transaction.atomic():
                matter = Matter(past.object_id, AGAIN, site, past.acknowledged_by_id, turn=past.pk)
                note(past.source, [matter], at)
                Acknowledgement.objects.in_force().filter(pk=past.pk).update(ended_at=at)
