"""The whole trail with its seals as lines of JSON, for the verifier and for whoever keeps records without us."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from . import verifier
from .acting import instant
from .models import Anchor, Entry, Seal
from .snapshot import snapshot

VERIFIER = Path(verifier.__file__)
AT_ONCE = 2000


def trail_lines(at: datetime, alias="default") -> Iterator[str]:
    """A header, every entry, every seal: all of one instant."""
    with snapshot(alias):
        entries, seals = Entry.objects.using(alias), Seal.objects.using(alias)
        last = seals.first()
        yield _line(
            {
                "format": verifier.FORMAT,
                "version": verifier.VERSION,
                "exported_at": instant(at),
                "entries": entries.count(),
                "seals": seals.count(),
                "head": str(last) if last else None,
            }
        )
        for entry in entries.order_by("id").values().iterator(AT_ONCE):
            yield _line({"entry": entry})
        for seal in seals.order_by("seq").values().iterator(AT_ONCE):
            yield _line({"seal": seal})


def checked(anchors=(), alias="default") -> verifier.Report:
    """What the verifier says of the trail as it is, with the anchors kept here and those given."""
    chain = verifier.Chain()
    with snapshot(alias):
        for entry in Entry.objects.using(alias).order_by("id").values().iterator(AT_ONCE):
            chain.add_entry(entry)
        for seal in Seal.objects.using(alias).order_by("seq").values().iterator(AT_ONCE):
            chain.add_seal(seal)
        kept = list(Anchor.objects.using(alias).values_list("seq", "hash"))
    return chain.report([*kept, *anchors])


def _line(values) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"
