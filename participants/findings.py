"""What the record says to one part of one criterion: the result, the arithmetic in a sentence, and its clock."""

from dataclasses import dataclass, replace
from datetime import date

from studytracker.dates import day_label

from .lookback import begins

MET, NOT_MET, NOT_APPLICABLE, UNKNOWN = "met", "not_met", "not_applicable", "unknown"
ABSENT, PRESENT = "absent", "present"


@dataclass(frozen=True)
class Source:
    """One fact behind a finding, in words, with the document it was taken from and the row it is."""

    words: str
    document: str = ""
    table: str = ""
    row_id: int | None = None


@dataclass(frozen=True)
class Finding:
    """`result` is an answer code of the protocol, or None while the record does not say.

    `free_from` is the first anchor that a look-back no longer stands in the way of, as far as the record goes;
    `by_rescreening` says that the anchor is the Screening, so that only a new screening can use it.
    `worst_case`: a partial date was read as the day that is worst for the participant's safety.
    """

    result: str | None
    sentence: str
    sources: tuple[Source, ...] = ()
    free_from: date | None = None
    by_rescreening: bool = False
    goes_on: bool = False
    worst_case: bool = False
    # It was asked before, and the day of the infusion asks again: an earlier answer does not stand in for it.
    again: bool = False
    # What passes today ages: the last day of the anchor `expires_for` that this evidence serves.
    expires_on: date | None = None
    expires_for: str = ""

    @property
    def expiry(self) -> str:
        if self.result not in (MET, ABSENT) or self.expires_on is None:
            return ""
        renew = "repeat it before the infusion" if self.expires_for == "Baseline" else "screen by then or test again"
        return f"Expires on {day_label(self.expires_on)} for a {self.expires_for}: {renew}."

    @property
    def runs_out(self) -> bool:
        """Whether it stands in the way only until a day that waiting brings."""
        return self.result == PRESENT and self.free_from is not None and not self.by_rescreening


@dataclass(frozen=True)
class Anchor:
    """The day a look-back counts from, and what it is called."""

    name: str
    on: date

    def __str__(self):
        return f"{self.name} {day_label(self.on)}"


@dataclass(frozen=True)
class Moment:
    """When the criteria are judged: the Screening of the participant, and the Baseline to be.

    `is_day`: the Baseline is that day and no plan, so what is asked again at Baseline must have been.
    """

    screening: date
    baseline: date
    is_day: bool = False

    def anchors(self, part) -> list[Anchor]:
        """The days a part is judged at: its anchor, and Baseline again where it is checked again."""
        at_baseline = Anchor("Baseline", self.baseline)
        if part.anchor == "baseline":
            return [at_baseline]
        at_screening = Anchor("Screening", self.screening)
        return [at_screening, at_baseline] if part.recheck == "baseline" else [at_screening]


def source(row, words) -> Source:
    return Source(words, row.source, row._meta.db_table, row.pk)


def answer_code(criterion, holds: bool | None) -> str:
    """What it means for a criterion that its limits hold, do not, or may."""
    if holds is None:
        return UNKNOWN
    if criterion.is_exclusion:
        return PRESENT if holds else ABSENT
    return MET if holds else NOT_MET


def window_words(part, anchor) -> str:
    """'3 calendar months before Baseline Thu 26 Jun 2025 begin on Wed 26 Mar 2025'."""
    look_back = part.look_back
    verb = "begins" if look_back.words.startswith("1 ") else "begin"
    return f"{look_back.words} before {anchor} {verb} on {day_label(begins(look_back, anchor.on))}"


def worst(findings: list[Finding]) -> Finding:
    """Of the findings at several anchors, the one that decides: what stands in the way, else what is not known."""
    order = {PRESENT: 0, NOT_MET: 0, UNKNOWN: 1, None: 2, ABSENT: 3, MET: 3, NOT_APPLICABLE: 3}
    decided = min(findings, key=lambda finding: order[finding.result])
    first = min((each for each in findings if each.expires_on), key=lambda each: each.expires_on, default=decided)
    decided = replace(decided, expires_on=first.expires_on, expires_for=first.expires_for)
    free = [finding.free_from for finding in findings if finding.free_from and not finding.by_rescreening]
    return replace(decided, free_from=max(free)) if free and not decided.by_rescreening else decided
