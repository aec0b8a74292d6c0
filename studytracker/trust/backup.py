"""Backups that are restored and verified before they count, and the restoring of one."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from studytracker import protocol
from studytracker.refusal import Refused

from . import bundle, dumps, triggers, watch
from .acting import instant
from .exported import VERIFIER, checked
from .models import Backup, Entry, Seal, Signature
from .replay import verify
from .signatures import verify as verify_signature
from .snapshot import snapshot

FOLDER = "backups"
SUFFIX = ".tar"
UNVERIFIED = ".unverified"
SHOWN = 10
FACTS = ("entries", "seals", "head", "triggers", "migrations")


class BackupFailed(Refused):
    """Written or not, it does not count: what was wrong with it, sentence by sentence."""


def last_verified() -> Backup | None:
    """The newest backup that was restored and verified; its `taken_at` says how old it is. One query."""
    return Backup.objects.first()


def is_overdue(at: datetime) -> bool:
    """No verified backup within settings.BACKUP_HOURS. One query."""
    last = last_verified()
    return last is None or at - last.taken_at > timedelta(hours=settings.BACKUP_HOURS)


def take(folder: Path, at: datetime) -> Backup:
    """Write a backup while others write, restore it into a scratch place, verify it there, and record it.

    Until it is verified its name ends in .unverified, and stays so when it fails: BackupFailed says why.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = folder / f"studytracker-{at:%Y%m%dT%H%M%S}Z{SUFFIX}"
    written = name.with_name(name.name + UNVERIFIED)
    if name.exists() or written.exists():
        raise BackupFailed(f"{name} is there already. Nothing is overwritten; try again in a second.")
    manifest = _write(written, at)
    problems = prove(written)
    if problems:
        raise BackupFailed(f"{written} does not restore to what it was taken from:", *problems[:SHOWN])
    written.rename(name)
    return Backup.objects.create(
        taken_at=at,
        verified_at=max(at, timezone.now()),
        file=str(name),
        bytes=name.stat().st_size,
        sha256=bundle.sha256(name),
        entries=manifest["entries"],
        seals=manifest["seals"],
        head=(manifest["head"] or "").partition(":")[2],
    )


def prove(file: Path) -> list[str]:
    """Restore the file into a scratch place. What is wrong there, in sentences; empty when all is well."""
    with tempfile.TemporaryDirectory(prefix="studytracker-backup-") as folder, dumps.scratch(connection) as place:
        manifest = bundle.unpack(file, Path(folder))
        dumps.load(place, Path(folder, dumps.FILES[place.vendor]))
        return problems_of(manifest, place.alias)


def restore(file: Path, folder: Path) -> dict:
    """Put the database of a backup into the empty one of the settings, and all else into `folder`.

    Returns the manifest. Raises a Refused with sentences when anything is wrong.
    """
    manifest = bundle.unpack(file, folder)
    if manifest["vendor"] != connection.vendor:
        raise BackupFailed(f"The backup is of {manifest['vendor']}, DATABASE_URL leads to {connection.vendor}.")
    if set(manifest["migrations"]) != _known_migrations():
        raise BackupFailed("Another version of the program took this backup. Restore with that version, then upgrade.")
    dumps.load(connection, folder / dumps.FILES[connection.vendor])
    problems = problems_of(manifest, "default")
    if problems:
        raise BackupFailed("What was restored is not what was backed up:", *problems[:SHOWN])
    return manifest


def problems_of(manifest: dict, alias: str) -> list[str]:
    """Where a restored database differs from its manifest, from its own trail, seals and signatures."""
    held = facts_of(alias)
    found = [
        f"{name}: {held[name]} restored, {manifest[name]} backed up" for name in FACTS if held[name] != manifest[name]
    ]
    found += [
        f"{table}: {count} rows restored, {manifest['rows'].get(table)} backed up"
        for table, count in held["rows"].items()
        if count != manifest["rows"].get(table)
    ]
    found += watch.problems(alias)
    found += [sentence for _, sentence in checked(alias=alias).findings]
    found += [str(difference) for difference in verify(alias).differences]
    for signature in Signature.objects.using(alias).iterator():
        found += [f"Signature {signature.pk}: {words}" for words in verify_signature(signature)]
    return found


def facts_of(alias: str) -> dict:
    """What a restored database must have in common with the one it was taken from."""
    last = Seal.objects.using(alias).first()
    with connections[alias].cursor() as cursor:
        counts = {name: _count(cursor, name) for name in sorted(triggers.tables(connections[alias]))}
    return {
        "entries": Entry.objects.using(alias).count(),
        "seals": Seal.objects.using(alias).count(),
        "head": str(last) if last else None,
        "triggers": triggers.digest(connections[alias]),
        "migrations": sorted(".".join(each) for each in MigrationRecorder(connections[alias]).applied_migrations()),
        "rows": counts,
    }


def _known_migrations() -> set[str]:
    return {".".join(each) for each in MigrationLoader(None).disk_migrations}


def _count(cursor, table) -> int:
    cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
    return cursor.fetchone()[0]


def _write(file: Path, at: datetime) -> dict:
    with tempfile.TemporaryDirectory(prefix="studytracker-backup-") as folder:
        dumped = Path(folder, dumps.FILES[connection.vendor])
        with snapshot():
            facts = facts_of("default")
            dumps.dump(connection, dumped)
        key = Path(folder, "secret-key")
        key.touch(mode=0o600)
        key.write_text(settings.SECRET_KEY)
        parts = {dumped.name: dumped, "secret-key": key, "protocol.toml": Path(settings.PROTOCOL_FILE)}
        facts |= {"taken_at": instant(at), "vendor": connection.vendor, "protocol": protocol.current().version}
        return bundle.pack(file, parts | {"verify_trail.py": VERIFIER}, facts)
