#!/usr/bin/env python3
"""Check an exported audit trail against its seals and against the heads that were told outside the database.

    python3 verifier.py TRAIL.jsonl [--anchor NUMBER:HASH]...

This one file needs Python 3.9 or later and nothing else: no database, no package, no network. An anchor is the head
of the chain as a mail or a signed listing showed it, such as 1234:9f86d0...; take it from a copy that nobody who
writes to the database could change. Without one the check finds what does not fit together, but not a trail that
somebody cut off or wrote anew from the start.

Ends with
    0  intact, and anchored up to its head
    3  intact; what follows the last anchor (everything, where none was given) rests on the file alone
    4  broken: an entry or a seal was changed, removed, added or moved
    5  truncated: an anchor knows more seals than the file holds
    2  not readable as an exported trail

The file holds one JSON object a line: first a header, then entries and seals in any order. A seal's hash is the
SHA-256 of the canonical JSON of its other fields and "entry", the SHA-256 of the canonical JSON of the entry without
its nulls. Canonical: UTF-8, keys sorted, no spaces, nothing escaped but what JSON says must be.
"""

import argparse
import hashlib
import json
import sys

FORMAT = "study-tracker-audit-trail"
VERSION = 1
FIRST = "0" * 64  # stands in the first seal for the hash before it
INTACT, UNANCHORED, BROKEN, TRUNCATED, UNREADABLE = 0, 3, 4, 5, 2
SHOWN = 20  # findings printed at most


class Unreadable(Exception):
    """The file is no exported trail."""


def canonical(values):
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def digest(values):
    return hashlib.sha256(canonical(values)).hexdigest()


def entry_digest(entry):
    """Without what is null, so that a column added to the trail later leaves the seals before it as they were."""
    return digest({name: value for name, value in entry.items() if value is not None})


def seal_hash(seq, entry_id, at, previous, entry_digest):
    sealed = {"seq": seq, "entry_id": entry_id, "at": at, "previous": previous, "entry": entry_digest}
    return digest(sealed)


class Report:
    """What the check found: `findings` as (verdict, sentence), in the order of the chain."""

    def __init__(self, sealed, unsealed, head, anchored, findings):
        self.sealed, self.unsealed, self.head, self.anchored = sealed, unsealed, head, anchored
        self.findings = findings

    @property
    def verdict(self):
        found = {verdict for verdict, _ in self.findings}
        if found:
            return BROKEN if BROKEN in found else TRUNCATED
        return INTACT if self.anchored and self.anchored == self.sealed else UNANCHORED

    @property
    def words(self):
        if self.findings:
            return self.findings[0][1]
        if self.verdict == INTACT:
            return f"Intact and anchored up to seal {self.anchored}."
        return f"Intact; unanchored after seal {self.anchored} of {self.sealed}."


