"""The trail, the seals that chain it, and what is kept about its being looked after."""

from .backup import Backup
from .entry import Entry, EntryQuerySet
from .sealing import Anchor, Comparison, Seal

__all__ = ["Anchor", "Backup", "Comparison", "Entry", "EntryQuerySet", "Seal"]
