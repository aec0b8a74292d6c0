"""Criteria that a laboratory result, the age or SLEDAI decides."""

from datetime import timedelta
from decimal import Decimal

from studytracker.dates import day_label
from studytracker.protocol.criteria import Limit
from studytracker.protocol.measures import plain

from .findings import ABSENT, MET, NOT_MET, PRESENT, UNKNOWN, Finding, Source, answer_code, source, window_words
from .lookback import begins, first_free

POSITIVE, NEGATIVE = "POSITIVE", "NEGATIVE"


def holds(limit, value: Decimal, comparator: str = "") -> bool | None:
    """Whether a value meets a limit; one reported as <30 or >60 may leave it open, and is None then."""
    if not comparator:
        return limit.holds(value)
    certain = {
        "<": {"<": value <= limit.value, "<=": value <= limit.value, ">": False, ">=": False},
        "<=": {"<": value < limit.value, "<=": value <= limit.value, ">": False, ">=": False},
        ">": {">": value >= limit.value, ">=": value >= limit.value, "<": False, "<=": False},
        ">=": {">": value > limit.value, ">=": value >= limit.value, "<": False, "<=": False},
    }[comparator]
    never = {
        "<": {">": value <= limit.value, ">=": value <= limit.value, "<": False, "<=": False},
        "<=": {">": value <= limit.value, ">=": value < limit.value, "<": False, "<=": False},
        ">": {"<": value >= limit.value, "<=": value >= limit.value, ">": False, ">=": False},
        ">=": {"<": value >= limit.value, "<=": value > limit.value, ">": False, ">=": False},
    }[comparator]
    if certain[limit.operator]:
        return True
    return False if never[limit.operator] else None


def age(criterion, part, evidence, moment):
    """Completed years at Screening (R1)."""
    value = Decimal(evidence.age)
    ends = " and ".join(limit.words for limit in part.limits)
    return Finding(
        answer_code(criterion, part.holds(value)),
        f"{evidence.age} completed years at Screening {day_label(moment.screening)}; {ends}.",
        (Source(f"Age {evidence.age} at Screening"),),
    )


def limit(criterion, part, evidence, moment):
    """The latest screening result against the printed limit (E2a to E2d)."""
    row = _latest(evidence, part)
    if row is None:
        return _no_result(evidence, part)
    answers = [holds(each, row.standard_value, row.comparator) for each in part.limits]
    met = False if False in answers else None if None in answers else True
    shown = row.planned.reported(row.comparator, row.standard_value, row.standard_unit, "")
    converted = "" if row.unit == row.standard_unit else f", reported as {row.reported}"
    wanted = " and ".join(f"{each.words} {part.unit}" for each in part.limits)
    return Finding(
        answer_code(criterion, met),
        f"{shown}{converted} is {'' if met else 'not ' if met is False else 'perhaps '}{wanted}.{_when(row)}",
        (_lab_source(row),),
    )


def times_high(criterion, part, evidence, moment):
    """The latest screening result as a multiple of its own laboratory's upper limit (E2e, E2f; trap T5)."""
    row = _latest(evidence, part)
    if row is None:
        return _no_result(evidence, part)
    if not row.high:
        words = f"{row.reported} has no upper limit on file for that laboratory and day."
        return Finding(UNKNOWN, words + _when(row), (_lab_source(row),))
    wanted = part.limit
    # Compared unrounded: the value against the multiple of the limit, not a rounded quotient.
    scaled = Limit(operator=wanted.operator, value=wanted.value * row.high)
    met = holds(scaled, row.standard_value, row.comparator)
    about = plain(round(row.standard_value / row.high, 2))
    return Finding(
        answer_code(criterion, met),
        f"{row.reported} ÷ upper limit {plain(row.high)} = {about}, which is "
        f"{'' if met else 'not ' if met is False else 'perhaps '}above {wanted.value}.{_when(row)}",
        (_lab_source(row),),
    )


def positive(criterion, part, evidence, moment):
    """Tests reported in words (E2g to E2i): any positive one stands in the way."""
    rows = [row for test in _tests(evidence, part) if (row := _last(evidence.screening_labs(test.code)))]
    if not rows:
        return _no_result(evidence, part)
    sources = tuple(_lab_source(row) for row in rows)
    reactive = [row for row in rows if row.result == POSITIVE]
    if reactive and all(row.planned.for_investigator for row in reactive):
        names = ", ".join(row.planned.name for row in reactive)
        return Finding(UNKNOWN, f"{names} alone is positive: for the investigator to judge.", sources)
    if reactive:
        return Finding(PRESENT, f"Positive: {', '.join(row.planned.name for row in reactive)}.", sources)
    unclear = [row for row in rows if row.result != NEGATIVE]
    if unclear:
        return Finding(UNKNOWN, f"Not clear: {', '.join(row.planned.name for row in unclear)}.", sources)
    return Finding(ABSENT, f"Negative: {', '.join(row.planned.name for row in rows)}.", sources)


