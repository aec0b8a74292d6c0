"""What the database refuses of the seals, whoever asks."""

import pytest
from django.db import IntegrityError, connection, transaction

from studytracker.trust.coverage import FIRST
from studytracker.trust.models import Seal
from studytracker.trust.refusals import SEALED

AT = "2025-06-18T15:00:00.000000Z"


def seal(seq, entry_id, previous, digit):
    return Seal(seq=seq, entry_id=entry_id, at=AT, previous=previous, hash=digit * 64)


@pytest.fixture
def sealed(db):
    Seal.objects.bulk_create([seal(1, 1, FIRST, "a"), seal(2, 5, "a" * 64, "b"), seal(3, 6, "b" * 64, "c")])


@pytest.mark.parametrize(
    "bad",
    [
        seal(5, 7, "c" * 64, "d"),  # a gap
        seal(3, 7, "b" * 64, "d"),  # a fork
        seal(4, 7, "b" * 64, "d"),  # not on the last hash
        seal(4, 6, "c" * 64, "d"),  # an entry sealed already
        seal(4, 3, "c" * 64, "d"),  # an entry from before the last sealed
    ],
    ids=str,
)
def test_a_seal_that_does_not_continue_the_chain_is_refused(sealed, bad):
    with pytest.raises(IntegrityError, match=SEALED), transaction.atomic():
        bad.save(force_insert=True)
    assert list(Seal.objects.values_list("seq", flat=True)) == [3, 2, 1]
    seal(4, 7, "c" * 64, "d").save(force_insert=True)


def test_the_first_seal_stands_on_nothing(db):
    for bad in (seal(0, 1, FIRST, "a"), seal(2, 1, FIRST, "a"), seal(1, 1, "a" * 64, "a")):
        with pytest.raises(IntegrityError, match=SEALED), transaction.atomic():
            bad.save(force_insert=True)


TAMPERINGS = {
    "update": f"UPDATE trust_seal SET hash = '{FIRST}'",
    "delete": "DELETE FROM trust_seal",
    "delete the last": "DELETE FROM trust_seal WHERE seq = 3",
    "upsert": "INSERT INTO trust_seal SELECT * FROM trust_seal WHERE true ON CONFLICT (seq) DO UPDATE SET hash = 'x'",
}
if connection.vendor == "sqlite":
    TAMPERINGS["replace"] = "INSERT OR REPLACE INTO trust_seal SELECT * FROM trust_seal"
else:
    TAMPERINGS["truncate"] = "TRUNCATE trust_seal"
    TAMPERINGS["as a replica"] = "SET LOCAL session_replication_role = replica; DELETE FROM trust_seal"


@pytest.mark.parametrize("how", TAMPERINGS)
def test_the_seals_refuse(sealed, how):
    before = list(Seal.objects.values())
    with pytest.raises(IntegrityError, match=SEALED), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAMPERINGS[how])
    assert list(Seal.objects.values()) == before
