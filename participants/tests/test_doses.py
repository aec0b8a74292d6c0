from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from conftest import NOW, TODAY, proof_of
from participants.doses import DoseRefused, cells_in, check_dose, is_within, planned_cells, prepare_dose, volume_for
from participants.models import Dose
from participants.second_person import NotASecondPerson
from studytracker.access.models import User

WEIGHTS = st.decimals(min_value=20, max_value=300, places=2)
DENSITIES = st.integers(min_value=200_000, max_value=50_000_000)
VIABILITIES = st.decimals(min_value=70, max_value=100, places=2)


def prepare(musc, participant, **changes):
    facts = {
        "lot": musc.lot(),
        "units": 1,
        "thawed_at": NOW - timedelta(minutes=30),
        "weight_kg": Decimal("72.40"),
        "weighed_on": TODAY,
        "cells_per_ml": 1_000_000,
        "viability_percent": Decimal("90.50"),
    }
    return prepare_dose(participant=participant, by=musc.coordinator, at=NOW, **facts | changes)


@pytest.mark.parametrize(
    ("weight", "density", "viability", "volume"),
    [
        ("72.4", 1_000_000, "100", "72.4"),
        ("72.4", 1_000_000, "90.5", "80.0"),
        ("72.4", 2_000_000, "90.5", "40.0"),
        ("60", 1_250_000, "80", "60.0"),
        ("59.5", 1_150_000, "91.3", "56.7"),
    ],
)
def test_the_volume_that_holds_the_target_cells(weight, density, viability, volume):
    target = planned_cells(Decimal(weight), 1_000_000)
    assert volume_for(target, density, Decimal(viability)) == Decimal(volume)


@given(WEIGHTS, DENSITIES, VIABILITIES)
def test_the_volume_gives_back_the_target_to_half_of_its_last_place(weight, density, viability):
    target = planned_cells(weight, 1_000_000)
    volume = volume_for(target, density, viability)
    half_a_place = Decimal("0.05") * density * viability / 100
    assert abs(cells_in(volume, density, viability) - target) <= half_a_place + 1


@given(st.integers(1, 10**9), st.integers(0, 2 * 10**9), st.integers(0, 50))
def test_within_the_tolerance_agrees_with_exact_fractions(planned, delivered, tolerance):
    from fractions import Fraction

    low, high = Fraction(100 - tolerance, 100), Fraction(100 + tolerance, 100)
    expected = low <= Fraction(delivered, planned) <= high
    assert is_within(delivered, planned, Decimal(tolerance)) is expected


@pytest.mark.parametrize(("delivered", "inside"), [(90, True), (89, False), (110, True), (111, False), (100, True)])
def test_both_ends_of_the_tolerance_are_inside(delivered, inside):
    assert is_within(delivered, 100, Decimal(10)) is inside


def test_what_is_worked_out_is_stamped(musc):
    dose = prepare(musc, musc.enrolled())
    assert (dose.dose_per_kg, dose.target_cells, dose.volume_ml) == (1_000_000, 72_400_000, Decimal("80.0"))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"viability_percent": Decimal("69.99")}, "viability_percent", "69.99 % viable cells are below"),
        ({"thawed_at": NOW + timedelta(minutes=1)}, "thawed_time", "The thawing cannot be in the future."),
        ({"weighed_on": TODAY + timedelta(days=1)}, "weighed_on", "The weight cannot be of a day to come."),
        ({"weight_kg": Decimal("250")}, "units", "1 of lot UC-1 hold 200,000,000 cells, and 250,000,000 are needed."),
        ({"units": 31}, "units", "Lot UC-1 has 30 on hand, not 31."),
        ({"cells_per_ml": 1_000}, "cells_per_ml", "mL cannot be right."),
    ],
)
def test_an_impossible_dose_is_refused_and_writes_nothing(musc, changes, field, sentence):
    participant = musc.enrolled()
    with pytest.raises(DoseRefused, match=sentence) as refusal:
        prepare(musc, participant, **changes)
    assert (refusal.value.field, Dose.objects.count()) == (field, 0)


def test_a_lot_of_another_site_or_one_not_released_is_refused(musc, emory):
    participant = musc.enrolled()
    with pytest.raises(DoseRefused, match="Lot UC-2 is not at MUSC."):
        prepare(musc, participant, lot=emory.lot("UC-2"))
    lot = musc.lot()
    type(lot).objects.filter(pk=lot.pk).update(released_at=None, released_by=None)
    with pytest.raises(DoseRefused, match="Lot UC-1 is not released."):
        prepare(musc, participant)


def test_no_dose_before_the_enrollment_nor_after_the_infusion(musc):
    for participant in (musc.answered(), musc.infused()):
        with pytest.raises(DoseRefused, match="A dose is worked out between enrollment and infusion."):
            prepare(musc, participant)


def test_the_first_person_cannot_check_and_the_second_gives_the_own_password(musc, investigator, coordinator):
    dose = prepare(musc, musc.enrolled())
    tries = [
        (coordinator, coordinator, NOW, "crc.musc recorded it: the second check is made by another person."),
        (investigator, coordinator, NOW, "Give your own password at the check itself."),
        (investigator, investigator, NOW - timedelta(minutes=6), "Give your own password at the check itself."),
    ]
    for by, answered_by, answered_at, sentence in tries:
        with pytest.raises(NotASecondPerson) as refusal:
            check_dose(dose=dose, answered=proof_of(answered_by.pk, answered_at), by=by, at=NOW)
        assert refusal.value.sentences == [sentence]
    checked = check_dose(dose=dose, answered=proof_of(investigator.pk, NOW), by=investigator, at=NOW)
    assert checked.checked_by == investigator


def test_the_database_refuses_a_check_by_the_first_person(musc):
    dose = prepare(musc, musc.enrolled())
    with pytest.raises(IntegrityError), transaction.atomic():
        Dose.objects.filter(pk=dose.pk).update(checked_at=NOW, checked_by=dose.prepared_by)


def test_working_it_out_again_needs_the_check_again(musc):
    participant = musc.enrolled()
    first = musc.dosed(participant)
    second = prepare(musc, participant, weight_kg=Decimal("71"))
    first.refresh_from_db()
    assert (first.voided_reason, second.checked_at) == ("Worked out again", None)
    assert participant.doses.standing().get() == second


def test_the_page_of_the_check_takes_the_right_password_only(musc, browse, investigator, frozen):
    prepare(musc, musc.enrolled())
    investigator.set_password("a-long-enough-password")
    investigator.save()
    client = browse(User.objects.get(pk=investigator.pk))
    refused = client.post("/participants/MUSC-001/dose/check/", {"password": "another-password"})
    assert (refused.status_code, Dose.objects.get().checked_at) == (422, None)
    assert "The password is not right" in refused.text
    assert "another-password" not in refused.text
    done = client.post("/participants/MUSC-001/dose/check/", {"password": "a-long-enough-password"})
    assert (done.status_code, Dose.objects.get().checked_by) == (302, investigator)
