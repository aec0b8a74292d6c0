"""How the trail stands, for the audit page."""

from dataclasses import dataclass
from datetime import datetime

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