def pregnancy(criterion, part, evidence, moment):
    """The test of the Screening, repeated before the infusion (E4a)."""
    if evidence.sex == "M":
        return Finding(ABSENT, "Sex M.", (Source("Sex M"),))
    rows = [row for row in evidence.labs if row.planned.input == part.input and row.collected.is_full]
    wanted = moment.baseline if moment.is_day else None
    known = [row for row in rows if row.collected.earliest <= moment.baseline]
    if not known:
        return _no_result(evidence, part)
    row = _last(known)
    if wanted and row.collected.earliest < wanted and row.result == NEGATIVE:
        words = f"The last test was on {row.collected}: repeat it before the infusion."
        return Finding(None, words, (_lab_source(row),), again=True)
    code = {POSITIVE: PRESENT, NEGATIVE: ABSENT}.get(row.result, UNKNOWN)
    words, day = f"{row.planned.name} {row.reported.lower()} on {row.collected}.", row.collected.earliest
    return Finding(code, words, (_lab_source(row),), expires_on=day, expires_for="Baseline")


def ana(criterion, part, evidence, moment):
    """A titer at or above the printed one, in the look-back or later (I2a). A positive test without it is unknown."""

    def judged(row):
        if row.value is None:
            return UNKNOWN if row.result == POSITIVE else NOT_MET
        return answer_code(criterion, holds(part.limit, row.standard_value, row.comparator))

    return _antibody(part, evidence, moment, judged)


def anti_dsdna(criterion, part, evidence, moment):
    """The laboratory's own word, else the value above that laboratory's limit (I2b)."""

    def judged(row):
        if row.result in (POSITIVE, NEGATIVE):
            return MET if row.result == POSITIVE else NOT_MET
        if row.value is None or row.high is None:
            return UNKNOWN
        above = Limit(operator=">", value=row.high)
        return answer_code(criterion, holds(above, row.standard_value, row.comparator))

    return _antibody(part, evidence, moment, judged)


def _antibody(part, evidence, moment, judged):
    """The latest result decides (trap T11), if it was collected in the look-back from Screening or after it."""
    [anchor] = moment.anchors(part)
    begin = begins(part.look_back, anchor.on)
    rows = sorted(
        (
            row
            for row in evidence.labs
            if row.planned.input == part.input and row.visit_code in _at_screening(evidence)
        ),
        key=lambda row: (row.collected.latest, row.pk or 0),
    )
    row = rows[-1] if rows else None
    if row is None:
        return _no_result(evidence, part)
    words, sources = f"{row.reported} on {row.collected}", (_lab_source(row),)
    if row.collected.latest < begin:
        return Finding(None, f"{words} is too old: the {window_words(part, anchor)}.", sources)
    result = judged(row)
    if row.collected.earliest < begin and result != NOT_MET:
        result, words = UNKNOWN, f"{words} may be too old"
    until = first_free(part.look_back, row.collected.earliest)
    ages = f" It serves a Screening before {day_label(until)}." if result == MET and until else ""
    told, last = f"{words}; the {window_words(part, anchor)}.{ages}", until and until - timedelta(days=1)
    return Finding(result, told, sources, expires_on=last, expires_for="Screening")


def _at_screening(evidence):
    return ("", evidence.screening_code)


def sledai(criterion, part, evidence, moment):
    """The total at Screening against the printed limits (I3a, I3b)."""
    code = evidence.screening_code
    rows = [
        row
        for row in evidence.scores
        if row.visit_code == code or not row.visit_code and row.assessed_on == moment.screening
    ]
    if not rows:
        return Finding(None, "No SLEDAI of the Screening is on record.")
    row = max(rows, key=lambda row: (row.assessed_on, row.pk or 0))
    sources = (source(row, f"{row.variant} on {day_label(row.assessed_on)}"),)
    if row.total is None:
        return Finding(UNKNOWN, "The SLEDAI of the Screening is incomplete: answer every descriptor.", sources)
    met = part.holds(Decimal(row.total))
    wanted = " and ".join(each.words for each in part.limits)
    return Finding(answer_code(criterion, met), f"The total {row.total} is {'' if met else 'not '}{wanted}.", sources)


def _tests(evidence, part):
    return [test for test in evidence.rules.lab_tests if test.input == part.input]


def _last(rows):
    return max(rows, key=lambda row: (row.collected.latest, row.collected.iso, row.pk or 0), default=None)


def _latest(evidence, part):
    return _last([row for test in _tests(evidence, part) for row in evidence.screening_labs(test.code)])


def _no_result(evidence, part):
    """None of this screening; an older one is named, so that nobody takes it for missing."""
    tests = _tests(evidence, part)
    names = " or ".join(test.name for test in tests)
    codes = {test.code for test in tests}
    older = _last([row for row in evidence.labs if row.test in codes and not row.visit_code])
    if older is None:
        return Finding(None, f"No result of {names} is on record.")
    return Finding(
        None,
        f"The last {names}, {older.reported} on {older.collected}, is from before this screening.",
        (_lab_source(older),),
    )


def _lab_source(row):
    return source(row, f"{row.planned.name} {row.reported}, {row.collected}")


def _when(row):
    warned = " A warning was acknowledged." if row.acknowledged_warning else ""
    return f" Collected {row.collected}.{warned}"
