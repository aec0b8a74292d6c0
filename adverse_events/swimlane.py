"""Everybody infused on one axis of protocol days: visits, events by grade, steroid dose and disease activity.

Nothing is told by colour alone: a grade is printed in its bar, a serious event has the thick outline and an S, days
that are not known are hatched, and everything stands in words beside the drawing.
"""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from participants.axis import WIDTH, Axis
from participants.models import Medication, Participant, SledaiScore
from participants.steroid_curve import stretches
from participants.strips import steps
from studytracker.protocol.measures import plain
from studytracker.protocol.models import Site
from visits.models import Visit

from .models import AdverseEvent

ZERO = date(2000, 1, 1)  # stands for everybody's Day 0
DAYS_BEFORE, SHORTEST = 14, 28
TOP, ROW, CURVE, GAP = 24, 18, 26, 12
DIGIT, LETTER, LONGEST_TERM = 14, 6.2, 24  # widths in the drawing; letters of a term beside its bar
SLEDAI_TOP = 12  # the axis of the totals reaches at least so far


class Piece(NamedTuple):
    x: float
    width: float
    is_hatched: bool


class Bar(NamedTuple):
    y: int
    pieces: list[Piece]
    digit_x: float
    end_x: float
    text_x: float
    grade: int  # 0 where nobody graded it
    is_serious: bool
    goes_on: bool
    label: str
    words: str

    @property
    def x(self):
        return self.pieces[0].x

    @property
    def width(self):
        return round(self.end_x - self.x, 1)


class Mark(NamedTuple):
    x: float
    y: float
    label: str
    words: str


class Lane(NamedTuple):
    """One participant. What is `unsure` are (x, width) of days whose dose is not known."""

    participant: Participant
    y: int
    today_x: float
    visits: list[Mark]
    bars: list[Bar]
    dose_y: int
    dose: str
    unsure: list
    doses: list[str]
    most: str
    score_y: int
    line: str
    scores: list[Mark]
    height: int


class Drawing(NamedTuple):
    width: int
    height: int
    zero_x: float
    ticks: list
    lanes: list[Lane]


def draw(sites, at, events) -> Drawing | None:
    """Of the `events` that stand at `sites`. None while nobody is infused. Four queries, however many participants."""
    people = list(Participant.objects.filter(site__in=sites, infusion__isnull=False).for_listing())
    if not people:
        return None
    today = Site.todays(at)
    told = {
        model: _by_participant(model.objects.filter(participant__in=people).order_by(*order), people)
        for model, order in (
            (Visit, ("order", "id")),
            (Medication, ("started", "pk")),
            (SledaiScore, ("assessed_on", "pk")),
        )
    }
    by_onset = sorted(events, key=lambda event: (event.started, event.number))
    told[AdverseEvent] = _by_participant([event for event in by_onset if event.participant.infused], people)
    ends = {person.pk: _shifted(person, today[person.site_id]) for person in people}
    days = Axis(ZERO - timedelta(days=DAYS_BEFORE), max(*ends.values(), ZERO + timedelta(days=SHORTEST)), ZERO)
    courses = {person.pk: _doses(person, told[Medication][person.pk], days, ends[person.pk]) for person in people}
    most = max((each.most_mg for found in courses.values() for each in found if each.most_mg), default=Decimal(0))
    y, lanes = TOP, []
    for person in people:
        rows = {model: found[person.pk] for model, found in told.items()}
        lane = _lane(person, y, days, today[person.site_id], rows, courses[person.pk], most)
        lanes.append(lane)
        y += lane.height + GAP
    return Drawing(WIDTH, y, days.x(ZERO), days.ticks, lanes)


def _by_participant(rows, people):
    """Those that stand, by participant; each holds the participant already read."""
    known, found = {person.pk: person for person in people}, defaultdict(list)
    for row in rows:
        if getattr(row, "voided_at", None) is None:
            row.participant = known[row.participant_id]
            found[row.participant_id].append(row)
    return found


def _shifted(person, day: date) -> date:
    return ZERO + (day - person.infused_on)


def _doses(person, courses, days, end):
    first = person.infused_on + (days.first - ZERO)
    return stretches(person.protocol, courses, [], first, max(first, person.infused_on + (end - ZERO)))


