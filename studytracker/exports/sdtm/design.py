"""The trial design datasets: they come from the protocol file alone."""

import tomllib
from functools import cache
from pathlib import Path

from .model import TERMINOLOGY
from .subjects import SdtmTrial

CDISC = "CDISC CT"


@cache
def terms() -> dict:
    return tomllib.loads((Path(__file__).parent / "terms.toml").read_text(encoding="utf-8"))


def criterion_code(criterion) -> str:
    """INCL01, EXCL12: at most eight characters."""
    kind = "EXCL" if criterion.is_exclusion else "INCL"
    return f"{kind}{int(''.join(filter(str.isdigit, criterion.id))):02d}"


def listed_criteria(trial):
    return [criterion for criterion in trial.rules.criteria if criterion.kind != "structured"]


def criterion_text(criterion) -> str:
    """SDTM holds 200 characters; the protocol file holds the whole text."""
    words = " ".join(criterion.text.replace("\\", "").split())
    return words if len(words) <= 200 else f"{words[:197].rstrip()}..."


def category(criterion) -> str:
    return "EXCLUSION" if criterion.is_exclusion else "INCLUSION"


def ti(trial: SdtmTrial):
    for criterion in listed_criteria(trial):
        yield {
            "IETESTCD": criterion_code(criterion),
            "IETEST": criterion_text(criterion),
            "IECAT": category(criterion),
            "TIVERS": trial.rules.version,
        }


def ta(trial: SdtmTrial):
    arm = terms()["arm"]
    for number, element in enumerate(terms()["element"], 1):
        yield {
            "ARMCD": arm["code"],
            "ARM": arm["name"],
            "TAETORD": number,
            "ETCD": element["code"],
            "ELEMENT": element["name"],
            "TABRANCH": f"Assigned to {arm['code']}" if number == 1 else "",
            "EPOCH": element["epoch"],
        }


def te(trial: SdtmTrial):
    for element in terms()["element"]:
        yield {
            "ETCD": element["code"],
            "ELEMENT": element["name"],
            "TESTRL": element["starts"],
            "TEENRL": element["ends"],
            "TEDUR": element["length"],
        }


def tv(trial: SdtmTrial):
    for number, visit in enumerate(trial.rules.visits, 1):
        yield {
            "VISITNUM": number,
            "VISIT": visit.name.upper(),
            "VISITDY": visit.day + 1 if visit.day >= 0 else visit.day,
            "TVSTRL": visit_start(visit),
        }


def visit_start(visit) -> str:
    if visit.kind == "screening":
        return "Informed consent"
    return "Day of infusion" if visit.day == 0 else f"{visit.day} days after infusion"


def visit_number(trial: SdtmTrial, code: str) -> tuple[int | None, str]:
    """(VISITNUM, VISIT) of a planned visit; (None, "") of any other."""
    for number, visit in enumerate(trial.rules.visits, 1):
        if visit.code == code:
            return number, visit.name.upper()
    return None, ""


def ts(trial: SdtmTrial):
    fixed = [tuple(each["of"]) for each in terms()["summary"]]
    for code, name, value, null, value_code in sorted([*fixed, *_from_protocol(trial)]):
        is_cdisc = bool(value_code) and value_code.startswith("C") and value_code[1:].isdigit()
        yield {
            "TSSEQ": 1,
            "TSPARMCD": code,
            "TSPARM": name,
            "TSVAL": value,
            "TSVALNF": null,
            "TSVALCD": value_code,
            "TSVCDREF": CDISC if is_cdisc else REFERENCES.get(code, ""),
            "TSVCDVER": TERMINOLOGY if is_cdisc else "",
        }


ISO = "ISO 8601"
REFERENCES = {
    **dict.fromkeys(("AGEMAX", "AGEMIN", "DCUTDTC", "LENGTH", "SENDTC", "SSTDTC"), ISO),
    "FCNTRY": "ISO 3166-1 Alpha-3",
    "REGID": "ClinicalTrials.gov",
}


def _from_protocol(trial):
    rules, record = trial.rules, trial.rules.registry
    minimum, maximum = ("".join(filter(str.isdigit, text)) for text in (record.minimum_age, record.maximum_age))
    infused = sum(bool(subject.day0) for subject in trial.subjects.values())
    return [
        ("ACTSUB", "Actual Number of Subjects", str(infused), "", ""),
        ("AGEMAX", "Planned Maximum Age of Subjects", f"P{maximum}Y", "", ""),
        ("AGEMIN", "Planned Minimum Age of Subjects", f"P{minimum}Y", "", ""),
        ("DCUTDTC", "Data Cutoff Date", f"{trial.at:%Y-%m-%d}", "", ""),
        ("FCNTRY", "Planned Country of Investigational Sites", "USA", "", "USA"),
        ("LENGTH", "Trial Length", f"P{rules.published.follow_up_weeks}W", "", ""),
        ("PLANSUB", "Planned Number of Subjects", str(rules.enrollment.cap), "", ""),
        ("REGID", "Registry Identifier", record.id, "", record.id),
        ("SENDTC", "Study End Date", record.completion_on.isoformat(), "", ""),
        ("SPONSOR", "Clinical Study Sponsor", record.sponsor, "", ""),
        ("SSTDTC", "Study Start Date", record.start_on.isoformat(), "", ""),
        ("TITLE", "Trial Title", record.title, "", ""),
    ]
