"""A participant's whole course on one page: every picture on one axis of days, and what is new since the last look."""

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

from studytracker.access.grants import Permission
from studytracker.protocol.measures import plain
from studytracker.trust import as_of
from studytracker.trust.acts import Kind, note_by
from studytracker.trust.models import Act, Entry
from studytracker.trust.reach import of_participant
from studytracker.trust.wording import instant, lines, record_name

from . import steroid_curve, strips, timeline
from .models import LabResult, VitalSign

SHOWN = 20  # changes; the audit trail has the others
DOSE_HEIGHT = 44


class Dose(NamedTuple):
    path: str
    limit: str
    unsure: list
    base: int
    top: str
    stretches: list
    names: tuple = ("Steroid",)


def pictures(participant, user, today) -> dict:
    """The lanes of every room, the steroid dose, disease activity, laboratory and vital signs, on one axis."""
    lanes = [import_string(path)(participant, user, today) for path in settings.PARTICIPANT_LANES]
    days = timeline.axis(lanes, participant, today)
    labs = list(LabResult.objects.of(participant))
    vitals = list(VitalSign.objects.of(participant))
    for row in (*labs, *vitals):
        row.participant = participant
    return {
        "timeline": {"drawing": timeline.draw(lanes, days, today), "lanes": lanes},
        "dose": _dose(participant, days, [row for row in vitals if row.test == "WEIGHT"], today),
        "strips": [*strips.of_labs(labs, days), *strips.of_vitals(vitals, days)],
        "ticks": days.ticks,
        "today_x": days.x(today),
        "zero_x": days.x(days.zero) if participant.infused else None,
    }


def _dose(participant, days, weights, today) -> Dose | None:
    """None where no systemic corticosteroid touches these days."""
    courses = [row for row in participant.medications.all() if not row.voided_at]
    found = steroid_curve.stretches(participant.protocol, courses, weights, days.first, max(today, days.first))
    taken = [each for each in found if each.most_mg is None or each.most_mg]
    if not taken:
        return None
    per_kg = steroid_curve.limit(participant.protocol)
    allowed = [replace(each, most_mg=per_kg * each.weight_kg) for each in found if per_kg and each.weight_kg]
    most = max((each.most_mg for each in [*found, *allowed] if each.most_mg), default=Decimal(0))
    base = strips.HEIGHT - strips.FOOT

    def span(each):
        return days.x(each.first), round(days.end(each.last) - days.x(each.first), 1)

    unsure = [span(each) for each in taken if each.most_mg is None]
    paths = (strips.steps(some, span, base, DOSE_HEIGHT, most) for some in (found, allowed))
    return Dose(*paths, unsure, base, f"{plain(most.quantize(Decimal('0.1')))} mg", taken)


class Change(NamedTuple):
    record: str
    who: str
    at: str
    lines: list
    is_new: bool
    reason: str


class News(NamedTuple):
    """What happened to the participant's records since this person last opened the page, newest first."""

    since: str = ""  # when that was; empty the first time
    changes: list[Change] = []
    is_cut: bool = False


def news(participant, user, at) -> News:
    """Notes that the page is opened now. Two queries and the note of it."""
    words = f"Profile of {participant.identifier}"
    opened = Act.objects.filter(kind=Kind.VIEW, username=user.username, words=words).order_by("-pk").first()
    told = News()
    if opened and user.can(Permission.AUDIT, participant.site_id):
        told = _news_since(opened, participant)
    if as_of.current() is None:
        note_by(user, Kind.VIEW, at=at, words=words)
    return told


def _news_since(opened, participant) -> News:
    entry = Entry.objects.filter(table=Act._meta.db_table, row_id=str(opened.pk)).values("id")[:1]
    found = Entry.objects.filter(of_participant(participant.identifier), id__gt=entry).order_by("-id")[: SHOWN + 1]
    changes = [_change(each) for each in found]
    return News(instant(opened.at.isoformat()), changes[:SHOWN], len(changes) > SHOWN)


def _change(entry) -> Change:
    is_new = entry.op == Entry.Op.INSERT
    changed = [] if is_new else lines(entry)
    return Change(record_name(entry.table), entry.username, instant(entry.at), changed, is_new, entry.reason)
