"""Does this person meet the criteria? Pure functions over the answers to the parts."""

from dataclasses import dataclass

MET, NOT_MET, NOT_APPLICABLE, UNKNOWN, NOT_YET = "met", "not_met", "not_applicable", "unknown", "not_yet"
WAITING = "waiting"  # stands in the way today, and a clock runs until it no longer does

# What may be answered to a part, by the kind of its criterion. An exclusion is "met" in the sense of
# "does not stand in the way" when it is absent.
PASSING = {MET, NOT_APPLICABLE, "absent"}
FAILING = {NOT_MET, "present"}

INCLUSION_ANSWERS = (("met", "Met"), ("not_met", "Not met"), ("unknown", "Unknown"))
EXCLUSION_ANSWERS = (("absent", "Absent"), ("present", "Present"), ("unknown", "Unknown"))


def answers_for(criterion, part) -> tuple[tuple[str, str], ...]:
    """The answers that may be given to a part, as (code, label)."""
    answers = EXCLUSION_ANSWERS if criterion.kind == "exclusion" else INCLUSION_ANSWERS
    if part.not_applicable:
        answers = (*answers[:2], (NOT_APPLICABLE, "Not applicable"), answers[2])
    return answers


@dataclass(frozen=True)
class Verdict:
    """The result of one criterion, and the parts that decided it."""

    criterion: object
    result: str  # met, not_met, waiting, unknown, not_yet
    deciding: tuple[str, ...]


@dataclass(frozen=True)
class Assessment:
    verdicts: tuple[Verdict, ...]

    def _with(self, result):
        return tuple(verdict.criterion.id for verdict in self.verdicts if verdict.result == result)

    @property
    def failed(self):
        return self._with(NOT_MET)

    @property
    def waiting(self):
        return self._with(WAITING)

    @property
    def unknown(self):
        return self._with(UNKNOWN)

    @property
    def unanswered(self):
        return self._with(NOT_YET)

    @property
    def is_eligible(self):
        return all(verdict.result == MET for verdict in self.verdicts)

    @property
    def answered(self):
        return len(self.verdicts) - len(self.unanswered)

    def sentences(self) -> list[str]:
        """Why this person cannot be enrolled now; empty when eligible."""
        reasons = []
        if self.failed:
            reasons.append(f"Not eligible by {', '.join(self.failed)}.")
        if self.waiting:
            reasons.append(f"Not yet by {', '.join(self.waiting)}: a look-back is still running.")
        if self.unknown:
            reasons.append(f"Still unknown: {', '.join(self.unknown)}. Find the evidence and answer.")
        if self.unanswered:
            reasons.append(f"Not answered yet: {', '.join(self.unanswered)}. Answer every criterion first.")
        return reasons


def assess(criteria, answers: dict[str, str]) -> Assessment:
    """`answers` maps part id to an answer code. One unknown or unanswered criterion blocks eligibility."""
    return Assessment(tuple(_verdict(criterion, answers) for criterion in criteria if criterion.answered))


def _verdict(criterion, answers):
    """An exclusion stands in the way if any of its parts is present, an inclusion as its parts combine."""
    given = {part.id: answers.get(part.id) for part in criterion.parts}
    if criterion.combine == "any" and not criterion.is_exclusion:
        return _any(criterion, given)
    for result, chosen in (
        (NOT_MET, [part for part, answer in given.items() if answer in FAILING]),
        (WAITING, [part for part, answer in given.items() if answer == WAITING]),
        (UNKNOWN, [part for part, answer in given.items() if answer == UNKNOWN]),
        (NOT_YET, [part for part, answer in given.items() if answer is None]),
    ):
        if chosen:
            return Verdict(criterion, result, tuple(chosen))
    return Verdict(criterion, MET, tuple(given))


def _any(criterion, given):
    """One passing part is enough; without one, an open part keeps the criterion open."""
    passing = tuple(part for part, answer in given.items() if answer in PASSING)
    if passing:
        return Verdict(criterion, MET, passing)
    for result, wanted in ((WAITING, WAITING), (UNKNOWN, UNKNOWN), (NOT_YET, None)):
        chosen = tuple(part for part, answer in given.items() if answer == wanted)
        if chosen:
            return Verdict(criterion, result, chosen)
    return Verdict(criterion, NOT_MET, tuple(given))
