"""What leaves of the adverse events."""

from participants.datasets import PARTICIPANT, SITE
from studytracker.exports.datasets import Column, Dataset, Kind
from studytracker.protocol.safety import NONE_OF_THESE, NONE_OF_THESE_WORDS

from .models import RELATED_TO, SERIOUSNESS, AdverseEvent

RELATED_WORDS = {
    "infusion": "Related to the infusion procedure",
    "disease": "Related to the disease",
    "medicine": "Related to a background medicine",
    "other": "Related to something else",
}

events = Dataset(
    "adverse_events",
    "Adverse events",
    lambda: AdverseEvent.objects.order_by("participant__site", "participant__number", "number", "pk"),
    (
        PARTICIPANT,
        SITE,
        Column("number", "Number within the participant", "number", Kind.NUMBER),
        Column("term", "Reported term", "term", Kind.TEXT),
        Column("started", "Onset", "started", Kind.PARTIAL_DATE),
        Column("ended", "End", "ended", Kind.PARTIAL_DATE),
        Column("ongoing", "Ongoing", "is_ongoing", Kind.FLAG),
        Column("grade", "CTCAE grade", "grade", Kind.NUMBER),
        Column("ctcae_version", "CTCAE version", "ctcae_version", Kind.CODE),
        Column("serious", "Serious", "is_serious", Kind.FLAG),
        *(Column(name.removeprefix("is_"), label, name, Kind.FLAG) for name, label in SERIOUSNESS),
        Column("causality", "Related to the cells", "causality", Kind.CODE, vocabulary="causality"),
        *(Column(f"related_to_{code}", RELATED_WORDS[code], name, Kind.FLAG) for name, code in RELATED_TO),
        Column("related_to_text", "What else it is related to", "related_to_text", Kind.TEXT),
        Column(
            "special_interest",
            "Event of special interest; empty: not answered",
            "special_interest",
            Kind.CODE,
            vocabulary="special_interest",
            besides=((NONE_OF_THESE, NONE_OF_THESE_WORDS),),
        ),
        Column("action_taken", "Action taken", "action_taken", Kind.CODE, vocabulary="action_taken"),
        Column("outcome", "Outcome", "outcome", Kind.CODE, vocabulary="outcome"),
        Column("note", "Note", "note", Kind.TEXT),
        Column("voided", "Voided at", "voided_at", Kind.STAMP),
        Column("voided_reason", "Reason for voiding", "voided_reason", Kind.TEXT),
        Column("reported", "Reported at", "reported_at", Kind.STAMP),
        Column("reported_by", "Reported by", "reported_by__username", Kind.PERSON),
    ),
)