class Chain:
    """Takes the entries and the seals in any order, then says how they hang together."""

    def __init__(self):
        self.entries = {}  # id -> digest
        self.seals = []
        self.findings = []

    def add_entry(self, entry):
        if entry["id"] in self.entries:
            self.say(f"Broken: entry {entry['id']} is there twice.")
        self.entries[entry["id"]] = entry_digest(entry)

    def add_seal(self, seal):
        self.seals.append((seal["seq"], seal["entry_id"], seal["at"], seal["previous"], seal["hash"]))

    def say(self, sentence, verdict=BROKEN):
        self.findings.append((verdict, sentence))

    def report(self, anchors=()):
        self.seals.sort(key=lambda seal: seal[0])
        self._follow()
        unsealed = self._unsealed()
        anchored = self._compare(anchors)
        head = self.seals[-1] if self.seals else (0, 0, "", "", FIRST)
        return Report(len(self.seals), unsealed, (head[0], head[4]), anchored, self.findings)

    def _follow(self):
        """Each seal on the one before, each on its entry as it is now."""
        expected, last_entry, last_hash = 1, 0, FIRST
        for seq, entry_id, at, previous, given in self.seals:
            if seq != expected:
                kind = "is there twice" if seq < expected else "is missing"
                self.say(f"Broken at seal {min(seq, expected)}: it {kind}.")
            elif previous != last_hash:
                self.say(f"Broken at seal {seq}: it does not stand on the seal before it.")
            if entry_id <= last_entry:
                self.say(f"Broken at seal {seq}: its entry {entry_id} does not follow entry {last_entry}.")
            self._match(seq, entry_id, at, previous, given)
            expected, last_entry, last_hash = seq + 1, entry_id, given

    def _match(self, seq, entry_id, at, previous, given):
        if entry_id not in self.entries:
            self.say(f"Broken at seal {seq}: entry {entry_id}, which it seals, is gone.")
        elif seal_hash(seq, entry_id, at, previous, self.entries[entry_id]) != given:
            self.say(f"Broken at seal {seq}: entry {entry_id} or the seal is not as it was when sealed.")

    def _unsealed(self):
        """The sealer takes entries in their order, so one without a seal before a sealed one was put there later."""
        sealed = {seal[1] for seal in self.seals}
        last = max(sealed, default=0)
        loose = sorted(set(self.entries) - sealed)
        for entry_id in loose:
            if entry_id < last:
                self.say(f"Broken: entry {entry_id} has no seal, though later ones have: it was added afterwards.")
        return sum(entry_id > last for entry_id in loose)

    def _compare(self, anchors):
        """The furthest anchor that fits; each that does not is a finding."""
        hashes = {seal[0]: seal[4] for seal in self.seals}
        found = len(self.seals)
        for seq, value in sorted(anchors):
            if seq not in hashes:
                self.say(f"Truncated: an anchor knows {seq} seals, found {found}.", TRUNCATED)
            elif hashes[seq] != value:
                self.say(f"Broken at or before seal {seq}: written anew, for an anchor gives another hash.")
        return max((seq for seq, value in anchors if hashes.get(seq) == value), default=0)


def read(lines):
    """A Chain of the lines of an exported trail. Raises Unreadable with a sentence."""
    chain, header, number = Chain(), None, 0
    for number, line in enumerate(lines, 1):
        try:
            values = json.loads(line)
            if header is None:
                header = values
                if header.get("format") != FORMAT or header.get("version") != VERSION:
                    raise Unreadable(f"This is no exported audit trail of version {VERSION}.")
            elif "entry" in values:
                chain.add_entry(values["entry"])
            else:
                chain.add_seal(values["seal"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Unreadable(f"Line {number} is not a line of an exported audit trail.") from None
    if header is None:
        raise Unreadable("The file is empty.")
    for name, found in (("entries", len(chain.entries)), ("seals", len(chain.seals))):
        if header.get(name) != found:
            chain.say(f"Broken: the file was written with {header.get(name)} {name}, found {found}.")
    return chain


def anchor(text):
    seq, _, value = text.strip().partition(":")
    if not seq.isdigit() or len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(f"{text!r} is no anchor: NUMBER:HASH, as the mail or the listing shows it.")
    return int(seq), value


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check an exported audit trail.")
    parser.add_argument("trail", help="the exported trail, one JSON object a line")
    parser.add_argument("--anchor", action="append", default=[], type=anchor, metavar="NUMBER:HASH")
    options = parser.parse_args(arguments)
    try:
        with open(options.trail, encoding="utf-8", errors="surrogatepass") as lines:
            report = read(lines).report(options.anchor)
    except (OSError, UnicodeDecodeError, Unreadable) as error:
        print(f"Not readable: {error}", file=sys.stderr)
        return UNREADABLE
    print(report.words)
    for _, sentence in report.findings[1:SHOWN]:
        print("  " + sentence)
    if len(report.findings) > SHOWN:
        print(f"  ... and {len(report.findings) - SHOWN} more.")
    seq, value = report.head
    print(f"{report.sealed} entries sealed, {report.unsealed} not yet sealed. Head {seq}:{value}")
    return report.verdict


if __name__ == "__main__":
    sys.exit(main())
