"""The trail, the seals that chain it, what people did besides and what they signed, and how it is looked after."""

from .act import Act
from .backup import Backup
from .entry import Entry, EntryQuerySet
from .sealing import Anchor, Comparison, Seal
from .signature import Signature, SignatureQuerySet

__all__ = [
    "Act",
    "Anchor",
    "Backup",
    "Comparison",
    "Entry",
    "EntryQuerySet",
    "Seal",
    "Signature",
    "SignatureQuerySet",
]
