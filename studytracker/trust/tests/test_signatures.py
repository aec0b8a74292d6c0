"""Signatures: bound to what was seen, stale with any change of it, by whoever is allowed and gave the password."""

import json
from datetime import time, timedelta

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F

from adverse_events import voiding
from adverse_events.models import AdverseEvent
from adverse_events.reporting import complete, report
from conftest import NOW, staged
from participants.models import Medication, Participant
from studytracker.access.passwords import Reauthenticated, WrongPassword, reauthenticate
from studytracker.dates import PartialDate
from studytracker.trust.acting import acting
from studytracker.trust.models import Act, Entry, Signature
from studytracker.trust.refusals import FINAL
from studytracker.trust.signatures import (
    ChangedMeanwhile,
    SigningRefused,
    changes_since,
    sign,
    standing,
    verify,
)

from .subject import AGREED, REVIEWED, SETTING

PASSWORD = "a long pass phrase"  # noqa: S105


@pytest.fixture(autouse=True)
def signed_kinds(settings):
    settings.SIGNED_KINDS = settings.SIGNED_KINDS | SETTING


@staged
def events(musc, coordinator):
    participant = musc.infused()
    for term in ("Rash", "Fatigue"):
        report(participant=participant, term=term, started=PartialDate(2025, 6), by=coordinator, at=NOW)
    return list(AdverseEvent.objects.order_by("pk"))


def signing(by, *, displayed=None, at=NOW, **changes):
    facts = {"kind": "listing", "key": "MUSC", "meaning": REVIEWED, "comment": "", "by": by, "at": at}
    answered = Reauthenticated(by.pk, at)
    facts |= {"answered": answered, "displayed_hash": displayed or standing("listing", "MUSC").sha256}
    return sign(**facts | changes)


def test_a_signature_says_who_when_what_for_and_exactly_what(events, investigator):
    investigator.first_name, investigator.last_name = "Ana", "Lopez"
    investigator.save()
    signature = signing(investigator, comment="All seen")
    assert (signature.printed_name, signature.username, signature.role, signature.held_at) == (
        "Ana Lopez",
        "pi.musc",
        "Investigator",
        "MUSC",
    )
    assert (signature.meaning, signature.comment, signature.signed_at) == (REVIEWED, "All seen", NOW)
    assert [fact["term"] for fact in signature.content["facts"]] == ["Rash", "Fatigue"]
    assert signature.entry_number == Entry.objects.exclude(table="trust_signature").first().id
    assert verify(Signature.objects.get(kind="listing")) == []
    assert standing("listing", "MUSC").is_signed


def test_a_later_change_of_name_leaves_the_signature_as_signed(events, investigator):
    signing(investigator)
    investigator.username = investigator.last_name = "renamed"
    investigator.save()
    signature = Signature.objects.get(kind="listing")
    assert (signature.printed_name, verify(signature)) == ("pi.musc", [])


def by_save(event):
    event.term = "Changed"
    event.save()


def by_bulk(event):
    event.grade = 3
    AdverseEvent.objects.bulk_update([event], ["grade"])


def by_upsert(event):
    event.term = "Upserted"
    AdverseEvent.objects.bulk_create([event], update_conflicts=True, unique_fields=["id"], update_fields=["term"])


def by_hand(event):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE adverse_events_adverseevent SET note = 'x' WHERE id = %s", [event.pk])


def by_voiding(event):
    voiding.void(event=event, reason="Typed twice", by=event.reported_by, at=NOW)


def there_and_back(event):
    for term in ("Other", event.term):
        AdverseEvent.objects.filter(pk=event.pk).update(term=term)


WAYS = {
    "save": by_save,
    "update": lambda event: AdverseEvent.objects.filter(pk=event.pk).update(term="Changed"),
    "F()": lambda event: AdverseEvent.objects.filter(pk=event.pk).update(number=F("number") + 10),
    "bulk_update": by_bulk,
    "upsert": by_upsert,
    "raw SQL": by_hand,
    "voiding": by_voiding,
    "completing": lambda event: complete(event=event, grade=2, by=event.reported_by, at=NOW),
    "an addition": lambda event: report(
        participant=event.participant, term="New", started=PartialDate(2025, 6), by=event.reported_by, at=NOW
    ),
    "there and back again": there_and_back,
    "a column of another table": lambda event: Participant.objects.filter(pk=event.participant_id).update(age=50),
}


