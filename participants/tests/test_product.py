from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conftest import LOT_RECEIVED_ON, NOW, TODAY
from participants.models import CustodyEvent, ProductLot
from participants.product import ProductRefused, accountability, move, on_hand, receive_lot, release_lot
from studytracker import protocol
from studytracker.protocol.models import Site

TESTS = {code: (True, TODAY) for code, label in protocol.current().choices("donor_test")}


def received(by, **changes):
    facts = {
        "number": "UC-9",
        "donor_lot": "D-9",
        "collected_on": date(2025, 5, 1),
        "donor_tests": TESTS,
        "cells_per_unit": 120_000_000,
        "viability_percent": Decimal("92"),
        "volume_ml": Decimal("50"),
        "units": 3,
        "received_at": NOW - timedelta(hours=2),
        "expires_at": NOW + timedelta(days=300),
    }
    return receive_lot(site=Site.objects.get(pk="MUSC"), by=by, at=NOW, **facts | changes)


def test_what_is_received_is_on_hand(trial, coordinator):
    lot = received(coordinator)
    assert (on_hand(lot), lot.custody.get().kind, lot.donor_tests.count()) == (3, "received", len(TESTS))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        (
            {"received_at": NOW + timedelta(minutes=1)},
            "received_on",
            "The lot cannot be received in the future. Check the date and time.",
        ),
        (
            {"expires_at": NOW - timedelta(days=1)},
            "expires_on",
            "The lot expired before it was received. Check the expiry.",
        ),
        (
            {"collected_on": TODAY + timedelta(days=1)},
            "collected_on",
            "The cells cannot be collected after they were received.",
        ),
    ],
)
def test_an_impossible_lot_is_refused_and_writes_nothing(trial, coordinator, changes, field, sentence):
    with pytest.raises(ProductRefused) as refusal:
        received(coordinator, **changes)
    assert (refusal.value.field, refusal.value.sentences) == (field, [sentence])
    assert ProductLot.objects.count() == CustodyEvent.objects.count() == 0


def test_a_lot_is_on_file_once_at_a_site(trial, coordinator):
    received(coordinator)
    with pytest.raises(ProductRefused, match="Lot UC-9 is on file at MUSC already."):
        received(coordinator)


def test_a_lot_is_released_with_every_test_negative_and_enough_viable_cells(trial, coordinator, investigator):
    lot = release_lot(lot=received(coordinator), by=investigator, at=NOW)
    assert (lot.released_by, lot.custody.last().kind, on_hand(lot)) == (investigator, "released", 3)
    with pytest.raises(ProductRefused, match="Lot UC-9 is released already."):
        release_lot(lot=lot, by=investigator, at=NOW)


def test_everything_against_a_release_is_told_at_once(trial, coordinator, investigator):
    tests = TESTS | {"HCV": (False, TODAY)}
    del tests["CMV"]
    lot = received(
        coordinator,
        donor_tests=tests,
        viability_percent=Decimal("69.99"),
        received_at=NOW - timedelta(days=9),
        expires_at=NOW,
    )
    with pytest.raises(ProductRefused) as refusal:
        release_lot(lot=lot, by=investigator, at=NOW)
    assert refusal.value.sentences == [
        "The donor test Hepatitis C is positive.",
        "The donor test Cytomegalovirus is not recorded.",
        "69.99 % viable cells are below 70 %.",
        "The lot expired on Wed 18 Jun 2025.",
    ]


def test_exactly_the_least_viability_is_enough(trial, coordinator, investigator):
    assert release_lot(lot=received(coordinator, viability_percent=Decimal("70")), by=investigator, at=NOW).released_at


def test_what_came_in_went_out_or_is_on_hand(trial, coordinator, investigator, musc):
    lot = release_lot(lot=received(coordinator, units=6), by=investigator, at=NOW)
    for kind, units in (("stored", 6), ("thawed", 1), ("wasted", 1), ("returned", 2), ("destroyed", 1)):
        move(lot=lot, kind=kind, units=units, happened_at=NOW, by=coordinator, at=NOW)
    participant = musc.enrolled()
    musc.dosed(participant, lot=lot, at=NOW)
    assert accountability(lot.custody.all()) == {
        "Received": 6,
        "Given": 0,
        "Wasted": 1,
        "Returned": 2,
        "Destroyed": 1,
        "On hand": 2,
    }
    assert [event.on_hand for event in lot.custody.all()] == [6, 6, 6, 6, 5, 3, 2]
    assert on_hand(lot) == 2


def test_no_more_leaves_than_is_on_hand(trial, coordinator):
    lot = received(coordinator)
    with pytest.raises(ProductRefused) as refusal:
        move(lot=lot, kind="destroyed", units=4, happened_at=NOW, by=coordinator, at=NOW)
    assert refusal.value.sentences == [
        "Lot UC-9 has 3 units on hand, not 4. Check the number, or record what was received first."
    ]
    assert on_hand(lot) == 3


