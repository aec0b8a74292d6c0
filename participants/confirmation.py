"""The investigator's confirmation of eligibility: a signature of the worksheet, and whether it still holds on a day.

What the signature binds is what was on record of the screening. A later change of it makes the signature stale in the
same transaction. On the day of the infusion everything that counts from Baseline is judged again.
"""

from dataclasses import replace
from datetime import timedelta

from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.dates import day_label
from studytracker.trust.signatures import standing_of
from studytracker.trust.subjects import Kind, Snapshot, UnknownSubject, covered, document, sha256

from . import evidence
from .eligibility import PASSING
from .models import Participant
from .worksheet import judge

KIND = "eligibility"
MEANING = (
    "I have reviewed the evidence of every criterion and confirm that this participant is eligible; "
    "what counts from Baseline is checked again before the infusion."
)


def snapshot(key) -> Snapshot:
    """What an investigator signs. It depends on the record alone: the same on whichever day it is looked at."""
    participant = Participant.objects.select_related("infusion").filter(identifier=key).first()
    if participant is None:
        raise UnknownSubject(key)
    return snapshot_of(participant, evidence.of(participant, until=participant.infused_on))


def snapshot_of(participant, facts) -> Snapshot:
    facts = signed_part(facts)
    sheet = _sheet(facts)
    return Snapshot(
        title=f"Eligibility of {participant}",
        facts=_facts(participant, facts, sheet),
        rows=[covered(participant, "screened_on", "age", "sex", "protocol_version"), *map(covered, _rows(facts))],
        site=participant.site_id,
        open_items=sheet.assessment.sentences(),
        url=reverse("worksheet", args=[participant.identifier]),
    )


ELIGIBILITY = Kind("Eligibility", snapshot, (MEANING,), permission=Permission.ENROLL)


def signed_part(facts):
    """The evidence that a confirmation rests on: what was recorded at later visits does not undo it.

    Of the lists, the first that was complete at Screening: asking again on the day of the infusion is no change.
    """

    def at_screening(rows):
        return tuple(row for row in rows if row.visit_code in ("", facts.screening_code))

    lists = {}
    for row in sorted(facts.lists_taken, key=lambda row: (row.complete_on, row.pk)):
        if row.complete_on >= facts.screened_on:
            lists.setdefault(row.subject, row)
    return replace(
        facts,
        labs=at_screening(facts.labs),
        weights=at_screening(facts.weights),
        scores=at_screening(facts.scores),
        lists_taken=tuple(lists.values()),
    )


def _sheet(facts):
    first = judge(facts, baseline=facts.screened_on + timedelta(days=1))
    return judge(facts, baseline=first.earliest_on) if first.earliest_on else first


def _rows(facts):
    return (
        *facts.answers.values(),
        *facts.consents,
        *facts.labs,
        *facts.weights,
        *facts.medications,
        *facts.histories,
        *facts.scores,
        *(item for score in facts.scores for item in score.recorded_items),
        *facts.lists_taken,
    )


def _facts(participant, facts, sheet) -> dict:
    return {
        "participant": participant.identifier,
        "screened_on": facts.screened_on,
        "age": facts.age,
        "sex": facts.sex,
        "criteria_version": participant.protocol_version,
        "earliest_baseline": sheet.earliest_on,
        "latest_baseline": sheet.latest_on,
        "criteria": [
            {"id": each.criterion.id, "words": each.criterion.text, "result": each.result}
            for each in sheet.assessment.verdicts
        ],
        "parts": [_part(row) for row in sheet.rows],
        "sledai": [
            {"assessed_on": score.assessed_on, "points": {item.code: item.points for item in score.recorded_items}}
            for score in facts.scores
        ],
    }


def _part(row) -> dict:
    answer, finding = row.answer, row.finding
    return {
        "id": row.part.id,
        "result": row.result,
        "record": finding.sentence if finding else "",
        "evidence": [source.words for source in finding.sources] if finding else [],
        "answer": answer.answer if answer else "",
        "reason": answer.evidence if answer else "",
        "overrides": answer.overrides if answer else "",
    }


def signed_words(participant, facts) -> tuple[str, bool]:
    """(by whom and when it was signed last, whether that still stands), of a participant of `for_worksheet`."""
    if not participant.signed_sha256:
        return "", False
    whole = document(KIND, participant.identifier, snapshot_of(participant, facts))
    when = participant.signed_when.astimezone(participant.rules_of_site.zone)
    words = f"{participant.signed_name}, {when:%-d %b %Y %H:%M %Z}"
    return words, sha256(whole) == participant.signed_sha256


def reasons_against(participant, facts=None) -> list[str]:
    """Why eligibility does not stand as signed; empty when it does. `facts` where they are read already."""
    facts = facts or evidence.of(participant)
    now = standing_of(KIND, participant.identifier, snapshot_of(participant, facts.until(participant.infused_on)))
    whole = [signature for signature in now.valid if '"open":[]' in signature.document]
    if whole:
        return []
    if now.stale:
        changed = now.stale[0].changes
        what = f": {changed[-1].record.lower()} {changed[-1].entry.get_op_display().lower()}" if changed else ""
        return [f"The confirmed eligibility is stale since the record changed{what}. An investigator signs it again."]
    return ["Eligibility is not confirmed: an investigator signs the worksheet."]


def lapsed(facts, day) -> list:
    """The rows of the worksheet that do not pass for an infusion on that very day."""
    sheet = judge(facts.until(day), baseline=day, is_day=True)
    failing = {verdict.criterion.id for verdict in sheet.assessment.verdicts if verdict.result != "met"}
    return [row for row in sheet.rows if row.criterion.id in failing and row.result not in PASSING]


def against_infusion(participant, day) -> list[str]:
    """Why eligibility does not allow an infusion on that day: not signed, stale, or lapsed since. Empty: it does."""
    facts = evidence.of(participant)
    to_ask, found = {}, reasons_against(participant, facts)
    for row in lapsed(facts, day):
        words = row.note or (row.finding.sentence if row.finding else "It is not answered.")
        if row.finding and row.finding.again:
            to_ask.setdefault(words, []).append(row.part.id)
        else:
            found.append(f"{row.part.id} no longer holds at Baseline {day_label(day)}. {words}")
    return found + [f"{', '.join(parts)}: {words}" for words, parts in to_ask.items()]


def valid_on(participant, day) -> bool:
    return not against_infusion(participant, day)
