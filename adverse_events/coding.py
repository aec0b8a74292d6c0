"""Coding an event: the dictionary's own spelling and class for the term that was chosen."""

from . import dictionary
from .consistency import EventRefused


def code(event):
    """Spell the chosen term as the dictionary does and take its class along. Raises EventRefused for no term of it."""
    if not event.dictionary_term:
        event.body_system = ""
        return
    version = event.ctcae_version
    term = dictionary.find(version, event.dictionary_term)
    if term is None:
        raise EventRefused(_no_such_term(version, event.dictionary_term), field="dictionary_term")
    event.dictionary_term, event.body_system = term.name, term.body_system


def _no_such_term(version, name):
    near = dictionary.nearest(version, name)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    kind = "The CTCAE" if dictionary.is_loaded(version) else "The starter list of CTCAE"
    return f'{kind} {version} has no term "{name[:60]}".{meant} Leave it empty if it is to be coded later.'
