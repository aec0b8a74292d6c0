"""What leaves of the visits."""

from participants.datasets import PARTICIPANT, SITE
from studytracker.exports.datasets import Column, Dataset, Kind

from .models import Deviation, Visit, VisitProcedure

visits = Dataset(
    "visits",
    "Visits",
    lambda: Visit.objects.order_by("participant__site", "participant__number", "order", "pk"),
    (
        PARTICIPANT,
        SITE,
        Column("visit", "Visit", "code", Kind.CODE),
        Column("unplanned", "Kind of a visit outside the schedule", "unplanned", Kind.CODE),
        Column("target", "Target", "target_on", Kind.DATE),
        Column("opens", "First day of the window", "opens_on", Kind.DATE),
        Column("closes", "Last day of the window", "closes_on", Kind.DATE),
        Column("attended", "Date attended", "attended_on", Kind.DATE),
        Column("visit_type", "How it took place", "visit_type", Kind.CODE, vocabulary="visit_type"),
        Column("out_of_window_reason", "Reason for being out of its window", "out_of_window_reason", Kind.TEXT),
        Column("late_entry_reason", "Reason for a late entry", "late_entry_reason", Kind.TEXT),
        Column("missed_reason", "Reason for a missed visit", "missed_reason", Kind.TEXT),
        Column("note", "Note", "note", Kind.TEXT),
        Column("logged", "Logged at", "attended_at", Kind.STAMP),
        Column("logged_by", "Logged by", "attended_by__username", Kind.PERSON),
        Column("marked_missed", "Marked missed at", "missed_at", Kind.STAMP),
        Column("marked_missed_by", "Marked missed by", "missed_by__username", Kind.PERSON),
    ),
)

procedures = Dataset(
    "procedures",
    "Procedures",
    lambda: VisitProcedure.objects.order_by("visit__site", "visit__participant__number", "visit__order", "pk"),
    (
        Column("participant", "Participant", "visit__participant__identifier", Kind.PARTICIPANT),
        Column("site", "Site", "visit__site_id", Kind.SITE),
        Column("visit", "Visit", "visit__code", Kind.CODE),
        Column("procedure", "Procedure", "code", Kind.CODE),
        Column("done", "Done", "is_done", Kind.FLAG),
        Column("not_done_reason", "Reason for not being done", "not_done_reason", Kind.TEXT),
        Column("recorded", "Recorded at", "recorded_at", Kind.STAMP),
        Column("recorded_by", "Recorded by", "recorded_by__username", Kind.PERSON),
    ),
    participant="visit__participant",
    site="visit__site",
)

ABOUT_DEVIATION = (
    Column("category", "Category", "category", Kind.CODE, vocabulary="deviation_category"),
    Column("happened", "Date happened", "happened_on", Kind.DATE),
    Column("found", "Date found", "found_on", Kind.DATE),
    Column("description", "Description", "description", Kind.TEXT),
    Column("impact", "Impact", "impact", Kind.TEXT),
    Column("action", "Corrective action", "action", Kind.TEXT),
    Column("severity", "Minor or major", "severity", Kind.CODE),
    Column("reportable", "To be reported to the IRB", "is_reportable", Kind.FLAG),
    Column("reported", "Reported to the IRB on", "reported_on", Kind.DATE),
    Column("closed", "Closed on", "closed_on", Kind.DATE),
    Column("voided", "Voided at", "voided_at", Kind.STAMP),
    Column("voided_reason", "Reason for voiding", "voided_reason", Kind.TEXT),
    Column("drafted", "Drafted at", "drafted_at", Kind.STAMP),
    Column("drafted_by", "Drafted by", "drafted_by__username", Kind.PERSON),
)

deviations = Dataset(
    "deviations",
    "Deviations",
    lambda: Deviation.objects.exclude(participant=None).order_by(
        "participant__site", "participant__number", "number", "pk"
    ),
    (
        PARTICIPANT,
        SITE,
        Column("number", "Number within the participant", "number", Kind.NUMBER),
        Column("visit", "Visit", "visit__code", Kind.CODE),
        *ABOUT_DEVIATION,
    ),
)

# Of no participant, so that no privacy level has a Day 0 or a shift for their dates.
trial_deviations = Dataset(
    "trial_deviations",
    "Deviations of the trial",
    lambda: Deviation.objects.filter(participant=None).order_by("site", "number", "pk"),
    (
        Column("site", "Site", "site_id", Kind.SITE),
        Column("number", "Number within the site", "number", Kind.NUMBER),
        *ABOUT_DEVIATION,
    ),
    participant=None,
    levels=frozenset({"identified"}),
)
