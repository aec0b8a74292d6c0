"""How the trail stands, for the audit page and for the head of every page of those who can do something about it."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from studytracker.access.grants import Permission

from . import backup, sealing, watch
from .models import Backup, Comparison
from .sealing import Head


@dataclass(frozen=True)
class Standing:
    problems: list[str]
    compared: Comparison | None
    head: Head | None
    unsealed: int
    backup: Backup | None
    is_backup_overdue: bool


def standing(at: datetime) -> Standing:
    """The triggers compared now, the last comparison, the seals and the last verified backup."""
    return Standing(
        problems=watch.problems(),
        compared=watch.last_compared(),
        head=sealing.head(),
        unsealed=sealing.unsealed(),
        backup=backup.last_verified(),
        is_backup_overdue=backup.is_overdue(at),
    )


def banners(user, at):
    """(sentence, address, words of the link) while the last comparison found the triggers altered. One query."""
    if user.can_somewhere(Permission.OPERATE):
        last = watch.last_compared()
        if last and last.problems:
            yield (
                "The audit trail is not whole: changes may go unrecorded. Stop work and tell the administrator.",
                reverse("audit"),
                "See what is wrong",
            )
