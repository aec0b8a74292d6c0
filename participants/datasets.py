"""What leaves of the participants."""

from studytracker.exports.datasets import Column, Dataset, Kind

from .models import (
    Consent,
    CriterionAnswer,
    Infusion,
    LabResult,
    MedicalHistory,
    Medication,
    Participant,
    SledaiScore,
    VitalSign,
)

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

RECORDED = (
    Column("visit", "Visit", "visit_code", Kind.CODE),
    Column("source", "Source document", "source", Kind.TEXT),
    Column("voided", "Voided at", "voided_at", Kind.STAMP),
    Column("voided_reason", "Reason for voiding", "voided_reason", Kind.TEXT),
    Column("recorded", "Recorded at", "recorded_at", Kind.STAMP),
    Column("recorded_by", "Recorded by", "recorded_by__username", Kind.PERSON),
)


def _in_order(model, *by):
    return lambda: model.objects.order_by("participant__site", "participant__number", *by, "pk")


labs = Dataset(
    "labs",
    "Laboratory results",
    _in_order(LabResult, "collected", "test"),
    (
        PARTICIPANT,
        SITE,
        Column("test", "Test", "test", Kind.CODE),
        Column("collected", "Collected", "collected", Kind.PARTIAL_DATE),
        Column("comparator", "Below or above what could be measured", "comparator", Kind.CODE),
        Column("value", "Value as reported", "value", Kind.NUMBER),
        Column("unit", "Unit as reported", "unit", Kind.CODE),
        Column("standard_value", "Value in the protocol's unit", "standard_value", Kind.NUMBER),
        Column("standard_unit", "The protocol's unit", "standard_unit", Kind.CODE),
        Column("result", "Result in words", "result", Kind.CODE),
        Column("low", "Lower limit that day", "low", Kind.NUMBER),
        Column("high", "Upper limit that day", "high", Kind.NUMBER),
        Column("flag", "Below, within or above the limits", "flag", Kind.CODE),
        *RECORDED,
    ),
)

vital_signs = Dataset(
    "vital_signs",
    "Vital signs",
    _in_order(VitalSign, "measured_on", "measured_at", "test"),
    (
        PARTICIPANT,
        SITE,
        Column("test", "Test", "test", Kind.CODE),
        Column("measured", "Date measured", "measured_on", Kind.DATE),
        Column("measured_at", "Instant measured", "measured_at", Kind.INSTANT),
        Column("time_point", "Planned time point", "time_point", Kind.CODE),
        Column("value", "Value as read", "value", Kind.NUMBER),
        Column("unit", "Unit as read", "unit", Kind.CODE),
        Column("standard_value", "Value in the protocol's unit", "standard_value", Kind.NUMBER),
        Column("standard_unit", "The protocol's unit", "standard_unit", Kind.CODE),
        *RECORDED,
    ),
)

medications = Dataset(
    "medications",
    "Medicines",
    _in_order(Medication, "started"),
    (
        PARTICIPANT,
        SITE,
        Column("medicine", "Medicine as reported", "drug", Kind.TEXT),
        Column("medicine_code", "The protocol's code of the medicine", "drug_code", Kind.CODE),
        Column("medicine_class", "Class of the medicine", "drug_class", Kind.CODE),
        Column("dose", "Dose, each time", "dose", Kind.NUMBER),
        Column("dose_unit", "Unit of the dose", "dose_unit", Kind.CODE),
        Column("per_day", "Times a day", "per_day", Kind.NUMBER),
        Column("route", "Route", "route", Kind.CODE, vocabulary="route"),
        Column("started", "First dose", "started", Kind.PARTIAL_DATE),
        Column("ended", "Last dose", "ended", Kind.PARTIAL_DATE),
        Column("ongoing", "Ongoing", "is_ongoing", Kind.FLAG),
        Column("indication", "Indication", "indication", Kind.TEXT),
        *RECORDED,
    ),
)

histories = Dataset(
    "histories",
    "Medical history",
    _in_order(MedicalHistory, "started"),
    (
        PARTICIPANT,
        SITE,
        Column("term", "Condition", "term", Kind.TEXT),
        Column("category", "Category", "category", Kind.CODE),
        Column("started", "Start", "started", Kind.PARTIAL_DATE),
        Column("ended", "End", "ended", Kind.PARTIAL_DATE),
        Column("ongoing", "Ongoing", "is_ongoing", Kind.FLAG),
        *RECORDED,
    ),
)

sledai = Dataset(
    "sledai",
    "SLEDAI",
    _in_order(SledaiScore, "assessed_on"),
    (
        PARTICIPANT,
        SITE,
        Column("assessed", "Date assessed", "assessed_on", Kind.DATE),
        Column("variant", "Variant of the score", "variant", Kind.CODE),
        Column("total", "Total", "total", Kind.NUMBER),
        Column("clinical_total", "Total without complement and DNA", "clinical_total", Kind.NUMBER),
        *RECORDED,
    ),
)
