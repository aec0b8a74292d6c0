"""Criteria that medicines and history decide, by look-backs over what may be known only in part."""

from datetime import date

from studytracker.dates import day_label, months_before

from .findings import (
    ABSENT,
    MET,
    NOT_APPLICABLE,
    NOT_MET,
    PRESENT,
    UNKNOWN,
    Anchor,
    Finding,
    Source,
    source,
    window_words,
    worst,
)
from .lookback import FOREVER, Span, begins, first_free


def history_span(criterion, part, evidence, moment):
    """Any day of an episode in the look-back (E3, E6a, E6b, E13b)."""
    rows = _histories(evidence, part.input)
    spans = [(row, Span.of(row.started, row.ended, row.is_ongoing)) for row in rows]
    return _over_anchors(part, moment, spans, "histories", evidence)


def medicine_span(criterion, part, evidence, moment):
    """Any day of a course in the look-back (E6c, E10b, E11a to E11c)."""
    rows = [row for row in _medications(evidence, part.input) if _route_counts(part, row)]
    spans = [(row, Span.of(row.started, row.ended, row.is_ongoing)) for row in rows]
    return _over_anchors(part, moment, spans, "medicines", evidence)


def medicine_change(criterion, part, evidence, moment):
    """Any start, stop or change of dose in the look-back (E10a): a new dose is a new course."""
    spans = []
    for row in _medications(evidence, part.input):
        spans.append((row, Span.on(row.started)))
        if not row.is_ongoing:
            spans.append((row, Span.on(row.ended)))
    return _over_anchors(part, moment, spans, "medicines", evidence)


def _route_counts(part, row):
    return part.input != "iv_antibiotic_on" or row.route == "intravenous"


def _over_anchors(part, moment, spans, subject, evidence):
    return worst([_span_at(part, anchor, spans, subject, evidence, moment) for anchor in moment.anchors(part)])


def _span_at(part, anchor, spans, subject, evidence, moment):
    begin = begins(part.look_back, anchor.on)
    touched = [(row, span, span.touches(begin, anchor.on)) for row, span in spans]
    inside = [(row, span) for row, span, touch in touched if touch]
    perhaps = [(row, span) for row, span, touch in touched if touch is None]
    if not inside and not perhaps:
        return _nothing_inside(part, anchor, spans, subject, evidence, moment)
    # The clock runs from the last day that any of them may reach.
    deciding = inside + perhaps
    last = max(span.last_latest for _, span in deciding)
    free = first_free(part.look_back, last)
    row, span = max(deciding, key=lambda pair: pair[1].last_latest)
    return Finding(
        PRESENT if inside else UNKNOWN,
        f"{_span_words(row, span)}; the {window_words(part, anchor)}, so it is "
        f"{'inside' if inside else 'inside with some of the possible dates'}.{_free_words(part, anchor, free)}",
        tuple(source(row, row_words(row)) for row, _ in deciding),
        free_from=free,
        by_rescreening=anchor.name == "Screening",
        goes_on=free is None and any(getattr(row, "is_ongoing", False) for row, _ in deciding),
        worst_case=any(span.is_read_as_worst for _, span in deciding),
    )


def _nothing_inside(part, anchor, spans, subject, evidence, moment):
    sources = tuple(dict.fromkeys(source(row, row_words(row)) for row, _ in spans))
    if not_asked := unasked(subject, evidence, anchor, moment):
        return Finding(None, not_asked, sources, again=is_asked_again(subject, evidence, moment))
    taken = evidence.taken_on(subject)
    earlier = [span for _, span in spans if span.last_latest < begins(part.look_back, anchor.on)]
    last = max((span.last_latest for span in earlier), default=None)
    words = f"the last before it was {day_label(last)}" if last else "none is listed"
    return Finding(
        ABSENT,
        f"The {window_words(part, anchor)}; {words} (list complete up to {day_label(taken)}).",
        sources or (Source(f"{_list_name(subject)} complete up to {day_label(taken)}"),),
        free_from=first_free(part.look_back, last) if last and anchor.name == "Baseline" else None,
        **expiry(subject, evidence, anchor),
    )


def unasked(subject, evidence, anchor, moment) -> str:
    """Why nothing listed does not yet mean that there is nothing."""
    taken, name = evidence.taken_on(subject), _list_name(subject)
    if taken is None:
        return f"{name}: not asked for in full yet."
    wanted = moment.baseline if moment.is_day and anchor.name == "Baseline" else moment.screening
    if taken < wanted:
        day = "on the day of the infusion" if wanted == moment.baseline else "at Screening"
        return f"{name}: asked for up to {day_label(taken)}. Ask again {day}, {day_label(wanted)}."
    return ""


def expiry(subject, evidence, anchor) -> dict:
    """Until when an absence by the list serves a Baseline, where the infusion day asks for the list again."""
    return {"expires_on": evidence.taken_on(subject), "expires_for": "Baseline"} if anchor.name == "Baseline" else {}


def is_asked_again(subject, evidence, moment) -> bool:
    return moment.is_day and evidence.taken_on(subject) is not None


def _list_name(subject):
    return {"medicines": "Medicines", "histories": "Medical history"}[subject]


def row_words(row) -> str:
    name = getattr(row, "drug", None) or row.term
    return f"{name}, {dates_words(row)}"


def dates_words(row) -> str:
    start = str(row.started) if row.started else "start unknown"
    end = "ongoing" if row.is_ongoing else str(row.ended) if row.ended else "end unknown"
    return start if start == end else f"{start} to {end}"


def _span_words(row, span):
    words = row_words(row)
    if span.last_latest in (FOREVER, span.last_earliest):
        return words
    return f"{words} (read as {day_label(span.last_latest)}, the worst case)"


