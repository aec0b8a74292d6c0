"""The cell-dose bench: weight to target cells, to the volume that holds them."""

from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction

from studytracker.dates import ImpossibleTime, day_label, local_instant
from studytracker.refusal import Refused

from . import product
from .models import Dose, Participant, ProductLot
from .second_person import check_second_person

TENTH = Decimal("0.1")
LARGEST_VOLUME = 2000  # mL


class DoseRefused(Refused):
    """The dose cannot be worked out or checked like this."""


def planned_cells(weight_kg: Decimal, dose_per_kg: int) -> int:
    """Cells for a body weight in kg: weight times the protocol's dose, to whole cells."""
    return int((weight_kg * dose_per_kg).to_integral_value(ROUND_HALF_UP))


def volume_for(target_cells: int, cells_per_ml: int, viability_percent: Decimal) -> Decimal:
    """The volume in mL, to 0.1, in which so many viable cells are. The target counts viable cells."""
    exact = Decimal(target_cells) * 100 / (cells_per_ml * viability_percent)
    return exact.quantize(TENTH, ROUND_HALF_UP)


def cells_in(volume_ml: Decimal, cells_per_ml: int, viability_percent: Decimal) -> int:
    """Viable cells in a volume in mL, to whole cells."""
    return int((volume_ml * cells_per_ml * viability_percent / 100).to_integral_value(ROUND_HALF_UP))


def is_within(delivered: int, planned: int, tolerance_percent: Decimal) -> bool:
    """Whether the delivered cells are the planned ones within the tolerance, both ends included. Exact."""
    return abs(delivered - planned) * 100 <= tolerance_percent * planned


@transaction.atomic
def prepare_dose(
    *, participant, lot, units, thawed_at, weight_kg, weighed_on, cells_per_ml, viability_percent, by, at
):
    """Work the dose out. An earlier one is voided, so it needs its second check again. Raises DoseRefused."""
    participant = Participant.objects.select_for_update().get(pk=participant.pk)
    if participant.infused or not participant.enrolled or not participant.is_open:
        raise DoseRefused(f"A dose is worked out between enrollment and infusion. {participant}: {participant.stage}.")
    lot = ProductLot.objects.select_related("site").get(pk=lot.pk)
    _check(participant, lot, units, thawed_at, weighed_on, viability_percent, at)
    rules = participant.protocol
    target = planned_cells(weight_kg, rules.treatment.dose_per_kg)
    volume = volume_for(target, cells_per_ml, viability_percent)
    if not TENTH <= volume <= LARGEST_VOLUME:
        raise DoseRefused(f"{volume} mL cannot be right. Check concentration and viability.", field="cells_per_ml")
    if target > lot.cells_per_unit * units:
        raise DoseRefused(
            f"{units} of lot {lot} hold {lot.cells_per_unit * units:,} cells, and {target:,} are needed. Thaw more.",
            field="units",
        )
    for earlier in participant.doses.standing():
        earlier.voided_at, earlier.voided_by, earlier.voided_reason = at, by, "Worked out again"
        earlier.save(update_fields=["voided_at", "voided_by", "voided_reason"])
    return Dose.objects.create(
        participant=participant,
        site=participant.site,
        lot=lot,
        units=units,
        thawed_at=thawed_at,
        weight_kg=weight_kg,
        weighed_on=weighed_on,
        dose_per_kg=rules.treatment.dose_per_kg,
        target_cells=target,
        cells_per_ml=cells_per_ml,
        viability_percent=viability_percent,
        volume_ml=volume,
        prepared_at=at,
        prepared_by=by,
    )


def _check(participant, lot, units, thawed_at, weighed_on, viability_percent, at):
    least = participant.protocol.product.viability_at_least
    if lot.site_id != participant.site_id:
        raise DoseRefused(f"Lot {lot} is not at {participant.site_id}. Choose a lot of the site.", field="lot")
    if not lot.released_at:
        raise DoseRefused(f"Lot {lot} is not released. An investigator releases it on the lot's page.", field="lot")
    if lot.expires_at <= thawed_at:
        raise DoseRefused(f"Lot {lot} expired on {day_label(lot.site.today(lot.expires_at))}.", field="lot")
    if thawed_at > at:
        raise DoseRefused("The thawing cannot be in the future. Check the time.", field="thawed_time")
    if weighed_on > participant.site.today(at):
        raise DoseRefused("The weight cannot be of a day to come.", field="weighed_on")
    held = product.on_hand(lot)
    if units > held:
        raise DoseRefused(f"Lot {lot} has {held} on hand, not {units}.", field="units")
    if viability_percent < least:
        raise DoseRefused(
            f"{viability_percent} % viable cells are below the protocol's {least} %: this unit is not given. "
            "Record it as wasted on the lot's page, and thaw another.",
            field="viability_percent",
        )


@transaction.atomic
def check_dose(*, dose, answered, by, at):
    """The second person confirms what was worked out. Raises DoseRefused or NotASecondPerson."""
    dose = Dose.objects.select_for_update(of=("self",)).select_related("prepared_by", "participant").get(pk=dose.pk)
    if dose.voided_at or dose.checked_at:
        raise DoseRefused(f"This dose is {'voided' if dose.voided_at else 'checked'} already. Nothing was changed.")
    check_second_person(first=dose.prepared_by, by=by, answered=answered, at=at)
    dose.checked_at, dose.checked_by = at, by
    dose.save(update_fields=["checked_at", "checked_by"])
    return dose


def instant(participant, on, clock, *, field):
    try:
        return local_instant(on, clock, participant.site.zone)
    except ImpossibleTime as error:
        raise DoseRefused(str(error), field=field) from None
