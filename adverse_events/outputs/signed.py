"""An output signed as it was displayed: the text of every cell, bound to the rows behind it."""

from typing import NamedTuple

from studytracker.access.grants import Permission
from studytracker.protocol.models import Site
from studytracker.trust.models import Signature
from studytracker.trust.subjects import Kind, Snapshot, UnknownSubject

from .catalogue import OUTPUTS
from .choice import Choice
from .making import covers, header, shown
from .reading import read

KIND = "safety-output"


def snapshot(key: str) -> Snapshot:
    """The output of one site with its filters, by `Choice.key`."""
    code, choice = _parsed(key)
    output = OUTPUTS[code]
    trial = read([choice.site], output.wanted)
    if output.is_of_events:
        trial = trial.only(choice.keeps)
    table = output.of(trial)
    lines = shown(table)
    return Snapshot(
        title=f"{output.caption}, {choice.site}",
        facts={
            "columns": header(table),
            "keys": [key for key, _ in lines],
            "rows": [cells for _, cells in lines],
            "footnotes": list(table.footnotes),
        },
        rows=list(dict.fromkeys(covers(output, trial))),
        site=choice.site,
        filter=f"Filters: {choice.words}",
        open_items=_open(trial) if output.is_of_events else [],
    )


def _parsed(key):
    try:
        code, choice = Choice.of_key(key)
    except ValueError:
        raise UnknownSubject(key) from None
    if code not in OUTPUTS or not Site.objects.filter(code=choice.site).exists():
        raise UnknownSubject(key)
    return code, choice


def _open(trial):
    return [f"{event.key}: {', '.join(answers)}" for event in trial.events if (answers := event.record.open_answers)]


OUTPUT = Kind(
    "Safety output",
    snapshot,
    ("I reviewed this output and see no concern", "I reviewed this output; action is needed as commented"),
    Permission.SIGN,
)


class News(NamedTuple):
    """A line that is not what it was when it was signed: `cells` are (column, then, now)."""

    what: str  # new, changed, gone
    key: str
    cells: list


def last_by(person, key: str) -> Signature | None:
    """The person's own last signature of this output, standing or not."""
    return Signature.objects.of(KIND, key).filter(signed_by=person).order_by("-number").first()


def news(signature, table) -> list[News]:
    """What differs line by line between what was signed and the table as it is now."""
    then, columns = signature.content["facts"], header(table)
    old = dict(zip(then["keys"], then["rows"], strict=True))
    new = dict(shown(table))
    names = dict(zip(range(len(columns)), columns, strict=True))
    found = []
    for key, cells in new.items():
        if key not in old:
            found.append(News("new", key, [(names[place], "", cell) for place, cell in enumerate(cells) if cell]))
        elif changed := _differing(then["columns"], columns, old[key], cells):
            found.append(News("changed", key, changed))
    gone = [key for key in old if key not in new]
    return [*found, *(News("gone", key, []) for key in gone)]


def _differing(old_columns, columns, old, new):
    """Also where only the head of the column differs: its N."""
    return [
        (name, was if was_name == name else f"{was_name}: {was}", now)
        for was_name, name, was, now in zip(old_columns, columns, old, new, strict=False)
        if (was_name, was) != (name, now)
    ]


def lines_about(standing) -> list[tuple[str, str]]:
    """Printed name, time and meaning of each signature, for a file."""
    return [
        (
            "No longer valid, was signed by" if signature.is_stale else "Signed by",
            f"{signature.printed_name} ({signature.username}), {signature.role}, "
            f"{signature.signed_at:%Y-%m-%d %H:%M:%S} UTC: {signature.meaning}"
            f"{f'. Comment: {signature.comment}' if signature.comment else ''}. "
            f"Trail entry {signature.entry_number}, SHA-256 {signature.sha256}",
        )
        for signature in standing.signatures
    ]
