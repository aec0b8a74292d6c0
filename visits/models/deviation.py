"""Departures from the protocol, from the draft to the closing."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, CharField, F, Q, Value, When
from django.urls import reverse

from participants.models import Participant
from studytracker import protocol
from studytracker.access.scope import ScopedQuerySet
from studytracker.business_days import add_business_days
from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when
from studytracker.trust.versions import Versioned

from .visit import Visit

DAYS_OF = {"days": 1, "weeks": 7}
DRAFTED, COMPLETED, CLASSIFIED, CLOSED, VOIDED = "To complete", "To classify", "To close", "Closed", "Voided"
STAGES = (DRAFTED, COMPLETED, CLASSIFIED, CLOSED, VOIDED)


class DeviationQuerySet(ScopedQuerySet):
    def open(self):
        """Still waiting for somebody. Served by the partial index deviation_open."""
        return self.filter(closed_at=None, voided_at=None)

    def with_stage(self):
        """Adds `stage_words`, the same answer as Deviation.stage."""
        stage = Case(
            When(voided_at__isnull=False, then=Value(VOIDED)),
            When(closed_at__isnull=False, then=Value(CLOSED)),
            When(classified_at__isnull=False, then=Value(CLASSIFIED)),
            When(completed_at__isnull=False, then=Value(COMPLETED)),
            default=Value(DRAFTED),
            output_field=CharField(),
        )
        return self.annotate(stage_words=stage)

    def for_listing(self):
        return self.select_related("participant", "visit", "site").with_stage()


class Severity(models.TextChoices):
    MINOR = "minor", "Minor"
    MAJOR = "major", "Major"


class Deviation(Versioned):
    """One departure from the protocol: drafted, completed by a coordinator, classified by an investigator, closed.

    The log a site must be able to show (ICH E6(R3) 2.5.3). Nothing is deleted: a wrong draft is voided, with a reason.
    """

    # None: of the trial itself, such as an annual report that came late. It stands in the log of its `site`.
    participant = models.ForeignKey(Participant, models.PROTECT, null=True, blank=True, related_name="deviations")
    # The participant's site, kept here so that one index serves each site's log. It never changes.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    visit = models.ForeignKey(Visit, models.PROTECT, null=True, blank=True, related_name="deviations")
    number = models.PositiveIntegerField("number within the participant, or within the site for one of the trial")
    category = models.CharField(max_length=40)
    happened_on = models.DateField("date happened")
    found_on = models.DateField("date found")
    description = models.CharField(max_length=2000)
    drafted_at = models.DateTimeField()
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    impact = models.CharField("impact on the participant and the data", max_length=1000, blank=True)
    action = models.CharField("corrective action", max_length=1000, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    completed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    severity = models.CharField("minor or major", max_length=10, choices=Severity, blank=True)
    is_reportable = models.BooleanField("to be reported to the IRB", null=True, blank=True)
    classified_at = models.DateTimeField(null=True, blank=True)
    classified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    reported_on = models.DateField("reported to the IRB on", null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    voided_reason = models.CharField(max_length=500, blank=True)

    objects = DeviationQuerySet.as_manager()

    class Meta:
        ordering = ["participant", "number"]
        constraints = [
            models.UniqueConstraint(fields=["participant", "number"], name="deviation_number_once"),
            models.UniqueConstraint(
                fields=["site", "number"], condition=Q(participant=None), name="deviation_of_trial_number_once"
            ),
            models.UniqueConstraint(
                fields=["visit", "category"],
                condition=Q(voided_at=None, visit__isnull=False),
                name="deviation_once_per_visit_and_category",
            ),
            both_or_neither("completed_at", "completed_by", name="deviation_completion_whole"),
            text_when("impact", "completed_at", name="deviation_impact"),
            text_when("action", "completed_at", name="deviation_action"),
            both_or_neither("classified_at", "classified_by", "is_reportable", name="deviation_classification_whole"),
            text_when("severity", "classified_at", name="deviation_severity"),
            both_or_neither("closed_on", "closed_at", "closed_by", name="deviation_closing_whole"),
            both_or_neither("voided_at", "voided_by", name="deviation_voiding_whole"),
            text_when("voided_reason", "voided_at", name="deviation_voided_reason"),
            models.CheckConstraint(
                condition=Q(classified_at=None) | Q(completed_at__isnull=False),
                name="deviation_completed_before_classified",
                violation_error_message="A deviation is completed before it is classified.",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None)
                | (Q(classified_at__isnull=False) & (Q(is_reportable=False) | Q(reported_on__isnull=False))),
                name="deviation_closed_when_reported",
                violation_error_message="A deviation is closed once classified, and reported where it must be.",
            ),
            models.CheckConstraint(
                condition=Q(happened_on__lte=F("found_on")),
                name="deviation_found_after_it_happened",
                violation_error_message="A deviation cannot be found before it happens.",
            ),
        ]
        indexes = [
            models.Index(fields=["site"], condition=Q(closed_at=None, voided_at=None), name="deviation_open"),
            models.Index(fields=["site", "found_on", "id"], name="deviation_listing"),
        ]

    def __str__(self):
        return f"{self.about} DV {self.number}"

    def get_absolute_url(self):
        return reverse("deviation", args=[self.about, self.number])

    @property
    def about(self):
        """The participant's identifier, or the code of the site that keeps a deviation of the trial."""
        return self.participant.identifier if self.participant_id else self.site_id

    @property
    def rules(self):
        """The protocol that the participant is under, or the trial today."""
        return self.participant.protocol if self.participant_id else protocol.current()

    @property
    def category_words(self):
        return self.rules.label("deviation_category", self.category)

    @property
    def is_always_reportable(self):
        """Whether the site's IRB has such a deviation reported whatever the investigator thinks."""
        return self.rules.deviation_reporting.is_always_reportable(self.site_id, self.category)

    @property
    def clock(self):
        """The reporting clock of the site for a reportable deviation, or None. It runs before anybody has classified
        what is always reportable, and not for what was voided.
        """
        if self.voided_at or not (self.is_reportable or self.is_always_reportable):
            return None
        return self.rules.deviation_clock(self.site_id)

    @property
    def report_by(self):
        """The last day on which the report is on time, or None: not reportable, or the site has configured none."""
        clock = self.clock
        if clock is None or not clock.is_configured:
            return None
        if clock.days == "business":
            return add_business_days(self.found_on, clock.amount, self.site.rules.days_off)
        return self.found_on + timedelta(days=clock.amount * DAYS_OF[clock.unit])

    @property
    def report_words(self):
        """'by Thu 3 Jul 2025 (10 business days, Emory IRB)', or that none is configured; empty for no report."""
        if self.clock is None:
            return ""
        if self.report_by is None:
            return f"{self.clock.recipient}: {self.clock.length_words}"
        return f"by {day_label(self.report_by)} ({self.clock.length_words}, {self.clock.recipient})"

    def report_state(self, on):
        """'late', 'due' or 'made' on the site-local day `on`; empty where nothing is to be reported by a day."""
        if self.report_by is None:
            return ""
        if self.reported_on:
            return "made late" if self.reported_on > self.report_by else "made"
        return "late" if on > self.report_by else "due"

    @property
    def stage(self):
        if self.voided_at:
            return VOIDED
        if self.closed_at:
            return CLOSED
        if self.classified_at:
            return CLASSIFIED
        return COMPLETED if self.completed_at else DRAFTED