def _lane(person, y, days, today, rows, courses, most) -> Lane:
    bars, lines = _bars(rows[AdverseEvent], days, person, today, y + ROW)
    taken = [each for each in courses if each.most_mg is None or each.most_mg or each.least_mg]
    foot = y + ROW + lines * ROW
    dose_y = foot + CURVE
    score_y = dose_y if taken else foot
    scores = _scores(rows[SledaiScore], days, person, score_y)
    return Lane(
        person,
        y,
        days.end(_shifted(person, today)),
        list(_visits(rows[Visit], days, person, today, y + 13)),
        bars,
        dose_y,
        steps(courses, lambda each: _span(each, days, person), dose_y - 2, CURVE - 8, most) if taken else "",
        [_span(each, days, person) for each in taken if each.most_mg is None],
        [each.words for each in taken],
        f"{plain(most)} mg" if taken else "",
        score_y,
        " ".join(f"{each.x},{each.y}" for each in scores),
        scores,
        score_y + (CURVE if scores else 0) - y,
    )


def _visits(rows, days, person, today, y):
    """The symbol of each visit's status on the day attended, else on its target."""
    for visit in rows:
        on = visit.attended_on or visit.target_on
        if on is None or not days.holds(_shifted(person, on)):
            continue
        where = visit.status(today)
        label = f"D{(on - person.infused_on).days}"
        yield Mark(days.middle(_shifted(person, on)), y, where.symbol, f"{visit.code} {label}: {where.words}")


def _bars(events, days, person, today, y):
    """Bars in as few rows as keep them, with their labels, off each other; and the number of rows."""
    ends, bars = [], []
    for event in events:
        bar = _bar(event, days, person, today)
        if bar is None:
            continue
        reach = max(bar.end_x + 10, bar.text_x + len(bar.label) * LETTER)
        row = next((number for number, end in enumerate(ends) if end <= bar.x), len(ends))
        if row == len(ends):
            ends.append(0)
        ends[row] = reach + 6
        bars.append(bar._replace(y=y + row * ROW))
    return bars, len(ends)


def _bar(event, days, person, today):
    """Solid from the last possible day of the onset to the first possible day of the end, hatched beside it."""
    begins, known_from = event.started.earliest, min(event.started.latest, today)
    if event.ended:
        known_to, ends = event.ended.earliest, event.ended.latest
    else:
        known_to = ends = today if event.is_ongoing else known_from
    ends = max(min(ends, today), begins)
    known_to = min(max(known_to, begins), ends)
    edges = [begins, min(known_from, ends), known_to, ends]
    if _shifted(person, ends) < days.first or _shifted(person, begins) > days.last:
        return None
    first, solid, last, end = (_shifted(person, day) for day in edges)
    is_vague = event.ended is None and not event.is_ongoing
    pieces = list(_pieces(days, first, solid, last, end, is_vague))
    digit_x = next((piece.x for piece in pieces if not piece.is_hatched), pieces[0].x)
    end_x = max(round(pieces[-1].x + pieces[-1].width, 1), round(digit_x + DIGIT, 1))
    term = event.term if len(event.term) <= LONGEST_TERM else f"{event.term[: LONGEST_TERM - 1]}…"
    label = f"{'S ' if event.is_serious else ''}AE {event.number} {term}"
    text_x = end_x + (14 if event.is_ongoing else 4)
    text_x = round(min(text_x, WIDTH - len(label) * LETTER), 1)
    facts = (event.grade or 0, event.is_serious, event.is_ongoing, label, _words(event, person))
    return Bar(0, pieces, digit_x, end_x, text_x, *facts)


def _pieces(days, first, solid, last, end, is_vague):
    if first < solid:
        yield Piece(days.x(first), round(days.x(solid) - days.x(first), 1) or 4, True)
    if solid <= last:
        yield Piece(days.x(solid), max(round(days.end(last) - days.x(solid), 1), 4), False)
    if last < end or is_vague:
        yield Piece(days.end(last), max(round(days.end(end) - days.end(last), 1), 8), True)


def _words(event, person):
    def day(when):
        first, last = ((edge - person.infused_on).days for edge in (when.earliest, when.latest))
        return f"{when} (D{first})" if first == last else f"{when} (D{first} to D{last})"

    ends = "ongoing" if event.is_ongoing else f"to {day(event.ended)}" if event.ended else "to an unknown day"
    grade = f"grade {event.grade}" if event.grade else "not graded"
    grade += ", SERIOUS" if event.is_serious else ""
    return f"AE {event.number} {event.term}, {grade}: {day(event.started)} {ends}"


def _span(stretch, days, person):
    x = days.x(_shifted(person, stretch.first))
    return x, round(days.end(_shifted(person, stretch.last)) - x, 1)


def _scores(rows, days, person, base):
    whole = [row for row in rows if row.total is not None and days.holds(_shifted(person, row.assessed_on))]
    top = max([SLEDAI_TOP, *(row.total for row in whole)])
    return [
        Mark(
            days.middle(_shifted(person, row.assessed_on)),
            round(base + CURVE - 4 - row.total / top * (CURVE - 10), 1),
            str(row.total),
            f"{row.total} on D{(row.assessed_on - person.infused_on).days}",
        )
        for row in whole
    ]
