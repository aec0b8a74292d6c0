"""What leaves of the participants."""

from studytracker.exports.datasets import Column, Dataset, Kind

from .models import Consent, CriterionAnswer, Infusion, Participant

PARTICIPANT = Column("participant", "Participant", "participant__identifier", Kind.PARTICIPANT)
SITE = Column("site", "Site", "participant__site_id", Kind.SITE)

participants = Dataset(
    "participants",
    "Participants",
    lambda: Participant.objects.order_by("site", "number"),
    (
        Column("participant", "Participant", "identifier", Kind.PARTICIPANT),
        Column("site", "Site", "site_id", Kind.SITE),
        Column("protocol_version", "Protocol version", "protocol_version", Kind.CODE),
        Column("age", "Age at screening", "age", Kind.AGE, unit="years"),
        Column("sex", "Sex", "sex", Kind.CODE, vocabulary="sex"),
        Column("screened", "Date of the screening visit", "screened_on", Kind.DATE),
        Column("slot", "Enrollment slot", "enrollment__slot__number", Kind.ORDER),
        Column("enrolled", "Date enrolled", "enrollment__enrolled_on", Kind.DATE),
        Column("infused", "Date of the infusion (Day 0)", "infusion__infused_on", Kind.DATE),
        Column("screen_failed", "Date of the screen failure", "screen_failed_on", Kind.DATE),
        Column("screen_failure_reason", "Reason for the screen failure", "screen_failed_reason", Kind.TEXT),
        Column("withdrawn", "Date of the withdrawal", "withdrawn_on", Kind.DATE),
        Column(
            "withdrawal_reason",
            "Reason for the withdrawal",
            "withdrawn_reason",
            Kind.CODE,
            vocabulary="withdrawal_reason",
        ),
        Column("withdrawal_note", "Note on the withdrawal", "withdrawn_note", Kind.TEXT),
        Column("recorded", "Screening recorded at", "screened_at", Kind.STAMP),
        Column("recorded_by", "Screening recorded by", "screened_by__username", Kind.PERSON),
    ),
    participant="",
)

consents = Dataset(
    "consents",
    "Consents",
    lambda: Consent.objects.order_by("participant__site", "participant__number", "signed_at", "pk"),
    (
        PARTICIPANT,
        SITE,
        Column("form_version", "Version of the consent form", "form_version", Kind.CODE),
        Column("signed", "Date signed", "signed_on", Kind.DATE),
        Column("signed_at", "Instant signed", "signed_at", Kind.INSTANT),
        Column("recorded", "Recorded at", "recorded_at", Kind.STAMP),
        Column("recorded_by", "Recorded by", "recorded_by__username", Kind.PERSON),
    ),
    site="participant__site",
)

eligibility = Dataset(
    "eligibility",
    "Eligibility",
    lambda: CriterionAnswer.objects.order_by("participant__site", "participant__number", "pk"),
    (
        PARTICIPANT,
        SITE,
        Column("part", "Part of a criterion", "part", Kind.CODE),
        Column("answer", "Answer", "answer", Kind.CODE),
        Column("evidence", "Evidence", "evidence", Kind.TEXT),
        Column("answered", "Answered at", "answered_at", Kind.STAMP),
        Column("answered_by", "Answered by", "answered_by__username", Kind.PERSON),
    ),
    site="participant__site",
)

infusions = Dataset(
    "infusions",
    "Infusions",
    lambda: Infusion.objects.order_by("participant__site", "participant__number"),
    (
        PARTICIPANT,
        SITE,
        Column("infused", "Date of the infusion (Day 0)", "infused_on", Kind.DATE),
        Column("started_at", "Start of the infusion", "started_at", Kind.INSTANT),
        Column("weight", "Weight used for the dose", "weight_kg", Kind.NUMBER, unit="kg"),
        Column("planned_cells", "Cells planned", "planned_cells", Kind.NUMBER, unit="cells"),
        Column("volume", "Volume infused", "volume_ml", Kind.NUMBER, unit="mL"),
        Column("lot", "Lot", "lot", Kind.TEXT),
        Column("recorded", "Recorded at", "recorded_at", Kind.STAMP),
        Column("recorded_by", "Recorded by", "recorded_by__username", Kind.PERSON),
    ),
    site="participant__site",
)
