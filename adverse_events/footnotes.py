"""Safety listings print codes with footnotes: what each code is (1, 2, 3), and what the stars mean."""

from .models import SERIOUSNESS

# Codes of the protocol's vocabularies in the order in which listings number them.
OUTCOMES = ("fatal", "not_recovered", "recovered", "recovered_with_sequelae", "recovering", "unknown")
ACTIONS = {
    "dose_increased": 1,
    "dose_not_changed": 2,
    "dose_reduced": 3,
    "dose_rate_reduced": 3,
    "drug_interrupted": 4,
    "drug_withdrawn": 5,
    "not_applicable": 6,
    "unknown": 7,
}
OUTCOME_NOTE = (
    "(1) Outcome: 1 fatal; 2 not recovered/not resolved; 3 recovered/resolved; 4 recovered/resolved with sequelae; "
    "5 recovering/resolving; 6 unknown."
)
ACTION_NOTE = (
    "(2) Action taken with study drug: 1 dose increased; 2 dose not changed; 3 dose reduced; 4 drug interrupted; "
    "5 drug withdrawn; 6 not applicable; 7 unknown."
)
REASON_NOTE = (
    "(3) Reason classified as serious: 1 resulted in death; 2 life-threatening; 3 required or prolonged inpatient "
    "hospitalization; 4 disabling; 5 congenital anomaly/birth defect; 6 other important medical event."
)
PARTIAL_NOTE = "* The onset date is known in part: no study day is derived, and nothing is imputed. ** Nor a duration."
DAY_NOTE = "Study day: infusion = 1. Times from dose are counted from the start of the single infusion."
CODING_NOTE = "Terms are those of CTCAE in the version stored with each event; uncoded events show the reported term."


def outcome_number(code):
    return OUTCOMES.index(code) + 1 if code in OUTCOMES else code or None


def action_number(code):
    return ACTIONS.get(code, code or None)


def reason_numbers(event):
    """'2, 3': by either judge."""
    held = (getattr(event, field) or getattr(event, f"sponsor_{field}") for field, _ in SERIOUSNESS)
    return ", ".join(str(number) for number, holds in enumerate(held, 1) if holds)
