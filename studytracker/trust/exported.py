"""The whole trail with its seals as lines of JSON, for the verifier and for whoever keeps records without us."""

import json
import zipfile
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from studytracker.refusal import Refused

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


def head_in(package: Path) -> tuple[int, str]:
    """The head of the chain that an exported package names: its ZIP, or the manifest out of it. Raises Refused."""
    try:
        if zipfile.is_zipfile(package):
            with zipfile.ZipFile(package) as archive:
                manifest = json.loads(archive.read("manifest.json"))
        else:
            manifest = json.loads(package.read_bytes())
        return verifier.anchor(manifest["as_of"]["chain_head"])
    except OSError as error:
        raise Refused(f"{package} cannot be read: {error.strerror or error}.") from None
    except (KeyError, TypeError, ValueError, AttributeError, ArgumentTypeError, zipfile.BadZipFile):
        raise Refused(f"{package} is no package, or one that names no head of the audit trail.") from None


def _line(values) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"
