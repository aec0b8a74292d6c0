"""What the demonstration records of its synthetic participants: results, medicines, history, SLEDAI."""

from datetime import timedelta
from decimal import Decimal

from participants.confirmation import KIND, MEANING
from participants.histories import record_history, take_list
from participants.labs import record_panel, record_range
from participants.medicines import record_medication
from participants.sledai import record_sledai
from participants.vitals import record_vital
from studytracker.access.passwords import Reauthenticated
from studytracker.dates import PartialDate
from studytracker.trust.signatures import sign, standing

RANGES = (
    ("WBC", "3.4", "10.8", "10^9/L"),
    ("HGB", "11.5", "15.5", "g/dL"),
    ("PLAT", "150", "400", "10^9/L"),
    ("C3", "82", "167", "mg/dL"),
    ("C4", "12", "38", "mg/dL"),
    ("DDNAIGAB", None, "30", "IU/mL"),
)
# The two laboratories differ, and one of them changed its range.
UPPER = {0: {"AST": "34", "ALT": "40"}, 1: {"AST": "40", "ALT": "56"}}
REPORT = {
    "WBC": "3.4", "HGB": "11.2", "PLAT": "188", "GFREI": "84", "AST": "27", "ALT": "31", "C3": "71", "C4": "11",
    "DDNAIGAB": "64", "ANAB": "320",
}  # fmt: skip
WORDS = ("HIV12AGB", "HBSAG", "HBCAB", "HCAB")


def laboratory(site, order, *, on, by, at):
    """The normal limits of one site's laboratory."""
    enzymes = [(test, "8", upper, "U/L") for test, upper in UPPER[order % 2].items()]
    for test, low, high, unit in (*RANGES, *enzymes):
        limits = {"low": low and Decimal(low), "high": Decimal(high)}
        record_range(site=site, test=test, unit=unit, starts_on=on, by=by, at=at, **limits)


def screening_facts(participant, *, on, by, at, present=("arthritis", "rash", "low_complement"), **values):
    """Everything a screening visit records, unremarkable but for `values` by test; None leaves a test out."""
    rules = participant.protocol
    given = {test: value for test, value in (REPORT | values).items() if value is not None}
    results = [
        {"test": test, "value": Decimal(value), "unit": rules.lab_test(test).unit or ""}
        for test, value in given.items()
    ]
    words = [*WORDS, *(["HCG"] if participant.sex == "F" else [])]
    results += [{"test": test, "result": "NEGATIVE"} for test in words]
    code = next(visit.code for visit in rules.visits if visit.kind == "screening")
    facts = {"participant": participant, "by": by, "at": at, "visit_code": code}
    record_panel(results=results, collected=on, source="Laboratory report (synthetic)", **facts)
    weight = Decimal(60 + participant.pk % 9 * 3)
    record_vital(test="WEIGHT", measured_on=on, value=weight, unit="kg", **facts)
    answers = {item.code: item.code in present for item in rules.sledai.items}
    record_sledai(assessed_on=on, present=answers, source="SLEDAI worksheet (synthetic)", **facts)


def usual_medicines(participant, *, on, by, at):
    """Standard of care: hydroxychloroquine and a low dose of prednisone, both going on."""
    facts = {"participant": participant, "route": "oral", "is_ongoing": True, "indication": "SLE", "by": by, "at": at}
    long_ago = on.year - 3
    record_medication(
        drug="Hydroxychloroquine", drug_class="antimalarial", dose=Decimal(200), dose_unit="mg", per_day=Decimal(2),
        started=PartialDate(long_ago), **facts,
    )  # fmt: skip
    record_medication(
        drug="Prednisone", drug_class="corticosteroid", dose=Decimal("7.5"), dose_unit="mg", per_day=Decimal(1),
        started=PartialDate(on.year - 1, 3), **facts,
    )  # fmt: skip


def waiting_medicines(participant, *, on, by, at):
    """What makes a screening wait: belimumab stopped not long ago, mycophenolate raised in a month without a day."""
    facts = {"participant": participant, "indication": "SLE", "by": by, "at": at}
    last = on - timedelta(days=75)
    record_medication(
        drug="Belimumab", drug_class="belimumab", route="subcutaneous", dose=Decimal(200), dose_unit="mg",
        started=PartialDate(on.year - 1), ended=last, **facts,
    )  # fmt: skip
    raised = on - timedelta(days=130)
    record_medication(
        drug="Mycophenolate mofetil", drug_class="immunosuppressant", route="oral", dose=Decimal(1000),
        dose_unit="mg", per_day=Decimal(2), started=PartialDate(raised.year, raised.month), is_ongoing=True, **facts,
    )  # fmt: skip


def lists_complete(participant, *, on, by, at):
    for subject in ("medicines", "histories"):
        take_list(participant=participant, subject=subject, complete_on=on, by=by, at=at)


def shingles(participant, *, on, by, at):
    facts = {"started": on - timedelta(days=140), "ended": on - timedelta(days=120)}
    record_history(participant=participant, term="Shingles, left T6", category="zoster", by=by, at=at, **facts)


def confirm(participant, *, by, at):
    """The investigator signs the worksheet where nothing of it is open."""
    now = standing(KIND, participant.identifier)
    if not now.snapshot.open_items:
        facts = {"displayed_hash": now.sha256, "meaning": MEANING, "comment": "", "by": by, "at": at}
        sign(kind=KIND, key=participant.identifier, answered=Reauthenticated(by.pk, at), **facts)
