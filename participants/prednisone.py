"""Prednisone equivalents in mg a day and mg/kg/day: criterion E9, and the curve over time."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from studytracker.dates import day_label
from studytracker.protocol.measures import plain

from .course_findings import expiry, is_asked_again, row_words, unasked
from .findings import ABSENT, PRESENT, UNKNOWN, Finding, Source, source, window_words
from .lookback import Span, begins, first_free

MILLIGRAMS = {"mg": Decimal(1), "g": Decimal(1000), "ug": Decimal("0.001")}
SUBJECT = "medicines"


@dataclass(frozen=True)
class Course:
    """One systemic course: its days, and its prednisone equivalent a day in mg, None where it cannot be told."""

    row: object
    span: Span
    mg: Decimal | None

    def on(self, day: date) -> bool | None:
        return self.span.touches(day, day)


def equivalent(rules, row) -> Decimal | None:
    """Milligrams of prednisone a day. Of alternate days the higher counts: half a time a day is one time on a day."""
    drug = next((each for each in rules.corticosteroids.drugs if each.code == row.drug_code), None)
    unit = MILLIGRAMS.get(row.dose_unit)
    if drug is None or row.dose is None or row.per_day is None or unit is None:
        return None
    times = row.per_day.to_integral_value(ROUND_CEILING)
    return row.dose * unit * times * rules.corticosteroids.prednisone_mg / drug.equal_mg


def courses(rules, medications) -> list[Course]:
    """The systemic corticosteroid courses; routes that the protocol does not count are left out."""
    classes = {each.code for each in rules.drug_classes if each.input == "prednisone_mg_per_kg_per_day"}
    return [
        Course(row, Span.of(row.started, row.ended, row.is_ongoing), equivalent(rules, row))
        for row in medications
        if row.drug_class in classes and row.route not in rules.corticosteroids.routes_not_counted
    ]


def daily(found: list[Course], day: date) -> tuple[Decimal | None, Decimal | None]:
    """(least, most) milligrams of prednisone on the day. The most is None where a course's amount is not known."""
    least = sum((course.mg for course in found if course.mg is not None and course.on(day)), Decimal(0))
    possible = [course for course in found if course.on(day) is not False]
    if any(course.mg is None for course in possible):
        return least, None
    return least, sum((course.mg for course in possible), Decimal(0))


def weight_before(weights, on: date):
    """The last weight on or before the day, or None."""
    known = [row for row in weights if row.measured_on <= on]
    return max(known, key=lambda row: (row.measured_on, row.pk or 0), default=None)


def finding(criterion, part, evidence, moment):
    """Above the limit on any day of the look-back (E9; trap T4). The last weight on or before Baseline counts."""
    [anchor] = moment.anchors(part)
    found, begin = courses(evidence.rules, evidence.medications), begins(part.look_back, anchor.on)
    near = [course for course in found if course.span.touches(begin, anchor.on) is not False]
    sources = tuple(source(course.row, _course_words(course)) for course in near)
    if not near:
        return _none_near(part, anchor, evidence, moment)
    weight = weight_before(evidence.weights, anchor.on)
    if weight is None:
        return Finding(UNKNOWN, "There is no weight on or before Baseline: weigh the participant.", sources)
    allowed = part.limit.value * weight.standard_value
    sources = (*sources, source(weight, f"Weight {weight.reported}, {day_label(weight.measured_on)}"))
    days = sorted({begin, anchor.on, *(_inside(near, begin, anchor.on))})
    amounts = [(day, *daily(near, day)) for day in days]
    most = max((each[2] for each in amounts if each[2] is not None), default=None)
    limit_words = f"{part.limit.value} mg/kg × {plain(weight.standard_value)} kg = {plain(allowed)} mg"
    last = _last_day_above(found, allowed, begin)
    free = first_free(part.look_back, last) if last else None
    # A course too high by itself is certain once it surely touches the look-back, on whichever of its days.
    alone = any(course.mg and course.mg > allowed and course.span.touches(begin, anchor.on) for course in near)
    certain = alone or any(least > allowed for _, least, _ in amounts)
    possible = any(each[2] is None or each[2] > allowed for each in amounts)
    if not possible:
        return _within(part, anchor, evidence, moment, most, limit_words, sources, free)
    top = most if most is not None else max(least for _, least, _ in amounts) or None
    told = f"up to {plain(round(top, 2))} mg prednisone a day" if top is not None else "an amount that is not known"
    return Finding(
        PRESENT if certain else UNKNOWN,
        f"{told[0].upper()}{told[1:]} against {limit_words}; the {window_words(part, anchor)}."
        + (f" Free from {day_label(free)}." if free else " No end is in sight."),
        sources,
        free_from=free,
        goes_on=free is None,
        worst_case=any(course.span.is_read_as_worst for course in near),
    )


def _within(part, anchor, evidence, moment, most, limit_words, sources, free):
    if not_asked := unasked(SUBJECT, evidence, anchor, moment):
        return Finding(None, not_asked, sources, again=is_asked_again(SUBJECT, evidence, moment))
    words = (
        f"At most {plain(round(most, 2))} mg prednisone a day against {limit_words}; the {window_words(part, anchor)}."
    )
    return Finding(ABSENT, words, sources, free_from=free, **expiry(SUBJECT, evidence, anchor))


def _none_near(part, anchor, evidence, moment):
    if not_asked := unasked(SUBJECT, evidence, anchor, moment):
        return Finding(None, not_asked, again=is_asked_again(SUBJECT, evidence, moment))
    taken = day_label(evidence.taken_on(SUBJECT))
    words = f"No systemic corticosteroid; the {window_words(part, anchor)} (list complete up to {taken})."
    return Finding(ABSENT, words, (Source(f"Medicines complete up to {taken}"),), **expiry(SUBJECT, evidence, anchor))


def _inside(found, begin, end):
    """The days on which the amount can be at its least or most: where a course may begin or end."""
    for course in found:
        span = course.span
        for day in (span.first_earliest, span.first_latest, span.last_earliest, span.last_latest):
            if begin <= day <= end:
                yield day


def _last_day_above(found, allowed, since) -> date | None:
    """The last day on which the amount may be above the limit, FOREVER where it goes on; None where there is none."""
    ends = {course.span.last_latest for course in found if course.span.last_latest >= since}
    for day in sorted(ends, reverse=True):
        most = daily(found, day)[1]
        if most is None or most > allowed:
            return day
    return None


def _course_words(course):
    amount = f"{plain(course.mg)} mg prednisone a day" if course.mg is not None else "amount not known"
    return f"{row_words(course.row)}: {amount}"