def _free_words(part, anchor, free):
    if free is None:
        return " No end is in sight." if not part.look_back.ever else ""
    word = "A new Screening is free of it" if anchor.name == "Screening" else "Free"
    return f" {word} from {day_label(free)}."


def ever(criterion, part, evidence, moment):
    """Any such history, whenever (E5)."""
    rows = _histories(evidence, part.input)
    if rows:
        return Finding(PRESENT, f"{row_words(rows[0])}.", tuple(source(row, row_words(row)) for row in rows))
    return _absent_now(evidence, moment, "never")


def current(criterion, part, evidence, moment):
    """A condition that goes on at Screening, or at Baseline again (E4b)."""
    rows = _histories(evidence, part.input)
    findings = []
    for anchor in moment.anchors(part):
        touched = [
            (row, Span.of(row.started, row.ended, row.is_ongoing).touches(anchor.on, anchor.on)) for row in rows
        ]
        going_on = [row for row, touch in touched if touch is not False]
        certain = [row for row, touch in touched if touch]
        if going_on:
            code, words = (PRESENT if certain else UNKNOWN), row_words((certain or going_on)[0])
            sources = tuple(source(row, row_words(row)) for row in going_on)
            findings.append(Finding(code, f"{words}; judged at {anchor}.", sources))
        else:
            findings.append(_absent_now(evidence, moment, "not at present", anchor))
    return worst(findings)


def dialysis(criterion, part, evidence, moment):
    """Nephritis that is active while on dialysis (E1): proposed, for the investigator to confirm."""
    nephritis, on_dialysis = _histories(evidence, "nephritis_episode"), _histories(evidence, part.input)
    findings = []
    for anchor in moment.anchors(part):
        both = [_touch(rows, anchor.on) for rows in (nephritis, on_dialysis)]
        sources = tuple(source(row, row_words(row)) for row in (*nephritis, *on_dialysis))
        if False in both:
            findings.append(_absent_now(evidence, moment, "not both", anchor))
        else:
            code = UNKNOWN if None in both else PRESENT
            findings.append(Finding(code, f"Nephritis and dialysis at {anchor}.", sources))
    return worst(findings)


def _touch(rows, on: date) -> bool | None:
    touches = [Span.of(row.started, row.ended, row.is_ongoing).touches(on, on) for row in rows]
    return True if True in touches else None if None in touches else False


def _absent_now(evidence, moment, words, anchor=None):
    anchor = anchor or Anchor("Screening", moment.screening)
    if not_asked := unasked("histories", evidence, anchor, moment):
        return Finding(None, not_asked, again=is_asked_again("histories", evidence, moment))
    taken = day_label(evidence.taken_on("histories"))
    told, sources = f"{words.capitalize()}, by the history taken up to {taken}.", (Source(f"History, {taken}"),)
    return Finding(ABSENT, told, sources, **expiry("histories", evidence, anchor))


def nephritis_therapy(criterion, part, evidence, moment):
    """Six months of one of the two drugs within the current episode (I4b); adding up is the investigator's call."""
    [anchor] = moment.anchors(part)
    letter = evidence.answers.get("I4a")
    if letter and letter.answer == NOT_APPLICABLE:
        return Finding(NOT_APPLICABLE, "The condition does not apply.", (Source("Answer to I4a"),))
    names = {code for code, (_, drug) in evidence.rules.drugs.items() if drug.input == part.input}
    rows = [row for row in evidence.medications if row.drug_code in names]
    episodes = [row for row in _histories(evidence, "nephritis_episode") if _touch([row], anchor.on) is not False]
    if not rows or not episodes:
        return Finding(None, "The drug and the current episode of nephritis are not both on record.")
    episode = max(episodes, key=lambda row: row.started.latest if row.started else date.min)
    best = max((_lasted(part, row, episode, anchor), source(row, row_words(row))) for row in rows)
    code = {2: MET, 1: UNKNOWN, 0: NOT_MET}[best[0]]
    return Finding(
        code,
        f"{best[1].words}, in the episode {dates_words(episode)}; to Screening {day_label(anchor.on)} it "
        f"{'lasted' if code == MET else 'may have lasted' if code == UNKNOWN else 'did not last'} "
        f"{part.look_back.words}.",
        (best[1], source(episode, row_words(episode))),
    )


def _lasted(part, row, episode, anchor) -> int:
    """2 certainly, 1 with some of the possible dates, 0 not."""
    span = Span.of(row.started, row.ended, row.is_ongoing)
    began = Span.on(episode.started)

    def enough(start, end):
        return start != FOREVER and start <= months_before(min(end, anchor.on), part.look_back.months)

    if enough(max(span.first_latest, began.first_latest), span.last_earliest):
        return 2
    return 1 if enough(max(span.first_earliest, began.first_earliest), span.last_latest) else 0


def consent(criterion, part, evidence, moment):
    """A form valid at the site was signed before the first procedure (I5); willingness is the investigator's word."""
    if not evidence.consents:
        return Finding(None, "No consent is on record.")
    first = min(evidence.consents, key=lambda each: each.signed_at)
    words = f"Form {first.form_version}, signed {day_label(first.signed_on)}"
    code = MET if first.signed_on <= moment.screening else NOT_MET
    relation = "not after" if code == MET else "after"
    return Finding(code, f"{words}, {relation} Screening {day_label(moment.screening)}.", (Source(words),))


def _histories(evidence, wanted):
    codes = {
        category.code
        for category in evidence.rules.history_categories
        if category.input == wanted and not category.excepted
    }
    return [row for row in evidence.histories if row.category in codes]


def _medications(evidence, wanted):
    codes = {each.code for each in evidence.rules.drug_classes if each.input == wanted}
    return [row for row in evidence.medications if row.drug_class in codes]
