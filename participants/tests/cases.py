"""Evidence of a screening without a database: a participant who meets every criterion, changed case by case."""

from datetime import UTC, date, datetime
from decimal import Decimal

from participants.eligibility import answers_for
from participants.evidence import Evidence
from participants.models import (
    Consent,
    CriterionAnswer,
    LabResult,
    ListTaken,
    MedicalHistory,
    Medication,
    Participant,
    SledaiScore,
    VitalSign,
)
from participants.worksheet import FINDERS
from studytracker import protocol
from studytracker.dates import PartialDate

RULES = protocol.current()
SCREENED = date(2025, 6, 18)
MAN = {"sex": "M"}
NORMAL = {
    "ANAB": "160", "WBC": "5.4", "HGB": "12.1", "PLAT": "210", "GFREI": "88", "AST": "24", "ALT": "22",
    "HIV12AGB": "NEGATIVE", "HBSAG": "NEGATIVE", "HCAB": "NEGATIVE", "HCG": "NEGATIVE",
}  # fmt: skip
UPPER = {"AST": "34", "ALT": "40"}


def at(day):
    return datetime(day.year, day.month, day.day, 13, tzinfo=UTC)


def known(text):
    """A PartialDate from text or a date, None from nothing."""
    return None if not text else PartialDate.of(text) if isinstance(text, date) else PartialDate.parse(text)


def lab(person, test, given, on=None, **facts):
    planned = RULES.lab_test(test)
    high = facts.pop("high", UPPER.get(test))
    row = LabResult(participant=person, test=test, collected=known(on) or PartialDate.of(person.screened_on), **facts)
    if given is None or not str(given)[0].isdigit():
        row.result = given or facts.get("result", "")
    else:
        row.unit = facts.get("unit", planned.unit or "")
        row.value = Decimal(given)
        row.standard_value, row.standard_unit = planned.standard(row.value, row.unit), planned.unit or ""
    row.high = Decimal(high) if high else None
    return row


def medicine(person, drug, drug_class, **facts):
    facts = {"route": "oral", "started": None, "ended": None} | facts
    facts |= {name: known(facts[name]) for name in ("started", "ended")}
    code = drug.lower().replace(" ", "_")
    amounts = {name: Decimal(facts.pop(name)) for name in ("dose", "per_day") if name in facts}
    unit = facts.pop("dose_unit", "mg" if "dose" in amounts else "")
    return Medication(
        participant=person,
        drug=drug,
        drug_code=code if code in RULES.drugs else "",
        drug_class=drug_class,
        dose_unit=unit,
        **amounts,
        **facts,
    )


def history(person, category, **facts):
    facts = {"started": None, "ended": None, "term": RULES.history_category(category).label} | facts
    facts |= {name: known(facts[name]) for name in ("started", "ended")}
    return MedicalHistory(participant=person, category=category, **facts)


def weight(person, kg, on=None):
    amount = Decimal(kg)
    facts = {"value": amount, "unit": "kg", "standard_value": amount, "standard_unit": "kg"}
    return VitalSign(participant=person, test="WEIGHT", measured_on=on or person.screened_on, **facts)


def passing_answers(**differing):
    """What a person answers, passing unless said otherwise; computed parts are left to the record."""
    given = {}
    for criterion in RULES.criteria:
        for part in criterion.parts if criterion.answered else ():
            if part.decided == "computed" and part.input in FINDERS and part.id not in differing:
                continue
            usual = "not_applicable" if part.not_applicable else answers_for(criterion, part)[0][0]
            code = differing.get(part.id, usual)
            if code:
                given[part.id] = CriterionAnswer(part=part.id, answer=code, evidence="note", overrides="")
    return given


def evidence(
    *,
    screened_on=SCREENED,
    age=41,
    sex="F",
    labs=(),
    without=(),
    medicines=(),
    histories=(),
    sledai=6,
    weights=(("70", None),),
    taken=True,
    taken_on=None,
    answers=None,
    consented_on=None,
):
    """Facts of somebody who meets everything, but for what is given. `without` leaves tests out."""
    person = Participant(
        identifier="CASE-1", protocol_version=RULES.version, screened_on=screened_on, age=age, sex=sex, site_id="MUSC"
    )
    given = [lab(person, **each) for each in labs]
    named = {row.test for row in given} | set(without)
    signed = consented_on or screened_on
    lists = ("medicines", "histories") if taken is True else taken or ()
    return Evidence(
        rules=RULES,
        screened_on=screened_on,
        age=age,
        sex=sex,
        consents=(Consent(participant=person, form_version="1.0", signed_on=signed, signed_at=at(signed)),),
        labs=tuple([lab(person, test, value) for test, value in NORMAL.items() if test not in named] + given),
        weights=tuple(weight(person, kg, on) for kg, on in weights),
        medications=tuple(medicine(person, **each) for each in medicines),
        histories=tuple(history(person, **each) for each in histories),
        scores=()
        if sledai == "none"
        else (
            SledaiScore(
                participant=person,
                assessed_on=screened_on,
                variant="SLEDAI-2K",
                look_back_days=28,
                total=None if sledai == "incomplete" else sledai,
            ),
        ),
        lists_taken=tuple(
            ListTaken(participant=person, subject=subject, complete_on=taken_on or screened_on) for subject in lists
        ),
        answers=passing_answers(**(answers or {})),
    )
