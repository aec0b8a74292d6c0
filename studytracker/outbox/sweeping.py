"""Finding what is to be told and putting it into one digest a person. Safe to run any number of times at once."""

from datetime import datetime
from importlib import import_module
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from studytracker.access.grants import Permission
from studytracker.access.models import User

from .models import Heartbeat, Mail, Notice


class Matter(NamedTuple):
    """Something a source wants told: which row of it, at which stage, where and to whom."""

    object_id: int
    stage: str
    site: str
    recipient_id: int


def source(name):
    """The module that knows a kind of matter: `due(at)` lists matters, `still_due(ids, at)` gives their lines."""
    return import_module(settings.REMINDER_SOURCES[name])


def sweep(at: datetime) -> list[int]:
    """Write what is due into the ledger and gather it into mails. Returns the ids of the mails ready to go."""
    for name in settings.REMINDER_SOURCES:
        note(name, source(name).due(at), at)
    gather(at)
    Heartbeat.objects.update_or_create(job="sweep", defaults={"at": at})
    return list(Mail.objects.ready(at).order_by("id").values_list("id", flat=True))


def note(name, matters, at):
    """One ledger row per matter; the unique key drops those already there."""
    Notice.objects.bulk_create(
        (
            Notice(
                dedupe_key=f"{name}:{matter.object_id}:{matter.stage}:{matter.recipient_id}",
                source=name,
                object_id=matter.object_id,
                stage=matter.stage,
                site_id=matter.site,
                recipient_id=matter.recipient_id,
                created_at=at,
            )
            for matter in matters
        ),
        ignore_conflicts=True,
        batch_size=500,
    )


def gather(at):
    """Put every untold notice of one person and site into one mail."""
    for recipient, site in Notice.objects.untold().order_by().values_list("recipient", "site").distinct():
        if not User.objects.get(pk=recipient).can(Permission.SEE, site):
            continue
        with transaction.atomic():
            # A second sweep waits here, then finds the notices taken.
            untold = Notice.objects.untold().filter(recipient=recipient, site=site).select_for_update()
            ids = sorted(untold.values_list("id", flat=True))
            if not ids:
                continue
            mail = Mail.objects.create(
                key=f"digest:{recipient}:{ids[0]}",
                recipient_id=recipient,
                site_id=site,
                created_at=at,
                next_try_at=at,
            )
            Notice.objects.filter(id__in=ids).update(mail=mail)
