"""One file for all that a restore needs, with a manifest that holds the SHA-256 of each part."""

import hashlib
import json
import os
import tarfile
from io import BytesIO
from pathlib import Path

from studytracker.refusal import Refused

MANIFEST = "manifest.json"
FORMAT = "study-tracker-backup"
VERSION = 1


class BundleBroken(Refused):
    """The file is no backup, or not as it was written."""


def pack(file: Path, parts: dict[str, Path], facts: dict) -> dict:
    """Write the parts by name behind their manifest. For its owner only: it holds the data and the secret key."""
    listed = {name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in parts.items()}
    manifest = {"format": FORMAT, "version": VERSION, **facts, "parts": listed}
    text = json.dumps(manifest, indent=1).encode()
    with open(file, "xb", opener=_for_its_owner) as out, tarfile.open(fileobj=out, mode="w") as bundle:
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode = len(text), 0o600
        bundle.addfile(head, BytesIO(text))
        for name, path in parts.items():
            bundle.add(path, name, filter=_plain)
    return manifest


def unpack(file: Path, folder: Path) -> dict:
    """Write the parts into the folder and return the manifest. Raises BundleBroken with a sentence."""
    try:
        with tarfile.open(file) as bundle:
            manifest = json.loads(_member(bundle, MANIFEST).read())
            if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
                raise BundleBroken(f"{file} is no backup that this version can read.")
            for name, facts in manifest["parts"].items():
                _write(bundle, name, folder / Path(name).name, facts["sha256"])
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleBroken(f"{file} cannot be read as a backup: {error}") from None
    return manifest


def sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _write(bundle, name, path, wanted):
    with _member(bundle, name) as content, open(path, "xb", opener=_for_its_owner) as out:
        while block := content.read(1 << 20):
            out.write(block)
    if sha256(path) != wanted:
        raise BundleBroken(f"{name} in {bundle.name} is not as it was written: its SHA-256 is another.")


def _member(bundle, name):
    content = bundle.extractfile(name)
    if content is None:
        raise KeyError(name)
    return content


def _plain(member):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _for_its_owner(path, flags):
    return os.open(path, flags, 0o600)
