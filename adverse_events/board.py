"""What is done with the board's meetings: recorded, and its recommendations carried out under a signature."""

from django.db import transaction
from django.db.models import Max

from participants.holds import open_hold
from participants.lifting import SIGNED as SIGNED_OF_HOLD
from participants.lifting import displayed_hash as hash_of_hold
from participants.lifting import lift_signed
from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.refusal import Refused
from studytracker.trust.models import Entry
from studytracker.trust.signatures import sign, standing
from studytracker.trust.subjects import Kind, Snapshot, UnknownSubject, covered

from .models import LIFTS, OPENS, BoardMeeting, Recommendation

KIND = "dsmb-recommendation"
MEANING = "I have read the board's recommendation, and carry it out as shown"
# That it is carried out afterwards does not make the signature stale.
SIGNED = ("meeting_id", "recommendation", "text", "step", "recorded_at")
GOES_ON = ("continue", "continue_with_changes")


class BoardRefused(Refused):
    """This cannot be recorded or carried out like this."""


@transaction.atomic
def record_meeting(*, held_on, purpose, cut_off_entry, document, by, at):
    """A meeting that was held, on the record as of an entry of the trail. Raises BoardRefused."""
    today = max(Site.todays(at).values())
    if held_on > today:
        raise BoardRefused(f"A meeting is recorded once it was held, not before {day_label(today)}.", field="held_on")
    last = BoardMeeting.objects.first()
    first, newest = last.cut_off_entry if last else 1, Entry.objects.aggregate(last=Max("id"))["last"] or 0
    if not first <= cut_off_entry <= newest:
        raise BoardRefused(
            f"The entry lies between that of the meeting before, {first}, and the newest, {newest}.",
            field="cut_off_entry",
        )
    facts = {"held_on": held_on, "purpose": purpose, "cut_off_entry": cut_off_entry, "document": document}
    number = last.number + 1 if last else 1
    return BoardMeeting.objects.create(number=number, **facts, recorded_at=at, recorded_by=by)


@transaction.atomic
def recommend(*, meeting, recommendation, text, hold=None, by, at):
    """What the board recommended. To pause or to stop opens a hold, once carried out; going on may lift one."""
    try:
        protocol.current().term("dsmb_decision", recommendation)
    except protocol.UnknownCode as unknown:
        raise BoardRefused(str(unknown), field="recommendation") from None
    if hold and recommendation not in GOES_ON:
        raise BoardRefused("To pause or to stop lifts no hold. Leave it empty.", field="hold")
    if hold and hold.stage != "Open":
        raise BoardRefused(f"{hold} is {hold.stage.lower()}, so it is not lifted.", field="hold")
    step = LIFTS if hold else "" if recommendation in GOES_ON else OPENS
    facts = {"recommendation": recommendation, "text": text, "step": step, "hold": hold}
    return Recommendation.objects.create(meeting=meeting, **facts, recorded_at=at, recorded_by=by)


def snapshot(key) -> Snapshot:
    row = Recommendation.objects.select_related("meeting", "hold").filter(pk=key).first() if key.isdecimal() else None
    if row is None or not row.step:
        raise UnknownSubject(key)
    rows = [covered(row, *SIGNED)]
    facts = {
        "Meeting": f"{row.meeting}, {row.meeting.held_on.isoformat()}, data as of entry {row.meeting.cut_off_entry}",
        "Recommendation": row.recommendation,
        "Words": row.text,
        "What is done": "A hold is opened at every site",
    }
    if row.step == LIFTS:
        facts["What is done"] = f"{row.hold} is lifted: {row.hold.text}"
        rows.append(covered(row.hold, *SIGNED_OF_HOLD))
    return Snapshot(str(row), facts, rows, url=row.get_absolute_url())


RECOMMENDATION = Kind("Recommendation of the DSMB", snapshot, (MEANING,), permission=Permission.LIFT_HOLD)


def displayed_hash(recommendation) -> str:
    return standing(KIND, str(recommendation.pk)).sha256


@transaction.atomic
def carry_out(*, recommendation, displayed_hash, answered, by, at):
    """Sign the recommendation as displayed, and open or lift its hold, or neither. Raises SigningRefused, Refused."""
    row = Recommendation.objects.select_for_update(of=("self",)).select_related("meeting").get(pk=recommendation.pk)
    if row.carried_out_at or not row.step:
        raise BoardRefused("There is nothing left to carry out. Nothing was changed.")
    facts = {"meaning": MEANING, "comment": "", "answered": answered, "by": by, "at": at}
    sign(kind=KIND, key=str(row.pk), displayed_hash=displayed_hash, **facts)
    words = f"{row.words}, {row.meeting}: {row.text}"[:500]
    if row.step == OPENS:
        row.hold = open_hold(cause="dsmb", text=words, reference=f"Recommendation {row.pk}", by=by, at=at)
    else:
        signed = {"displayed_hash": hash_of_hold(row.hold), "answered": answered, "by": by, "at": at}
        lift_signed(hold=row.hold, reason=words, **signed)
    row.carried_out_at, row.carried_out_by = at, by
    row.save(update_fields=["hold", "carried_out_at", "carried_out_by"])
    return row