@pytest.mark.parametrize("way", WAYS)
def test_any_change_of_what_was_signed_makes_it_stale_and_says_by_whom(events, investigator, way):
    signature = signing(investigator)
    with acting("tests", source="direct", reason="Query of the monitor"):
        WAYS[way](events[0])
    now = standing("listing", "MUSC")
    assert (now.is_signed, [each.pk for each in now.stale]) == (False, [signature.pk])
    found = changes_since(signature)
    assert {change.who for change in found} == {"tests (system)"}
    assert found[-1].reason == ("Typed twice" if way == "voiding" else "Query of the monitor")


def test_every_column_of_a_signed_row_counts(events, investigator):
    """The oracle is the model's own field list."""
    signing(investigator)
    missed = []
    for field in AdverseEvent._meta.local_concrete_fields:
        if field.generated or field.primary_key:
            continue
        with transaction.atomic():
            AdverseEvent.objects.filter(pk=events[0].pk).update(**_changed(field, events[0]))
            missed += [field.name] if standing("listing", "MUSC").is_signed else []
            transaction.set_rollback(True)
        assert standing("listing", "MUSC").is_signed
    assert missed == []


def _changed(field, event):
    pairs = {"completed": {"completed_at": NOW, "completed_by": event.reported_by}}
    pairs["voided"] = {"voided_at": NOW, "voided_by": event.reported_by, "voided_reason": "x"}
    whole = PartialDate(2025, 6, 14)  # a time of day belongs to a whole date
    pairs["visit"] = {"visit": event.participant.visits.first()}
    pairs["started_time"] = {"started_time": time(9), "started": whole}
    pairs["ended_time"] = {"ended_time": time(9), "ended": whole, "is_ongoing": False}
    pairs["ended"] = {"ended": PartialDate(2025, 6), "is_ongoing": False}
    pairs["reported_by"] = {"reported_by": Signature.objects.get(kind="listing").signed_by}
    pairs["medication"] = {"medication": _medicine_of(event.participant)}
    pairs["participant"] = {"participant": _another(event.participant)}
    for name, values in pairs.items():
        if field.name.startswith(name):
            return values
    if isinstance(field, models.BooleanField):
        return {field.name: not getattr(event, field.name)}
    if isinstance(field, models.DateTimeField):
        return {field.name: NOW + timedelta(hours=1)}
    if isinstance(field, models.IntegerField):
        return {field.name: 4}
    if field.name == "site":
        return {"site": "EMORY"}
    return {field.name: PartialDate(2024) if field.name == "started" else "other"}


def _medicine_of(participant):
    return Medication.objects.create(
        participant=participant,
        site_id="MUSC",
        protocol_version=participant.protocol_version,
        drug="Paracetamol",
        drug_class="other",
        route="oral",
        recorded_at=NOW,
        recorded_by=participant.screened_by,
    )


def _another(participant):
    participant.pk, participant.number, participant.identifier = None, 99, "MUSC-099"
    participant.save(force_insert=True)
    return participant


def test_a_save_without_a_change_and_a_change_of_something_else_leave_it_valid(events, investigator, musc):
    signing(investigator)
    events[0].save()
    Participant.objects.filter(pk=events[0].participant_id).update(withdrawn_note="", screened_at=NOW)
    musc.screened()
    assert standing("listing", "MUSC").is_signed


def test_what_was_not_displayed_is_not_signed(events, investigator):
    displayed = standing("listing", "MUSC").sha256
    AdverseEvent.objects.filter(pk=events[0].pk).update(grade=5)
    with pytest.raises(ChangedMeanwhile, match="Nothing was signed"):
        signing(investigator, displayed=displayed)
    assert not Signature.objects.filter(kind="listing").exists()


def test_only_somebody_allowed_signs_with_a_password_of_their_own_just_given(
    events, investigator, coordinator, emory_investigator, monitor, administrator, chair
):
    for person in (coordinator, emory_investigator, monitor, administrator, chair):
        with pytest.raises(SigningRefused, match="does not let you"):
            signing(person)
    for answered in (
        Reauthenticated(coordinator.pk, NOW),
        Reauthenticated(investigator.pk, NOW - timedelta(minutes=6)),
    ):
        with pytest.raises(SigningRefused, match="your own password"):
            signing(investigator, answered=answered)
    investigator.is_active = False
    investigator.save()
    with pytest.raises(SigningRefused, match="does not let you"):
        signing(investigator)
    assert not Signature.objects.filter(kind="listing").exists()


