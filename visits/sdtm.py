"""The visits and deviations as SDTM datasets."""

from collections.abc import Iterator

from django.db.models import Max

from studytracker.exports.sdtm.design import terms, visit_number
from studytracker.exports.sdtm.subjects import NOT_TOLD, SdtmTrial, epoch

from .models import Deviation, Visit

UNSCHEDULED_FROM = 100  # unscheduled visits are numbered after every planned one


def sv(trial: SdtmTrial) -> Iterator[dict]:
    """Visits that took place or were missed; one still to come is no record."""
    visits = Visit.objects.filter(participant__in=trial.subjects).exclude(attended_on=None, missed_at=None)
    counted = {}
    for visit in visits.order_by("participant", "order", "pk"):
        subject = trial.subjects[visit.participant_id]
        number, name = visit_number(trial, visit.code)
        if number is None:
            counted[subject.usubjid] = counted.get(subject.usubjid, 0) + 1
            number, name = UNSCHEDULED_FROM + counted[subject.usubjid], f"UNSCHEDULED {counted[subject.usubjid]}"
        yield {
            "USUBJID": subject.usubjid,
            "VISITNUM": number,
            "VISIT": name,
            "SVPRESP": "" if visit.unplanned else "Y",
            "SVOCCUR": "" if visit.unplanned else ("Y" if visit.attended_on else "N"),
            "SVREASOC": "" if visit.attended_on else (trial.text(visit.missed_reason) or NOT_TOLD),
            "SVCNTMOD": terms()["contact"].get(visit.visit_type, "IN PERSON") if visit.attended_on else "",
            "VISITDY": None if visit.unplanned else _planned_day(visit),
            "SVSTDTC": trial.dtc(subject, visit.attended_on),
            "SVENDTC": trial.dtc(subject, visit.attended_on),
            "SVSTDY": trial.dy(subject, visit.attended_on),
            "SVENDY": trial.dy(subject, visit.attended_on),
            "SVUPDES": visit.planned.name if visit.unplanned else "",
        }


def _planned_day(visit) -> int:
    day = visit.planned.day
    return day + 1 if day >= 0 else day


def dv(trial: SdtmTrial) -> Iterator[dict]:
    found = Deviation.objects.filter(participant__in=trial.subjects, voided_at=None)
    for row in found.select_related("participant").order_by("participant", "number"):
        subject = trial.subjects[row.participant_id]
        label = row.participant.protocol.label("deviation_category", row.category).upper()
        yield {
            "USUBJID": subject.usubjid,
            "DVTERM": trial.text(row.description)[:200] or label,
            "DVDECOD": label,
            "EPOCH": epoch(subject, row.happened_on),
            "DVSTDTC": trial.dtc(subject, row.happened_on),
            "DVENDTC": trial.dtc(subject, row.happened_on),
            "DVSTDY": trial.dy(subject, row.happened_on),
            "DVENDY": trial.dy(subject, row.happened_on),
        }


def last_days(participants) -> dict:
    """The last day of a visit or a deviation, by participant."""
    visits = Visit.objects.filter(participant__in=participants, attended_on__isnull=False)
    deviations = Deviation.objects.filter(participant__in=participants, voided_at=None)
    last = visits.order_by().values("participant").annotate(last=Max("attended_on"))
    found = dict(last.values_list("participant", "last"))
    for pk, on in deviations.order_by().values_list("participant", "happened_on"):
        found[pk] = max(on, found.get(pk, on))
    return found


def completed(participants) -> dict:
    """Who attended the visit that ends the follow-up, and when."""
    by_version = {row.pk: row.protocol for row in participants}
    ends = Visit.objects.filter(participant__in=by_version, attended_on__isnull=False)
    return {
        pk: on
        for pk, code, on in ends.values_list("participant", "code", "attended_on")
        if any(visit.code == code and visit.end_of_follow_up for visit in by_version[pk].visits)
    }
