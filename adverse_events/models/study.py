"""What starts the clocks that are about no event, and who was told of what they start."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when
from visits.models import Deviation

from .clock import StandingQuerySet, Voidable


class StudyQuerySet(StandingQuerySet):
    def visible_to(self, user):
        """What concerns the whole trial is seen by everybody with a role, the rest at its site."""
        sites = user.sites_where(Permission.SEE)
        return self.filter(Q(site__in=sites) | Q(site=None)) if sites else self.none()


class Milestone(Voidable):
    """A day in the life of the study from which clocks run, such as that the IND went into effect."""

    kind = models.CharField("what was reached", max_length=40)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    reached_on = models.DateField("reached on")
    reference = models.CharField("document", max_length=200)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["reached_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "site"],
                condition=Q(voided_at=None),
                name="milestone_once_a_site",
                violation_error_message="The site has reached this milestone already.",
            ),
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(voided_at=None, site=None),
                name="milestone_once",
                violation_error_message="The trial has reached this milestone already.",
            ),
            both_or_neither("voided_at", "voided_by", name="milestone_void_whole"),
            text_when("voided_reason", "voided_at", name="milestone_void_reason"),
        ]

    def __str__(self):
        return f"{self.kind_words}{f' ({self.site_id})' if self.site_id else ''}"

    @property
    def kind_words(self):
        return protocol.current().label("milestone", self.kind)


class StudyNotice(Voidable):
    """That somebody was told what a clock of the study asks for: who, when, how, and where the proof is."""

    rule_id = models.CharField("clock", max_length=40)
    occurrence = models.CharField("which of its starts", max_length=60)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    recipient = models.CharField("told", max_length=40)
    addressee = models.CharField("to whom there", max_length=200, blank=True)
    sent_at = models.DateTimeField("told at")
    method = models.CharField("how", max_length=40)
    reference = models.CharField("reference of the proof", max_length=200)
    note = models.CharField(max_length=1000, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["sent_at", "pk"]
        indexes = [models.Index(fields=["rule_id", "occurrence"], name="study_notice_of")]
        constraints = [
            both_or_neither("voided_at", "voided_by", name="study_notice_void_whole"),
            text_when("voided_reason", "voided_at", name="study_notice_void_reason"),
        ]

    def __str__(self):
        return f"{self.rule_id}: {self.recipient} told"

    @property
    def recipient_words(self):
        return protocol.current().label("recipient", self.recipient)

    @property
    def method_words(self):
        return protocol.current().label("notification_method", self.method)


class StudyBreach(models.Model):
    """That a clock about no event ran out, found once, with the deviation drafted for it.

    Without one is only the late report of what was itself the late report of a deviation (study_telling).
    """

    rule_id = models.CharField("clock", max_length=40)
    occurrence = models.CharField("which of its starts", max_length=60)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    due_at = models.DateTimeField("last instant on time")
    found_at = models.DateTimeField()
    deviation = models.OneToOneField(Deviation, models.PROTECT, null=True, blank=True, related_name="+")

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["found_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["rule_id", "occurrence"], name="study_breach_once")]

    def __str__(self):
        return f"{self.rule_id} ran out"