def test_what_belongs_to_no_site_needs_the_right_at_every_site(events, investigator, monitor):
    facts = {"kind": "trial", "key": "all", "meaning": "Seen", "displayed": standing("trial", "all").sha256}
    with pytest.raises(SigningRefused, match="at all sites"):
        signing(investigator, **facts)
    assert signing(monitor, **facts).site is None


def test_nothing_is_signed_twice_but_another_meaning_and_what_became_stale_are(events, investigator):
    signing(investigator)
    with pytest.raises(SigningRefused, match="You signed this on 2025-06-18 15:00 UTC, and that signature stands."):
        signing(investigator)
    signing(investigator, meaning=AGREED)
    AdverseEvent.objects.filter(pk=events[0].pk).update(grade=5)
    signing(investigator)
    now = standing("listing", "MUSC")
    assert [(each.number, each.is_stale) for each in now.signatures] == [(3, False), (2, True), (1, True)]


def test_what_is_open_is_signed_only_by_somebody_who_was_told(events, investigator):
    AdverseEvent.objects.filter(pk=events[0].pk).update(is_fatal=True)
    with pytest.raises(SigningRefused, match="Still open: MUSC-001 AE 1 has no outcome"):
        signing(investigator)
    assert signing(investigator, accepts_open=True).content["open"] == ["MUSC-001 AE 1 has no outcome"]


def test_a_signature_is_neither_changed_nor_removed_nor_replaced(events, investigator):
    signature = signing(investigator)
    with connection.cursor() as cursor:
        writes = [
            "UPDATE trust_signature SET meaning = 'x'",
            "DELETE FROM trust_signature",
            "INSERT INTO trust_signature SELECT * FROM trust_signature WHERE true "
            "ON CONFLICT (id) DO UPDATE SET meaning = 'x'",
        ]
        if connection.vendor == "sqlite":
            writes.append("INSERT OR REPLACE INTO trust_signature SELECT * FROM trust_signature")
        for write in writes:
            with pytest.raises(DatabaseError) as refusal, transaction.atomic():
                cursor.execute(write)
            assert FINAL in str(refusal.value)
    assert Signature.objects.get(kind="listing") == signature


@pytest.mark.parametrize(
    "forged",
    [{"key": "EMORY"}, {"kind": "trial"}, {"meaning": AGREED}, {"printed_name": "Somebody"}, {"document": "{}"}],
)
def test_an_altered_or_copied_signature_does_not_verify(events, investigator, forged):
    signature = signing(investigator)
    for name, value in forged.items():
        setattr(signature, name, value)
    assert verify(signature) != []


def test_wrong_passwords_are_recorded_and_after_five_even_the_right_one_waits(events, investigator, coordinator):
    investigator.set_password(PASSWORD)
    investigator.save()
    for _ in range(5):
        with pytest.raises(WrongPassword):
            reauthenticate(investigator, "wrong", at=NOW)
    with pytest.raises(WrongPassword):
        reauthenticate(investigator, PASSWORD, at=NOW + timedelta(seconds=59))
    assert reauthenticate(investigator, PASSWORD, at=NOW + timedelta(seconds=60)).user_id == investigator.pk
    kinds = list(Act.objects.filter(username="pi.musc").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["signing_failed"] * 5 + ["locked", "signing_failed"]
    assert json.loads(Entry.objects.filter(table="trust_act").first().new)["username"] == "pi.musc"


def test_the_signature_s_page_shows_what_was_signed_and_what_changed(events, investigator, browse, emory_coordinator):
    address = signing(investigator).get_absolute_url()
    AdverseEvent.objects.filter(pk=events[0].pk).update(term="Exanthema")
    page = browse(investigator).get(address).content.decode()
    assert [
        words for words in ("No longer valid", "Reported term: Rash → Exanthema", "add up") if words not in page
    ] == []
    assert browse(emory_coordinator).get(address).status_code == 404
