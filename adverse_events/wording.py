"""An event in the words of its page: the codes are those of the version it was recorded under."""

from dataclasses import dataclass

from studytracker import protocol
from studytracker.protocol.safety import NONE_OF_THESE, NONE_OF_THESE_WORDS

from .consistency import VOCABULARIES
from .course import worsened
from .models import RELATED_TO, SERIOUSNESS
from .timing import days_from_infusion, duration, emergence

UNANSWERED = "Not answered yet"
ANSWER = {True: "Yes", False: "No", None: ""}
EITHER_JUDGE = (
    ("causality", "Related to the cells", "sponsor_causality"),
    ("is_suspected", "Reasonable possibility", "sponsor_is_suspected"),
)


def label(event, name, code):
    """The words for a code; the bare code should they be gone."""
    if not code:
        return ""
    if (name, code) == ("special_interest", NONE_OF_THESE):
        return NONE_OF_THESE_WORDS
    try:
        return protocol.version(event.protocol_version).label(VOCABULARIES[name], code)
    except protocol.UnknownCode:
        return code


def moment(on, clock):
    """'14-JUN-2025 10:15', 'UN-JUN-2025'."""
    return f"{on} {clock:%H:%M}" if clock else str(on or "")


def infused_local(event):
    """When the infusion began on the site's clock, or None."""
    infusion = event.participant.infused
    return infusion and infusion.started_at.astimezone(event.participant.site.zone).replace(tzinfo=None)


def emergent(event, episodes):
    """Whether the event is treatment-emergent, in words; empty before an infusion."""
    standing = [episode for episode in episodes if not episode.withdrawn_at]
    answer = emergence(event.started, event.started_time, infused_local(event), worsened(event, standing))
    return str(answer or "")


def treatment(event):
    """'Yes: prednisone, ice packs'."""
    given = ", ".join(part for part in (event.medication and event.medication.drug, event.treatment) if part)
    return ": ".join(part for part in (ANSWER[event.is_treated], given) if part)


def facts_in_words(event, today):
    """[(label, value)] of what was reported."""
    day0 = event.participant.infused_on
    lasted = duration(event.started, event.ended)
    return [
        ("Dictionary term", event.dictionary_term or "Not coded yet"),
        ("System organ class", event.body_system),
        ("CTCAE version", event.ctcae_version),
        ("Onset", moment(event.started, event.started_time)),
        ("End", "Ongoing" if event.is_ongoing else moment(event.ended, event.ended_time)),
        ("Duration (days)", str(lasted or "")),
        ("Days from infusion (D0)", str(days_from_infusion(event.started, day0, today)) if day0 else ""),
        ("Treatment-emergent", emergent(event, event.grade_episodes.all())),
        ("Disease activity or adverse event", label(event, "nature", event.nature)),
        ("Event of special interest", label(event, "special_interest", event.special_interest) or UNANSWERED),
        ("Action taken with the infusion", label(event, "action_taken", event.action_taken)),
        ("Treatment given", treatment(event)),
        ("Outcome", label(event, "outcome", event.outcome)),
        ("Found at the visit", event.visit.code if event.visit else ""),
    ]


# Whose history stands beside which of these facts: the fields of the event, by a space.
FACT_FIELDS = {
    "Dictionary term": "dictionary_term",
    "Onset": "started started_time",
    "End": "is_ongoing ended ended_time",
    "Disease activity or adverse event": "nature",
    "Event of special interest": "special_interest",
    "Action taken with the infusion": "action_taken",
    "Treatment given": "is_treated medication treatment",
    "Outcome": "outcome",
    "Found at the visit": "visit",
}


@dataclass(frozen=True)
class Judged:
    """One question, and what each judge says."""

    question: str
    investigator: str
    sponsor: str


def judges_in_words(event):
    """Investigator and sponsor side by side."""
    rows = [
        Judged(words, "Yes" if getattr(event, name) else "", "Yes" if getattr(event, f"sponsor_{name}") else "")
        for name, words in SERIOUSNESS
    ]
    for name, words, theirs in EITHER_JUDGE:
        rows.append(Judged(words, _answer(event, name), _answer(event, theirs)))
    rows += [Judged(words, answer, "") for words, answer in else_related(event)]
    by_what = f" ({event.expectedness_reference})" if event.expectedness_reference else ""
    rows.append(Judged("Expected", "", label(event, "expectedness", event.expectedness) + by_what))
    rows.append(Judged("Known since", _instant(event, event.aware_at), _instant(event, event.sponsor_received_at)))
    return rows


def else_related(event):
    """[(question, answer)] for everything besides the cells that the protocol says an event may be related to."""
    labels = dict(protocol.version(event.protocol_version).choices("related_to"))
    for name, code in RELATED_TO:
        if code in labels:
            named = f" ({event.related_to_text})" if code == "other" and event.related_to_text else ""
            yield f"Related to: {labels[code]}", f"{ANSWER[getattr(event, name)]}{named}"


def _answer(event, name):
    value = getattr(event, name)
    return label(event, name, value) if name in VOCABULARIES else ANSWER[value]


def _instant(event, at):
    return f"{at.astimezone(event.participant.site.zone):%Y-%m-%d %H:%M %Z}" if at else ""


@dataclass(frozen=True)
class Change:
    """One assessment: what it changed, from what to what."""

    assessment: object
    changes: list


def assessments_in_words(event):
    """Every assessment, newest first, each with the fields it changed. One query."""
    rows = list(event.assessments.select_related("made_by"))
    told = []
    for before, row in zip([None, *rows], rows, strict=False):
        names = row.changed_fields if before else []
        told.append(Change(row, [_change(event, name, before, row) for name in names]))
    return told[::-1]


def _change(event, name, before, row):
    words = str(row._meta.get_field(name).verbose_name)
    if name.startswith("sponsor_is_"):
        words = f"{words}, by the sponsor" if "sponsor" not in words else words
    return words, _value(event, name, getattr(before, name)), _value(event, name, getattr(row, name))


def _value(event, name, value):
    if name in VOCABULARIES:
        return label(event, name, value) or "not answered"
    if name.endswith("_at"):
        return _instant(event, value) or "not known"
    if isinstance(value, bool) or value is None:
        return ANSWER[value] or "not answered"
    return str(value) or "not answered"
