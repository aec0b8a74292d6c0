"""The participants as SDTM datasets: demographics, disposition, exposure, findings, medicines and history."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from studytracker import protocol
from studytracker.exports.privacy import OLDEST_TOLD, Level
from studytracker.exports.sdtm.design import (
    category,
    criterion_code,
    criterion_text,
    listed_criteria,
    terms,
    visit_number,
)
from studytracker.exports.sdtm.subjects import NOT_TOLD, SCREENING, SdtmTrial, as_day, epoch

from .models import LabResult, MedicalHistory, Medication, SledaiScore, VitalSign
from .screening import assessment

COMPLETED = "COMPLETED"
EVENT, MILESTONE = "DISPOSITION EVENT", "PROTOCOL MILESTONE"


def dm(trial: SdtmTrial) -> Iterator[dict]:
    arm = terms()["arm"]
    for subject in trial.subjects.values():
        row, dosed = subject.row, subject.day0
        day0, last = (trial.dtc(subject, day) for day in (subject.day0, subject.last_on))
        yield {
            "USUBJID": subject.usubjid,
            "SUBJID": subject.usubjid.removeprefix(f"{trial.study}-"),
            "RFSTDTC": day0,
            "RFENDTC": last if dosed else "",
            "RFXSTDTC": day0,
            "RFXENDTC": day0,
            "RFICDTC": trial.dtc(subject, subject.consented_on),
            "RFPENDTC": last,
            **_death(trial, subject),
            "SITEID": subject.siteid,
            "AGE": min(row.age, OLDEST_TOLD + 1) if trial.level != Level.STUDY_DAY else None,
            "AGEU": "YEARS" if trial.level != Level.STUDY_DAY else "",
            "SEX": protocol.version(row.protocol_version).term("sex", row.sex).cdisc,
            "ARMCD": arm["code"] if dosed else "",
            "ARM": arm["name"] if dosed else "",
            "ACTARMCD": arm["code"] if dosed else "",
            "ACTARM": arm["name"] if dosed else "",
            "ARMNRS": "" if dosed else _without_arm(row),
            "COUNTRY": "USA",
        }


def _without_arm(row) -> str:
    return "SCREEN FAILURE" if row.screen_failed_on else "NOT ASSIGNED"


def _death(trial, subject) -> dict:
    died_on = trial.facts.get("deaths", {}).get(subject.row.pk)
    return {"DTHDTC": trial.dtc(subject, died_on), "DTHFL": "Y"} if died_on else {}


def se(trial: SdtmTrial) -> Iterator[dict]:
    """Screening to the infusion, the day of the infusion, then follow-up to the last day known."""
    for subject in trial.subjects.values():
        for number, (element, start, end) in enumerate(zip(terms()["element"], *_borders(subject), strict=False), 1):
            yield {
                "USUBJID": subject.usubjid,
                "ETCD": element["code"],
                "ELEMENT": element["name"],
                "TAETORD": number,
                "EPOCH": element["epoch"],
                "SESTDTC": trial.dtc(subject, start),
                "SEENDTC": trial.dtc(subject, end),
                "SESTDY": trial.dy(subject, start),
                "SEENDY": trial.dy(subject, end),
            }


def _borders(subject):
    day0 = subject.day0
    if day0 is None:
        return [subject.consented_on], [subject.last_on]
    after = day0 + timedelta(days=1)
    if subject.last_on < after:
        return [subject.consented_on, day0], [day0, after]
    return [subject.consented_on, day0, after], [day0, after, subject.last_on]


def ds(trial: SdtmTrial) -> Iterator[dict]:
    for subject in trial.subjects.values():
        for consent in sorted(subject.row.consents.all(), key=lambda each: each.signed_at):
            yield _disposition(trial, subject, consent.signed_on, "INFORMED CONSENT OBTAINED", MILESTONE, SCREENING)
        yield from _ending(trial, subject)


def _ending(trial, subject):
    row = subject.row
    if row.screen_failed_on:
        words = trial.text(row.screen_failed_reason) or "SCREEN FAILURE"
        yield _disposition(trial, subject, row.screen_failed_on, "SCREEN FAILURE", EVENT, SCREENING, words)
    elif row.withdrawn_on:
        code = row.protocol.term("withdrawal_reason", row.withdrawn_reason).cdisc
        words = trial.text(row.withdrawn_note) or code
        yield _disposition(trial, subject, row.withdrawn_on, code, EVENT, epoch(subject, row.withdrawn_on), words)
    elif done_on := trial.facts.get("completed", {}).get(row.pk):
        yield _disposition(trial, subject, done_on, COMPLETED, EVENT, epoch(subject, done_on))


def _disposition(trial, subject, on, decod, group, period, words=""):
    return {
        "USUBJID": subject.usubjid,
        "DSTERM": words or decod,
        "DSDECOD": decod,
        "DSCAT": group,
        "EPOCH": period,
        "DSSTDTC": trial.dtc(subject, on),
        "DSSTDY": trial.dy(subject, on),
    }


def ex(trial: SdtmTrial) -> Iterator[dict]:
    exposure = terms()["exposure"]
    for subject in trial.subjects.values():
        infusion = subject.row.infused
        if infusion:
            yield {
                "USUBJID": subject.usubjid,
                "EXTRT": exposure["treatment"],
                "EXDOSE": subject.row.protocol.treatment.dose_per_kg / 1_000_000,
                "EXDOSU": exposure["unit"],
                "EXDOSFRM": exposure["form"],
                "EXDOSFRQ": exposure["frequency"],
                "EXROUTE": exposure["route"],
                "EPOCH": "TREATMENT",
                "EXSTDTC": trial.dtc(subject, infusion.infused_on),
                "EXENDTC": trial.dtc(subject, infusion.infused_on),
                "EXSTDY": trial.dy(subject, infusion.infused_on),
                "EXENDY": trial.dy(subject, infusion.infused_on),
            }


def ie(trial: SdtmTrial) -> Iterator[dict]:
    """Only criteria that stand in the way, of those who failed screening."""
    number, visit = next((n, v.name.upper()) for n, v in enumerate(trial.rules.visits, 1) if v.kind == "screening")
    listed = {criterion.id for criterion in listed_criteria(trial)}
    for subject in trial.subjects.values():
        if subject.row.screen_failed_on is None:
            continue
        for verdict in assessment(subject.row, subject.row.screen_failed_on).verdicts:
            if verdict.result == "not_met" and verdict.criterion.id in listed:
                answer = "Y" if verdict.criterion.is_exclusion else "N"
                yield {
                    "USUBJID": subject.usubjid,
                    "IETESTCD": criterion_code(verdict.criterion),
                    "IETEST": criterion_text(verdict.criterion),
                    "IECAT": category(verdict.criterion),
                    "IEORRES": answer,
                    "IESTRESC": answer,
                    "VISITNUM": number,
                    "VISIT": visit,
                    "EPOCH": SCREENING,
                    "IEDTC": trial.dtc(subject, subject.row.screened_on),
                    "IEDY": trial.dy(subject, subject.row.screened_on),
                }


def _facts(trial, model):
    """The standing rows of a kind of fact, each with its subject."""
    rows = model.objects.standing().filter(participant__in=trial.subjects)
    for row in rows.order_by("participant", *model._meta.ordering):
        yield row, trial.subjects[row.participant_id]


def _finding(trial, subject, row, prefix, when, *, is_last_before) -> dict:
    number, visit = visit_number(trial, row.visit_code)
    return {
        "USUBJID": subject.usubjid,
        f"{prefix}LOBXFL": "Y" if is_last_before else "",
        "VISITNUM": number,
        "VISIT": visit,
        "EPOCH": epoch(subject, when, before_dose=_is_before_dose(subject, when)),
        f"{prefix}DTC": trial.dtc(subject, when),
        f"{prefix}DY": trial.dy(subject, when),
    }


def _is_before_dose(subject, when) -> bool:
    """By the clock on the day of the infusion itself, where there is one; else by the day."""
    infusion = subject.row.infused
    if infusion is None:
        return True
    if hasattr(when, "hour"):
        return when < infusion.started_at
    day = as_day(when, subject.subject.zone)
    return day is not None and day < infusion.infused_on


def _last_before_dose(found, when):
    """The keys of the last row of each test and subject before the dose (--LOBXFL)."""
    last = {}
    for row, subject in found:
        if subject.day0 and _is_before_dose(subject, when(row)):
            last[row.participant_id, getattr(row, "test", "")] = row.pk
    return set(last.values())


def vs(trial: SdtmTrial) -> Iterator[dict]:
    found = sorted(_facts(trial, VitalSign), key=lambda each: _measured(each[0]))
    last = _last_before_dose(found, _when_measured)
    for row, subject in found:
        value = _number(row.standard_value)
        yield {
            **_finding(trial, subject, row, "VS", _when_measured(row), is_last_before=row.pk in last),
            "VSTESTCD": row.test,
            "VSTEST": terms()["vital_name"].get(row.test, row.planned.name),
            "VSORRES": _plain(row.value),
            "VSORRESU": row.unit,
            "VSSTRESC": _plain(row.standard_value),
            "VSSTRESN": value,
            "VSSTRESU": row.standard_unit,
        }


def _when_measured(row):
    return row.measured_at or row.measured_on


def _measured(row):
    return (
        row.participant_id,
        row.test,
        row.measured_on,
        row.measured_at.isoformat() if row.measured_at else "",
        row.pk,
    )


def lb(trial: SdtmTrial) -> Iterator[dict]:
    found = sorted(_facts(trial, LabResult), key=lambda each: _collected(each[0]))
    last = _last_before_dose(found, _when_collected)
    names, groups = terms()["lab_name"], terms()["lab_category"]
    for row, subject in found:
        planned = row.planned
        is_number = row.value is not None
        yield {
            **_finding(trial, subject, row, "LB", _when_collected(row), is_last_before=row.pk in last),
            "LBTESTCD": row.test,
            "LBTEST": names.get(row.test, planned.name),
            "LBCAT": groups.get(planned.procedure, ""),
            "LBORRES": f"{row.comparator}{_plain(row.value)}" if is_number else row.result,
            "LBORRESU": row.unit if is_number else "",
            "LBORNRLO": _plain(row.low),
            "LBORNRHI": _plain(row.high),
            "LBSTRESC": f"{row.comparator}{_plain(row.standard_value)}" if is_number else row.result,
            "LBSTRESN": _number(row.standard_value) if not row.comparator else None,
            "LBSTRESU": row.standard_unit if is_number else "",
            "LBSTNRLO": _number(row.low),
            "LBSTNRHI": _number(row.high),
            "LBNRIND": row.flag,
            "LBSPEC": "URINE" if planned.procedure == "urinalysis" else "BLOOD",
        }


def _collected(row):
    return (row.participant_id, row.test, row.collected.iso, row.pk)


def _when_collected(row):
    return row.collected_at or row.collected


def qs(trial: SdtmTrial) -> Iterator[dict]:
    found = [(row, subject) for row, subject in _facts(trial, SledaiScore) if row.total is not None]
    last = _last_before_dose(found, lambda row: row.assessed_on)
    for row, subject in found:
        yield {
            **_finding(trial, subject, row, "QS", row.assessed_on, is_last_before=row.pk in last),
            "QSTESTCD": "SLEDTOT",
            "QSTEST": "SLEDAI-2K Total Score",
            "QSCAT": "SLEDAI-2K",
            "QSORRES": str(row.total),
            "QSSTRESC": str(row.total),
            "QSSTRESN": row.total,
        }


def cm(trial: SdtmTrial) -> Iterator[dict]:
    times = terms()["times_a_day"]
    for row, subject in _facts(trial, Medication):
        yield {
            "USUBJID": subject.usubjid,
            "CMTRT": trial.text(row.drug).upper() or row.drug_code.upper() or NOT_TOLD,
            "CMINDC": trial.text(row.indication),
            "CMDOSE": _number(row.dose),
            "CMDOSU": row.dose_unit,
            "CMDOSFRQ": times.get(_plain(row.per_day), ""),
            "CMROUTE": row.participant.protocol.term("route", row.route).cdisc or "",
            "EPOCH": epoch(subject, row.started) if row.started else "",
            **_course(trial, subject, row, "CM"),
        }


def mh(trial: SdtmTrial) -> Iterator[dict]:
    for row, subject in _facts(trial, MedicalHistory):
        course = _course(trial, subject, row, "MH")
        yield {
            "USUBJID": subject.usubjid,
            "MHTERM": trial.text(row.term) or NOT_TOLD,
            **{name: course[name] for name in ("MHSTDTC", "MHSTDY", "MHENRTPT", "MHENTPT") if name in course},
        }


def _course(trial, subject, row, prefix) -> dict:
    found = {
        f"{prefix}STDTC": trial.dtc(subject, row.started),
        f"{prefix}ENDTC": trial.dtc(subject, row.ended),
        f"{prefix}STDY": trial.dy(subject, row.started),
        f"{prefix}ENDY": trial.dy(subject, row.ended),
    }
    if row.is_ongoing:
        found |= {f"{prefix}ENRTPT": "ONGOING", f"{prefix}ENTPT": trial.dtc(subject, subject.last_on)}
    return found


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}"


def _number(value: Decimal | None):
    return None if value is None else float(value)


def last_days(trial_participants) -> dict:
    """The last day this room knows of each participant."""
    return {
        row.pk: max(
            day
            for day in (row.withdrawn_on, row.screen_failed_on, row.infused_on, row.screened_on, *_signings(row))
            if day
        )
        for row in trial_participants
    }


def _signings(row):
    return (consent.signed_on for consent in row.consents.all())
