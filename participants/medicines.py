"""Recording medicines, each course with what is known of its dates."""

from django.db import transaction

from studytracker import protocol

from .facts import FactRefused, about, confirmed, partial, refuse_backwards, refuse_future
from .models import Medication


@transaction.atomic
def record_medication(
    *,
    participant,
    drug,
    drug_class,
    route,
    by,
    at,
    drug_code="",
    dose=None,
    dose_unit="",
    per_day=None,
    started=None,
    ended=None,
    is_ongoing=False,
    indication="",
    visit_code="",
    source="",
    acknowledged=(),
):
    """Record one course at one dose. `started` and `ended` are dates or PartialDates, None where unknown.

    A changed dose is a new course. Raises FactRefused.
    """
    started, ended = partial(started), partial(ended)
    rules = participant.protocol
    drug_code = drug_code or _known(rules, drug)
    _check_class(rules, drug_code, drug_class, route)
    _check_dates(participant, started, ended, is_ongoing, at)
    if dose is not None and (dose <= 0 or not dose_unit):
        raise FactRefused("Give the dose as a number above 0 with its unit.", field="dose")
    warnings = confirmed(_warnings(rules, drug_class, dose, per_day), acknowledged, field="dose")
    medicine = {"drug": drug, "drug_code": drug_code, "drug_class": drug_class, "indication": indication}
    amount = {"dose": dose, "dose_unit": dose_unit, "per_day": per_day, "route": route}
    dates = {"started": started, "ended": ended, "is_ongoing": is_ongoing}
    shared = about(participant, visit_code=visit_code, source=source, warnings=warnings, by=by, at=at)
    return Medication.objects.create(**medicine, **amount, **dates, **shared)


def _check_dates(participant, started, ended, is_ongoing, at):
    for on, field in ((started, "started"), (ended, "ended")):
        refuse_future(participant, on, at, field=field)
    if is_ongoing and ended:
        raise FactRefused("An ongoing medicine has no last dose: leave one of the two out.", field="ended")
    refuse_backwards(started, ended)


def _known(rules, drug):
    """The code of a medicine that was typed as the protocol names it."""
    words = drug.strip().casefold()
    return next((code for code, (_, known) in rules.drugs.items() if known.label.casefold() == words), "")


def _check_class(rules, drug_code, drug_class, route):
    try:
        rules.drug_class(drug_class)
    except protocol.UnknownCode as unknown:
        raise FactRefused(str(unknown), field="drug_class") from None
    try:
        rules.term("route", route)
    except protocol.UnknownCode as unknown:
        raise FactRefused(str(unknown), field="route") from None
    if drug_code:
        if drug_code not in rules.drugs:
            raise FactRefused(f'The protocol knows no medicine "{drug_code}".', field="drug")
        known_class, known = rules.drugs[drug_code]
        if known_class.code != drug_class:
            raise FactRefused(f"{known.label} belongs to the class {known_class.label}.", field="drug_class")


def _warnings(rules, drug_class, dose, per_day):
    if rules.drug_class(drug_class).input == "prednisone_mg_per_kg_per_day" and (dose is None or per_day is None):
        return ["A corticosteroid without dose and times a day leaves the prednisone equivalent unknown."]
    return []