def test_giving_and_receiving_are_not_moved_by_hand(trial, coordinator):
    lot = received(coordinator)
    for kind in ("given", "received", "released"):
        with pytest.raises(ProductRefused, match="recorded where they are done"):
            move(lot=lot, kind=kind, units=1, happened_at=NOW, by=coordinator, at=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "wasted", "units": 1, "before": 3, "on_hand": 3},
        {"kind": "stored", "units": 1, "before": 3, "on_hand": 2},
        {"kind": "received", "units": 1, "before": 3, "on_hand": 3},
        {"kind": "given", "units": 1, "before": 3, "on_hand": 2},
        {"kind": "stored", "units": 0, "before": 3, "on_hand": 3},
        {"kind": "lost", "units": 1, "before": 3, "on_hand": 2},
    ],
)
def test_the_database_refuses_a_step_whose_balance_does_not_agree(trial, coordinator, wrong):
    lot = received(coordinator)
    facts = {"number": 2, "happened_at": NOW, "recorded_at": NOW, "recorded_by": coordinator, "site": lot.site}
    with pytest.raises(IntegrityError), transaction.atomic():
        CustodyEvent.objects.create(lot=lot, **facts, **wrong)


def test_the_infusion_takes_its_units_from_the_lot(musc):
    participant = musc.infused()
    given = CustodyEvent.objects.get(kind="given")
    assert (given.participant, given.units, given.before - given.on_hand) == (participant, 1, 1)


LOT = {
    "site": "MUSC",
    "number": "UC-12",
    "donor_lot": "D-3",
    **{
        f"collected_on_{part}": value for part, value in zip(("day", "month", "year"), ("1", "5", "2025"), strict=True)
    },
    **{f"tested_on_{part}": value for part, value in zip(("day", "month", "year"), ("2", "5", "2025"), strict=True)},
    **{
        f"received_on_{part}": value for part, value in zip(("day", "month", "year"), ("17", "6", "2025"), strict=True)
    },
    **{f"expires_on_{part}": value for part, value in zip(("day", "month", "year"), ("1", "5", "2026"), strict=True)},
    "received_time": "09:30",
    "expires_time": "23:59",
    "cells_per_unit": "120",
    "viability_percent": "92.5",
    "volume_ml": "50",
    "units": "2",
    **{f"test_{code}": "negative" for code in TESTS},
}


def test_a_lot_goes_through_its_pages(trial, browse, coordinator, investigator, frozen):
    crc, pi = browse(coordinator), browse(investigator)
    address = crc.post("/product/new/", LOT).url
    lot = ProductLot.objects.get()
    assert (address, lot.cells_per_unit) == (f"/product/{lot.pk}/", 120_000_000)
    assert "Not released:" in crc.get(address).text
    assert pi.post(f"{address}release/").url == address
    when = {"happened_on_day": "18", "happened_on_month": "6", "happened_on_year": "2025", "happened_time": "10:00"}
    assert crc.post(f"{address}custody/", {"kind": "wasted", "units": "1", **when}).url == address
    page = crc.get(address).text
    assert "received <strong>2</strong> = given <strong>0</strong> + wasted <strong>1</strong>" in page
    assert "on hand <strong>1</strong>" in page
    refused = crc.post(f"{address}custody/", {"kind": "wasted", "units": "5", **when})
    assert (refused.status_code, "has 1 unit on hand, not 5" in refused.text) == (422, True)


def test_a_lot_with_a_positive_donor_is_not_released_on_its_page(trial, browse, coordinator, investigator, frozen):
    browse(coordinator).post("/product/new/", LOT | {"test_HIV": "positive"})
    lot = ProductLot.objects.get()
    refused = browse(investigator).post(f"/product/{lot.pk}/release/")
    assert (refused.status_code, "The donor test HIV, types 1 and 2 is positive." in refused.text) == (422, True)


def test_the_accountability_log_leaves_as_a_file_and_shows_no_other_site(musc, emory, browse, coordinator, frozen):
    musc.lot(), emory.lot("UC-2")
    client = browse(coordinator)
    rows = b"".join(client.get("/product/custody/?format=csv")).decode().splitlines()
    assert [row.split(",")[:5] for row in rows[1:]] == [
        ['"MUSC"', '"UC-1"', '"1"', '"Received"', '"30"'],
        ['"MUSC"', '"UC-1"', '"2"', '"Released"', '"30"'],
    ]
    assert "UC-2" not in client.get("/product/").text
    assert LOT_RECEIVED_ON.year == 2015
