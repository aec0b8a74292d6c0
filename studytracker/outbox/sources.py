"""What a room has to offer to have its matters told: a module named in settings.REMINDER_SOURCES.

    REMINDER_SOURCES = {"visit": "visits.reminders"}

The name is at most 20 letters and never changes: it is part of every ledger key. The module has

`due(at)`: what is to be told as of this instant, again in every sweep. It yields Matters, or whole querysets of them
    with the columns of ROW, which then become one INSERT ... SELECT. The ledger drops what it holds already.
`still_due(wanted, at)`: asked again at the moment of sending. `wanted` is a set of (object id, stage). Returns
    {(object id, stage): Line} for those that still hold. A stage the module does not know is asked after an
    acknowledgement has run out: answer it as long as there is anything left to do.

Every stage is told, but those that the protocol calls optional and the person has turned off. An urgent matter is
sent at once, in a mail of its own, at any hour, acknowledged or not. Who writes one calls tasks.wake() when the
transaction has committed; else the next sweep finds it.
"""

from datetime import datetime
from importlib import import_module
from typing import NamedTuple, Protocol

from django.conf import settings

# The columns of a queryset that `due` yields.
ROW = ("matter", "stage", "turn", "site_code", "recipient", "is_urgent")
# Told once to whoever acknowledged a matter, when the acknowledgement has run out.
AGAIN = "acknowledged-until"


class Matter(NamedTuple):
    """Something to be told: which row of the source, at which stage, where and to whom.

    `turn` counts a stage that comes again. A stage has at most 30 letters.
    """

    object_id: int
    stage: str
    site: str
    recipient_id: int
    turn: int = 0
    is_urgent: bool = False


class Line(NamedTuple):
    """One line of a mail. Sorted as it stands, so `order` comes first; lines of one `heading` stand together.

    `text` names the participant's identifier and the code of the visit or event, nothing else. `path` begins with a
    slash and is where the thing is done.
    """

    order: tuple
    heading: str
    text: str
    path: str


class Source(Protocol):
    def due(self, at: datetime): ...

    def still_due(self, wanted: set[tuple[int, str]], at: datetime) -> dict[tuple[int, str], Line]: ...


def source(name: str) -> Source:
    return import_module(settings.REMINDER_SOURCES[name])


def lines_of(notices, at: datetime) -> dict[tuple[str, int, str], Line]:
    """{(source, object id, stage): Line} of those notices that still hold at this instant."""
    found = {}
    for name in sorted({notice.source for notice in notices}):
        wanted = {(notice.object_id, notice.stage) for notice in notices if notice.source == name}
        held = source(name).still_due(wanted, at) if name in settings.REMINDER_SOURCES else {}
        found |= {(name, *matter): line for matter, line in held.items()}
    return found
