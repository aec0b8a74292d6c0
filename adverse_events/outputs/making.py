"""One output as it stands: its table, which rows were chosen, and as of which entry of the trail."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Max
from django.utils.safestring import SafeString

from studytracker import protocol
from studytracker.exports.tables import plain as text_of_cell
from studytracker.protocol.models import Site
from studytracker.trust import as_of
from studytracker.trust.models import Entry

from .catalogue import OUTPUTS
from .choice import Choice
from .reading import EVERYTHING, read


@dataclass(frozen=True)
class Made:
    code: str
    choice: Choice
    sites: tuple[str, ...]
    trial: object
    table: object
    entry: int
    at: datetime

    @property
    def title(self) -> str:
        return str(self.table.caption)

    @property
    def about(self) -> list[tuple[str, str]]:
        """What every form of the output says of itself."""
        rules = protocol.current()
        return [
            ("Study", rules.registry.id),
            ("Filters", self.choice.words or "none"),
            ("Sites", ", ".join(self.sites)),
            ("Data as of", f"audit entry {self.entry}, {self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"),
            ("Protocol", f"version {rules.version}, file hash {rules.sha256[:12]}"),
        ]


def last_entry() -> int:
    """Of the trail now, or of the moment of the past that is shown."""
    point = as_of.current()
    return point.entry if point else Entry.objects.aggregate(last=Max("id"))["last"] or 0


def make(code: str, choice: Choice, sites, *, at: datetime) -> Made:
    """The output over `sites`, of which `choice` may take one. Raises KeyError for a code that is none."""
    output = OUTPUTS[code]
    sites = [site for site in sites if choice.site in ("", site)]
    entry = last_entry()
    trial = read(sites, output.wanted, Site.todays(at))
    if output.is_of_events:
        trial = trial.only(choice.keeps)
    return Made(code, choice, trial.sites, trial, output.of(trial), entry, at)


def make_all(outputs, sites, *, at: datetime) -> dict[str, Made]:
    """Several outputs over the same rows, read once."""
    trial, entry = read(sites, EVERYTHING, Site.todays(at)), last_entry()
    return {each.code: Made(each.code, Choice(), trial.sites, trial, each.of(trial), entry, at) for each in outputs}


def covers(output, trial) -> list:
    """The stored rows under a signature of this output: those that are shown or counted, and no others."""
    people = trial.people
    if output.is_of_events:
        with_events = {event.participant for event in trial.events}
        people = [person for person in people if person.infused_on or person.identifier in with_events]
    found = [row for person in people for row in person.covers]
    found += [row for event in trial.events for row in event.covers]
    return [*found, *trial.covers]


def header(table) -> list[str]:
    return [str(column.header) for column in table.columns]


def key_of(record) -> str:
    """What names a line among those of its table."""
    return record["key"] if isinstance(record, dict) else str(record)


def shown(table) -> list[tuple[str, list[str]]]:
    """(key, the text of each cell) of every line, as a person reads them on the page."""
    return [(key_of(row.record), [_text(cell) for cell in row]) for row in table.rows]


def _text(cell) -> str:
    return str(text_of_cell(cell) if isinstance(cell, SafeString) else "" if cell is None else cell)
