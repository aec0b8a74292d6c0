"""The product's lots and their chain of custody: what came in is given, wasted, returned, destroyed or on hand."""

from django.db import transaction

from studytracker import protocol
from studytracker.dates import day_label
from studytracker.refusal import Refused

from .models import CustodyEvent, DonorTest, ProductLot

Kind = CustodyEvent.Kind


class ProductRefused(Refused):
    """The lot cannot be recorded, released or moved like this."""


@transaction.atomic
def receive_lot(
    *, site, number, donor_lot, collected_on, donor_tests, cells_per_unit, viability_percent, volume_ml, units,
    received_at, expires_at, by, at, note=""
):  # fmt: skip
    """Put a lot on file with the units received. `donor_tests` maps a test's code to (is negative, date).

    Raises ProductRefused.
    """
    if received_at > at:
        raise ProductRefused("The lot cannot be received in the future. Check the date and time.", field="received_on")
    if expires_at <= received_at:
        raise ProductRefused("The lot expired before it was received. Check the expiry.", field="expires_on")
    if collected_on > site.today(received_at):
        raise ProductRefused("The cells cannot be collected after they were received.", field="collected_on")
    if ProductLot.objects.filter(site=site, number=number).exists():
        raise ProductRefused(
            f"Lot {number} is on file at {site} already. Record its next step instead.", field="number"
        )
    lot = ProductLot.objects.create(
        site=site,
        number=number,
        donor_lot=donor_lot,
        collected_on=collected_on,
        cells_per_unit=cells_per_unit,
        viability_percent=viability_percent,
        volume_ml=volume_ml,
        expires_at=expires_at,
        recorded_at=at,
        recorded_by=by,
    )
    for test, (is_negative, tested_on) in donor_tests.items():
        DonorTest.objects.create(lot=lot, site=site, test=test, is_negative=is_negative, tested_on=tested_on)
    _add(lot, Kind.RECEIVED, units, happened_at=received_at, note=note, by=by, at=at)
    return lot


def reasons_against_release(lot, at) -> list[str]:
    """Why the lot may not be given to anybody yet; empty when nothing stands in the way."""
    rules = protocol.current()
    tests = {test.test: test for test in lot.donor_tests.all()}
    reasons = [
        f"The donor test {label} is {'positive' if code in tests else 'not recorded'}."
        for code, label in rules.choices("donor_test")
        if code not in tests or not tests[code].is_negative
    ]
    if lot.viability_percent < rules.product.viability_at_least:
        reasons.append(f"{lot.viability_percent} % viable cells are below {rules.product.viability_at_least} %.")
    if lot.expires_at <= at:
        reasons.append(f"The lot expired on {day_label(lot.site.today(lot.expires_at))}.")
    return reasons


@transaction.atomic
def release_lot(*, lot, by, at):
    """From now on the lot may be given. Raises ProductRefused with everything that is missing."""
    lot = _locked(lot)
    if lot.released_at:
        raise ProductRefused(f"Lot {lot} is released already.")
    if reasons := reasons_against_release(lot, at):
        raise ProductRefused(*reasons)
    lot.released_at, lot.released_by = at, by
    lot.save(update_fields=["released_at", "released_by"])
    _add(lot, Kind.RELEASED, on_hand(lot) or 1, happened_at=at, by=by, at=at)
    return lot


@transaction.atomic
def move(*, lot, kind, units, happened_at, by, at, note=""):
    """One step of custody that a person records. Giving and releasing have functions of their own."""
    lot = _locked(lot)
    if kind in (Kind.RECEIVED, Kind.GIVEN, Kind.RELEASED):
        raise ProductRefused("Receiving, releasing and giving are recorded where they are done.", field="kind")
    return _add(lot, kind, units, happened_at=happened_at, note=note, by=by, at=at)


@transaction.atomic
def give(*, lot, units, participant, happened_at, by, at):
    """Units that were given to a participant; called by the infusion."""
    return _add(_locked(lot), Kind.GIVEN, units, participant=participant, happened_at=happened_at, by=by, at=at)


def move_given(*, participant, happened_at):
    """The time of what was given to a participant whose Day 0 is corrected; called by the correction."""
    CustodyEvent.objects.filter(kind=Kind.GIVEN, participant=participant).update(happened_at=happened_at)


def on_hand(lot) -> int:
    last = lot.custody.order_by("number").last()
    return last.on_hand if last else 0


def _locked(lot):
    return ProductLot.objects.select_for_update(of=("self",)).select_related("site").get(pk=lot.pk)


def _add(lot, kind, units, *, happened_at, by, at, participant=None, note=""):
    last = lot.custody.order_by("number").last()
    before = last.on_hand if last else 0
    if happened_at > at:
        raise ProductRefused("This cannot have happened in the future. Check the date and time.", field="happened_on")
    if units < 1:
        raise ProductRefused("Give at least one unit.", field="units")
    if kind not in CustodyEvent.INTO and units > before:
        raise ProductRefused(
            f"Lot {lot} has {before} unit{'' if before == 1 else 's'} on hand, not {units}. "
            "Check the number, or record what was received first.",
            field="units",
        )
    sign = 1 if kind in CustodyEvent.INTO else -1 if kind in CustodyEvent.OUT_OF else 0
    return CustodyEvent.objects.create(
        lot=lot,
        site=lot.site,
        number=(last.number if last else 0) + 1,
        kind=kind,
        units=units,
        before=before,
        on_hand=before + sign * units,
        happened_at=happened_at,
        participant=participant,
        note=note,
        recorded_at=at,
        recorded_by=by,
    )


def accountability(events) -> dict[str, int]:
    """Units by what became of them, of the custody events of a lot or of many: received is the sum of the others."""
    sums = {kind: 0 for kind in (*CustodyEvent.INTO, *CustodyEvent.OUT_OF)}
    for event in events:
        if event.kind in sums:
            sums[event.kind] += event.units
    out = sum(sums[kind] for kind in CustodyEvent.OUT_OF)
    return {Kind(kind).label: units for kind, units in sums.items()} | {"On hand": sums[Kind.RECEIVED] - out}
