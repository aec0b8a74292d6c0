"""Reports of a serious event: the initial one and its numbered follow-ups, each frozen as it was prepared."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from studytracker.rows import both_or_neither, text_when

from .event import AdverseEvent


class SaeReport(models.Model):
    """Number 1 is the initial report. `facts` are the event's as they stood at `prepared_at`, in words; a signature
    under the report closes it, and what is learned afterwards belongs to the next.
    """

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="reports")
    number = models.PositiveSmallIntegerField()
    is_serious = models.BooleanField("serious when it was prepared", default=True)
    facts = models.JSONField()
    narrative = models.TextField(max_length=20_000)
    prepared_at = models.DateTimeField()
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    edited_at = models.DateTimeField("narrative last edited at", null=True, blank=True)
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["event", "number"]
        constraints = [
            models.UniqueConstraint(fields=["event", "number"], name="sae_report_number_once"),
            both_or_neither("edited_at", "edited_by", name="sae_report_edit_whole"),
            models.CheckConstraint(
                condition=~Q(narrative=""),
                name="sae_report_has_narrative",
                violation_error_message="A report needs its narrative.",
            ),
        ]

    def __str__(self):
        return f"{self.event} {self.title}"

    def get_absolute_url(self):
        return reverse("sae_report", args=[self.event.participant.identifier, self.event.number, self.number])

    @property
    def title(self):
        return "initial report" if self.number == 1 else f"follow-up {self.number - 1}"

    @property
    def key(self):
        """By which it is signed."""
        return f"{self.event.participant.identifier}/{self.event.number}/{self.number}"


class ReportAttachment(models.Model):
    """A document that goes with the report, by name and place: the document itself stays in the site's file."""

    report = models.ForeignKey(SaeReport, models.PROTECT, related_name="attachments")
    title = models.CharField("document", max_length=200)
    dated_on = models.DateField("dated", null=True, blank=True)
    place = models.CharField("where it is kept", max_length=200)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["report", "id"]
        constraints = [
            both_or_neither("withdrawn_at", "withdrawn_by", name="attachment_withdrawal_whole"),
            text_when("withdrawn_reason", "withdrawn_at", name="attachment_withdrawal_reason"),
        ]

    def __str__(self):
        return self.title
