"""Signatures that bind what was seen, and that any later change of it makes stale (21 CFR 11.50, 11.70, 11.200).

How a room has something signed, by the example of a participant's eligibility:

1. In `participants/signed.py` say what is signed:

        ELIGIBILITY = Kind("Eligibility", eligibility_snapshot, ("I confirm …",), permission=Permission.ENROLL)

        def eligibility_snapshot(key):                       # key is text, such as "MUSC-001"
            return Snapshot(title=…, site=…, facts={…}, rows=[covered(answer) for answer in …], open_items=[…], url=…)

   and name it in settings: `SIGNED_KINDS = {"eligibility": "participants.signed.ELIGIBILITY"}`. `facts` hold stored
   values, nothing computed from the clock. `rows` are the rows behind them; `covered(row, "age", "sex")` where only
   some columns matter. Kind, Snapshot, covered and UnknownSubject are in `studytracker.trust.subjects`.
2. In the view: `box = SignBox(request, "eligibility", key, at=at)` (from `studytracker.trust.signing`). When
   `box.signed` is set, redirect; else render with `{"signing": box}` and `status=box.status`. The view allows POST.
3. In the template: `{% include "trust/sign_box.html" %}` (the form, what stands and what is stale),
   or `{% include "trust/signatures.html" with standing=signing.standing %}` for the signatures alone, on print too.

Elsewhere: `standing(kind, key)` tells what stands (`.is_signed`, `.valid`, `.stale`, `.latest`),
`changes_since(signature)` what made a signature stale, by whom, from the trail, and `verify(signature)` what does not
add up in it. Without a page: `sign(..., answered=reauthenticate(person, password, at=at), by=person, at=at)`.
A signature is stale from the very transaction that changed a covered row, by whatever way it was written: this is
looked up in the trail and in the rows, not stored.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from studytracker import protocol
from studytracker.protocol.models import Site
from studytracker.refusal import Refused

from .changes import changes
from .models import Entry, Signature
from .sqlite import quoted
from .subjects import SCHEMA_VERSION, Kind, Snapshot, canonical, document, kind_named, sha256
from .wording import by_table

PASSWORD_IS_FRESH = timedelta(minutes=5)
TRIES = 5
# What the hash of a signature itself is made of.
RECORDED = (
    *("kind", "key", "number", "title", "site_id", "document", "sha256", "schema_version"),
    *("protocol_version", "protocol_sha256", "entry_number", "meaning", "comment", "printed_name", "username", "role"),
    *("held_at", "signed_by_id"),
)


class SigningRefused(Refused):
    """This cannot be signed by this person, or not like this."""


class ChangedMeanwhile(SigningRefused):
    """What was displayed is not what there is now: nothing is signed."""

    def add_to(self, form):
        super().add_to(form)
        form.is_overtaken = True


@dataclass(frozen=True)
class Standing:
    """A subject as it stands, with its signatures, newest first."""

    kind: str
    key: str
    snapshot: Snapshot
    sha256: str
    signatures: list[Signature]  # each with `changes`, and `is_stale`

    @property
    def valid(self):
        return [signature for signature in self.signatures if not signature.is_stale]

    @property
    def stale(self):
        return [signature for signature in self.signatures if signature.is_stale]

    @property
    def is_signed(self):
        return bool(self.valid)

    @property
    def latest(self):
        return self.signatures[0] if self.signatures else None

    def valid_by(self, person):
        return next((signature for signature in self.valid if signature.signed_by_id == person.pk), None)


def standing(kind: str, key: str) -> Standing:
    """Raises UnknownSubject."""
    return standing_of(kind, key, kind_named(kind).snapshot(key))


def standing_of(kind: str, key: str, snapshot: Snapshot) -> Standing:
    """For whoever has the snapshot of this moment already."""
    whole = sha256(document(kind, key, snapshot))
    found = list(Signature.objects.of(kind, key).select_related("signed_by"))
    for signature, its_changes in changes(found, snapshot.rows):
        signature.changes = its_changes
        signature.is_stale = bool(its_changes) or signature.sha256 != whole
    return Standing(kind, key, snapshot, whole, found)


def changes_since(signature):
    """The Changes of what it covers, oldest first: by whom, when, what and why."""
    current = standing(signature.kind, signature.key)
    return next(each.changes for each in current.signatures if each.pk == signature.pk)


def sign(*, kind, key, displayed_hash, meaning, comment, answered, by, at, accepts_open=False) -> Signature:
    """Sign what was displayed. `answered` comes from `access.passwords.reauthenticate`.

    `accepts_open`: the person was told what is still open, and signs nevertheless. Raises SigningRefused, and
    ChangedMeanwhile where the subject is not what it was when displayed.
    """
    facts = {"displayed_hash": displayed_hash, "meaning": meaning, "comment": comment, "accepts_open": accepts_open}
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                return _sign(kind, key, answered=answered, by=by, at=at, **facts)
        except IntegrityError:  # somebody signed at the same moment: look again
            if not left:
                raise


def _sign(kind, key, *, displayed_hash, meaning, comment, accepts_open, answered, by, at):
    subject, by = kind_named(kind), get_user_model().objects.get(pk=by.pk)  # with the rights held at this moment
    if connection.features.has_select_for_update:
        _lock(subject.snapshot(key).rows)
    now = standing(kind, key)
    _check_person(subject, now.snapshot, by, answered, at)
    if now.snapshot.refusals:
        raise SigningRefused(*now.snapshot.refusals)
    if now.sha256 != displayed_hash:
        raise ChangedMeanwhile(
            "Nothing was signed: what you were shown has changed meanwhile. It is shown as it stands now: "
            "review it again."
        )
    _check_words(subject, now, meaning, accepts_open, by)
    rules = protocol.current()
    signature = Signature(
        kind=kind,
        key=key,
        number=(now.latest.number if now.latest else 0) + 1,
        title=now.snapshot.title,
        site_id=now.snapshot.site,
        document=document(kind, key, now.snapshot),
        sha256=now.sha256,
        schema_version=SCHEMA_VERSION,
        protocol_version=rules.version,
        protocol_sha256=rules.sha256,
        entry_number=Entry.objects.aggregate(last=Max("id"))["last"] or 0,
        meaning=meaning,
        comment=comment,
        **_who(by),
        signed_at=at,
        signed_by=by,
    )
    signature.record_sha256 = _record_hash(signature)
    signature.save(force_insert=True)
    return signature


def _lock(rows):
    """Wait for whoever is changing these rows, and let nobody else. SQLite, with one writer at a time, needs none."""
    with connection.cursor() as cursor:
        for table in sorted({row.table for row in rows}):
            keys = sorted(row.row_id for row in rows if row.table == table)
            name, key = quoted(table), quoted(by_table()[table]._meta.pk.column)
            cursor.execute(f"SELECT 1 FROM {name} WHERE {key}::text = ANY(%s) ORDER BY {key} FOR SHARE", [keys])


def may_sign(subject: Kind, snapshot: Snapshot, person) -> bool:
    held = person.sites_where(subject.permission)
    wanted = {snapshot.site} if snapshot.site else set(Site.objects.values_list("code", flat=True))
    return wanted <= held


def _check_person(subject, snapshot, by, answered, at):
    if not may_sign(subject, snapshot, by):
        raise SigningRefused(
            f"Your role does not let you {subject.permission.value} at {snapshot.site or 'all sites'}."
        )
    if answered.user_id != by.pk or not timedelta(0) <= at - answered.at <= PASSWORD_IS_FRESH:
        raise SigningRefused("Give your own password at the signature itself.", field="password")


def _check_words(subject, now, meaning, accepts_open, by):
    if meaning not in subject.meanings:
        raise SigningRefused("Choose what the signature means.", field="meaning")
    if now.snapshot.open_items and not accepts_open:
        raise SigningRefused(
            f"Still open: {'; '.join(now.snapshot.open_items)}. "
            "Complete what is open, or confirm that you sign although it is.",
            field="accepts_open",
        )
    for signature in now.valid:
        if signature.signed_by_id == by.pk and signature.meaning == meaning:
            raise SigningRefused(
                f"You signed this on {signature.signed_at:%Y-%m-%d %H:%M} UTC, and that signature stands. "
                "It is not signed twice."
            )


def _who(by) -> dict:
    held = by.current_memberships
    return {
        "printed_name": by.get_full_name() or by.get_username(),
        "username": by.get_username(),
        "role": "; ".join(dict.fromkeys(membership.get_role_display() for membership in held)),
        "held_at": "; ".join(dict.fromkeys(membership.site_id or "all sites" for membership in held)),
    }


def _record_hash(signature) -> str:
    facts = {name: getattr(signature, name) for name in RECORDED}
    return sha256(canonical(facts | {"signed_at": f"{signature.signed_at:%Y-%m-%dT%H:%M:%S.%f}Z"}))


def verify(signature) -> list[str]:
    """What does not add up in a signature, recomputed from its own snapshot; empty when all does."""
    found = []
    if sha256(signature.document) != signature.sha256:
        found.append("The hash is not that of the snapshot.")
    if _record_hash(signature) != signature.record_sha256:
        found.append("The signature was altered after it was made.")
    if f'"key":{canonical(signature.key)},"kind":{canonical(signature.kind)}' not in signature.document:
        found.append("The snapshot is that of another record.")
    return found
