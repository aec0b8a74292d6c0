"""The adverse events as SDTM datasets."""

from collections.abc import Iterator

from studytracker.exports.sdtm.design import terms
from studytracker.exports.sdtm.subjects import NOT_TOLD, SdtmTrial, as_day, epoch

from .models import AdverseEvent

FLAGS = {
    "AESDTH": "is_fatal",
    "AESLIFE": "is_life_threatening",
    "AESHOSP": "is_hospitalization",
    "AESDISAB": "is_incapacity",
    "AESCONG": "is_congenital_anomaly",
    "AESMIE": "is_important_medical_event",
}
UNRESOLVED = {"not_recovered", "recovering", "unknown"}


def standing(trial: SdtmTrial):
    """(sequence within the participant, event, subject): those that stand, in the order of their numbers."""
    events = AdverseEvent.objects.standing().filter(participant__in=trial.subjects)
    counted = {}
    for event in events.order_by("participant", "number"):
        counted[event.participant_id] = counted.get(event.participant_id, 0) + 1
        yield counted[event.participant_id], event, trial.subjects[event.participant_id]


def ae(trial: SdtmTrial) -> Iterator[dict]:
    """Without a MedDRA licence AEDECOD is the dictionary term as chosen and every code is empty. AESEV stays empty: it
    does not follow from the grade (AETOXGR)."""
    for _, event, subject in standing(trial):
        rules = event.participant.protocol
        is_serious = "Y" if event.is_serious else "N"
        outcome = event.outcome if not event.is_ongoing or event.outcome in UNRESOLVED | {""} else "not_recovered"
        term = event.dictionary_term or (trial.text(event.term) and event.term) or NOT_TOLD
        yield {
            "USUBJID": subject.usubjid,
            "AETERM": trial.text(event.term) or term,
            "AEDECOD": term,
            "AEBODSYS": event.body_system,
            "AESOC": event.body_system,
            "AESER": is_serious,
            **{name: "Y" if _holds(event, field) else "N" for name, field in FLAGS.items()},
            "AEACN": rules.term("action_taken", event.action_taken).cdisc if event.action_taken else "",
            "AEREL": terms()["causality"].get(event.causality, ""),
            "AEOUT": rules.term("outcome", outcome).cdisc if outcome else "",
            "AETOXGR": str(event.grade or ""),
            "EPOCH": epoch(subject, event.started, before_dose=_starts_before_dose(event, subject)),
            "AESTDTC": trial.dtc(subject, event.started, event.started_time),
            "AEENDTC": trial.dtc(subject, event.ended, event.ended_time),
            "AESTDY": trial.dy(subject, event.started),
            "AEENDY": trial.dy(subject, event.ended),
            "AEENRTPT": "ONGOING" if event.is_ongoing else "",
            "AEENTPT": trial.dtc(subject, subject.last_on) if event.is_ongoing else "",
        }


def _holds(event, field) -> bool:
    return getattr(event, field) or getattr(event, f"sponsor_{field}")


def _starts_before_dose(event, subject) -> bool:
    infusion = subject.row.infused
    if infusion is None:
        return True
    if event.started_time is None or as_day(event.started, subject.subject.zone) != infusion.infused_on:
        return False
    return event.started_time < infusion.started_at.astimezone(subject.subject.zone).time()


def co(trial: SdtmTrial) -> Iterator[dict]:
    for sequence, event, subject in standing(trial):
        note = trial.text(event.note)
        for start in range(0, len(note), 200):
            yield {
                "RDOMAIN": "AE",
                "USUBJID": subject.usubjid,
                "IDVAR": "AESEQ",
                "IDVARVAL": str(sequence),
                "COVAL": note[start : start + 200],
                "COEVAL": "INVESTIGATOR",
            }


def deaths(participants) -> dict:
    """The day of a fatal outcome, where it is known to the day."""
    found = AdverseEvent.objects.standing().filter(participant__in=participants, outcome="fatal")
    return {event.participant_id: event.ended.earliest for event in found if event.ended and event.ended.is_full}


def last_days(participants) -> dict:
    """The last day known of an event, by participant."""
    found = {}
    for event in AdverseEvent.objects.standing().filter(participant__in=participants):
        for known in (event.started, event.ended):
            if known and known.is_full:
                found[event.participant_id] = max(known.earliest, found.get(event.participant_id, known.earliest))
    return found
