"""What a package is asked to hold."""

from dataclasses import dataclass, field
from datetime import datetime

from .datasets import all_datasets
from .privacy import Pseudonyms


class Incomplete(Exception):
    """What was written is not what the database held; says which file and both numbers."""


@dataclass(frozen=True)
class Order:
    """What to put into a package. `export` is the job's own name: participants' codes are made from it.

    `as_of` is an entry of the audit trail: the data as they stood after it. None: as they are. `options` are answers
    that one format alone asks for.
    """

    export: str
    datasets: tuple[str, ...]
    sites: tuple[str, ...]
    format: str
    level: str
    purpose: str
    role: str
    at: datetime
    as_of: int | None = None
    options: dict = field(default_factory=dict)

    def participants(self):
        """Every participant of the sites, whatever is exported, in the order of the record."""
        return all_datasets()["participants"].rows().filter(site__in=self.sites)

    @property
    def pseudonyms(self) -> Pseudonyms:
        """Codes that do not depend on the choice of datasets."""
        return Pseudonyms(self.export, tuple(self.participants().order_by("pk").values_list("pk", flat=True)))
