"""The seats under the cap: who sits where, which are free, and who waits for one."""

from typing import NamedTuple

from django.db.models import Prefetch

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.protocol.models import Slot

from .models import Enrollment, Participant
from .screening import worksheets


class Seat(NamedTuple):
    number: int
    state: str  # free, taken, replaceable
    site: str
    identifier: str  # empty where the person may not see the participant
    words: str
    enrolled_on: object


class Waiting(NamedTuple):
    site: str
    identifier: str
    since: object  # when the last criterion was answered


def board(user) -> list[Seat]:
    """Every seat of the trial. How full it is, both sites must know; who sits there, only those who may see them."""
    people = Enrollment.objects.current().select_related("participant__infusion")
    slots = Slot.objects.prefetch_related(Prefetch("enrollments", people, to_attr="holder")).order_by("number")
    mine = user.sites_where(Permission.SEE)
    return [_seat(slot, mine) for slot in slots]


def _seat(slot, mine):
    if not slot.holder:
        return Seat(slot.number, "free", "", "", "Free", None)
    enrollment = slot.holder[0]
    participant = enrollment.participant
    left_early = participant.withdrawn_at and not participant.infused
    replaceable = left_early and protocol.current().enrollment.replaces
    return Seat(
        slot.number,
        "replaceable" if replaceable else "taken",
        participant.site_id,
        participant.identifier if participant.site_id in mine else "",
        "Left before the infusion" if left_early else participant.stage,
        enrollment.enrolled_on,
    )


def by_site(seats) -> list[tuple[str, int]]:
    """(site, seats taken), for each site of the protocol."""
    return [(site.code, sum(seat.site == site.code for seat in seats)) for site in protocol.current().sites]


def waiting(user, at) -> list[Waiting]:
    """Everybody eligible and not enrolled, longest ready first. Eight queries, whatever their number."""
    open_screenings = (
        Participant.objects.for_listing()
        .filter(enrollment=None, screen_failed_at=None, withdrawn_at=None)
        .prefetch_related("answers")
    )
    sheets = worksheets(open_screenings, at)
    mine = user.sites_where(Permission.SEE)
    ready = [
        Waiting(each.site_id, each.identifier if each.site_id in mine else "", _ready_since(each))
        for each in open_screenings
        if sheets[each.pk].is_eligible
    ]
    return sorted(ready, key=lambda each: (each.since, each.site, each.identifier))


def _ready_since(participant):
    return max((answer.answered_at for answer in participant.answers.all()), default=participant.screened_at)
