"""Finding what is to be told and putting it into mails. Safe to run any number of times at once."""

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from studytracker.access.grants import Permission
from studytracker.access.models import User
from studytracker.trust import watch

from . import acknowledging, muting, timetable
from .ledger import note
from .models import Heartbeat, Mail, Notice
from .sources import source

log = logging.getLogger(__name__)


def sweep(at: datetime) -> list[int]:
    """Write what is due into the ledger and gather it into mails. Returns the ids of the mails ready to go."""
    _work(at)
    acknowledging.end_past(at)
    for name in settings.REMINDER_SOURCES:
        note(name, source(name).due(at), at)
    gather(at)
    Heartbeat.objects.update_or_create(job="sweep", defaults={"at": at})
    return list(Mail.objects.ready(at).order_by("next_try_at", "id").values_list("id", flat=True))


def _work(at: datetime):
    """What other rooms do in every sweep. Where one fails the others go on, and so does the mail.

    Nothing while the audit trail is not whole: what they write might go unrecorded.
    """
    if watch.standing_problems():
        return
    for path in settings.SWEEP_WORK:
        try:
            with transaction.atomic():
                import_string(path)(at)
        except Exception:
            log.exception("%s failed in the sweep.", path)


def gather(at: datetime):
    """Put the untold notices of each person into the digest of the day, and the urgent ones into a mail at once."""
    told = Notice.objects.untold().values("recipient")
    for person in User.objects.filter(pk__in=told, is_active=True).order_by("pk"):
        sites = person.sites_where(Permission.SEE)
        untold = Notice.objects.untold().not_held().filter(recipient=person, site__in=sites)
        _gather_urgent(person, untold.filter(is_urgent=True), at)
        _gather_digest(person, untold.filter(is_urgent=False), at)


def _gather_urgent(person, untold, at):
    first = untold.order_by("id").first()
    if first:
        _put_into_mail(f"urgent:{person.pk}:{first.pk}", Mail.Kind.URGENT, person, untold, at)


def _gather_digest(person, untold, at):
    times = timetable.of(person)
    if not times.is_digest_due(at):
        return
    key = f"digest:{person.pk}:{times.day(at)}"
    if Mail.objects.filter(key=key).exists():
        return
    muting.cancel_muted(person, untold, at)
    if untold.exists():
        _put_into_mail(key, Mail.Kind.DIGEST, person, untold, at)


@transaction.atomic
def _put_into_mail(key, kind, person, untold, at):
    """The unique key lets one sweep make the mail; the others leave the notices to it."""
    facts = {"kind": kind, "recipient": person, "created_at": at, "next_try_at": at}
    mail, made = Mail.objects.get_or_create(key=key, defaults=facts)
    if not made:
        return
    if kind == Mail.Kind.DIGEST:
        _take_over(person, mail, at)
    mine = sorted(untold.select_for_update().values_list("id", flat=True))
    Notice.objects.filter(id__in=mine).update(mail=mail)
    sites = list(mail.notices.order_by().values_list("site", flat=True).distinct())
    Mail.objects.filter(pk=mail.pk).update(site=sites[0] if len(sites) == 1 else None)


def _take_over(person, mail, at):
    """The notices of an older digest that surely never left go into this one: one mail, not one for each day lost."""
    stuck = [Mail.State.DUE, Mail.State.FAILED]
    older = Mail.objects.filter(state__in=stuck, recipient=person, kind=Mail.Kind.DIGEST, may_have_gone=False)
    for left in older.exclude(pk=mail.pk):
        why = f"Its reminders went into the digest of {timetable.of(person).day(at)}"
        if older.filter(pk=left.pk).update(state=Mail.State.CANCELLED, lease_until=None, cancelled_why=why):
            left.notices.live().update(mail=None)
