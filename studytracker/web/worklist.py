"""The worklist of the home page: items that each room offers, in named groups."""

from dataclasses import dataclass, field
from itertools import groupby

from django.conf import settings
from django.utils.module_loading import import_string

from studytracker.access.grants import Role

GROUPS = (
    "Overdue",
    "Booked, not logged",
    "Late, closing",
    "Due now",
    "Opening soon",
    "Ready to enroll",
    "Awaiting infusion",
    "In screening",
    "Reporting clocks",
    "Safety reports to acknowledge",
    "For the sponsor to say",
    "Holds proposed",
    "Decisions of the DSMB to confirm",
    "Serious adverse events",
    "Adverse events to complete",
    "Adverse events to follow up",
    "Deviations to complete",
    "Deviations to classify",
    "Deviations to close",
    "Queries to answer",
    "Queries answered",
)


MOST_SHOWN = 50  # of one group; its count leads to all of them


@dataclass(frozen=True)
class Item:
    """One thing to do. `actions` are (label, url), the first the likeliest."""

    group: str
    identifier: str
    url: str
    text: str
    detail: str = ""
    status: object = None
    actions: tuple[tuple[str, str], ...] = ()
    order: tuple = field(default=())
    listing: str = ""  # the address of the listing that holds the whole group
    of: int = 0  # how many the whole group has, where the room gives only its first


SAFETY = (
    "Reporting clocks",
    "Safety reports to acknowledge",
    "For the sponsor to say",
    "Holds proposed",
    "Decisions of the DSMB to confirm",
    "Serious adverse events",
    "Adverse events to complete",
)
SAFETY_FIRST = (*SAFETY, *(group for group in GROUPS if group not in SAFETY))


def size(items) -> int:
    """How many the group of these items has, shown or not."""
    return max(len(items), *(item.of for item in items))


def worklist(user, at):
    """[(group, [items])] in the order of GROUPS, groups without items left out. Investigators see safety first."""
    groups = SAFETY_FIRST if Role.INVESTIGATOR in user.roles else GROUPS
    items = [item for path in settings.WORKLISTS for item in import_string(path)(user, at)]
    items.sort(key=lambda item: (groups.index(item.group), item.order, item.identifier))
    return [(group, list(members)) for group, members in groupby(items, key=lambda item: item.group)]
