"""The trial as data: what one protocol file says, read once and never changed."""

import functools
import re
from pathlib import Path

from django.conf import settings

from .loading import load
from .marks import UnknownCode
from .problems import Problem, ProtocolError
from .schema import Protocol, SiteRules

__all__ = ["Problem", "Protocol", "ProtocolError", "SiteRules", "UnknownCode", "current", "load", "version"]

_kept = functools.cache(load)


def current() -> Protocol:
    """The protocol that new rows are made under."""
    return _kept(Path(settings.PROTOCOL_FILE))


def version(number: str) -> Protocol:
    """The protocol that a stamped row was made under: another file of the same folder."""
    folder = Path(settings.PROTOCOL_FILE).parent
    if not re.fullmatch(r"\d+(\.\d+)*", number) or not (folder / f"{number}.toml").is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml"))) or "none"
        raise UnknownCode(f'There is no protocol version "{number}" here. There is: {known}.')
    return _kept(folder / f"{number}.toml")
