"""How many participants had what: counts first, by site and together, since the numbers are small."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from studytracker import protocol

SEVERE = 3


class Cell(NamedTuple):
    """`count` participants (or events) of `of` infused; `percent` is None where there is nobody."""

    count: int
    of: int | None = None

    @property
    def percent(self):
        return round(100 * self.count / self.of, 1) if self.of else None


@dataclass(frozen=True)
class Row:
    label: str
    cells: tuple[Cell, ...]


def overview(events, infused: dict[str, int], sites) -> list[Row]:
    """Rows of the overview for each site and for all, zero rows included (ICH E3 12.2.1).

    `events` are those that stand, with `participant` and `site_id`; `infused` counts participants infused by site.
    """
    groups = [*([site] for site in sites), list(sites)] if len(sites) > 1 else [list(sites)]
    rows = [Row("At least one adverse event", _participants(events, infused, groups, lambda event: True))]
    rows.append(Row("Events", tuple(Cell(sum(event.site_id in group for event in events)) for group in groups)))
    for label, wanted in QUESTIONS:
        rows.append(Row(label, _participants(events, infused, groups, wanted)))
    return rows


def _participants(events, infused, groups, wanted: Callable) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            len({event.participant_id for event in events if event.site_id in group and wanted(event)}),
            sum(infused.get(site, 0) for site in group),
        )
        for group in groups
    )


def is_related(event) -> bool:
    """By the protocol's own word which answers count as related; the sponsor's answer counts as the site's does."""
    rules = protocol.version(event.protocol_version)
    answers = (event.causality, event.sponsor_causality)
    return any(term.related for term in rules.terms("causality") if term.code in answers)


QUESTIONS = (
    ("Death", lambda event: event.is_fatal or event.sponsor_is_fatal),
    ("At least one serious event", lambda event: event.is_serious),
    ("At least one event related to the cells", is_related),
    ("At least one serious event related to the cells", lambda event: event.is_serious and is_related(event)),
    (f"At least one event of grade {SEVERE} or more", lambda event: (event.grade or 0) >= SEVERE),
)
