"""Whether the visits whose safety data the board looks at have taken place."""


def missing(participant, codes) -> list[str]:
    """A sentence for each of the visits `codes` that was not attended. One query."""
    visits = {visit.code: visit for visit in participant.visits.filter(code__in=codes)}
    return [_words(code, visits.get(code)) for code in codes if not (code in visits and visits[code].attended_on)]


def _words(code, visit):
    if visit is not None and visit.missed_at:
        return f"{code} was missed: only a decision of the DSMB on the data available opens the gate."
    return f"{code} is not logged yet."
