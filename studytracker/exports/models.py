"""Exports asked for: who wanted what and why, and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when

from .datasets import all_datasets
from .formats import WRITERS
from .privacy import Level


class ExportJobQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Those who may export at every site that the export covers, and at that privacy level."""
        elsewhere = ExportJob.sites.through.objects.filter(exportjob=OuterRef("pk")).exclude(
            site__in=user.sites_where(Permission.EXPORT)
        )
        found = self.filter(~Exists(elsewhere))
        if not user.can_somewhere(Permission.EXPORT):
            return found.none()
        return found if user.can_somewhere(Permission.EXPORT_IDENTIFIED) else found.exclude(level=Level.IDENTIFIED)

    def unfinished(self):
        """Waiting or running. Served by the partial index export_unfinished."""
        return self.filter(finished_at=None, failed_at=None, cancelled_at=None)

    def workable(self, at):
        """May be taken up now: nobody works on it, or whoever did has been silent too long."""
        return self.unfinished().filter(Q(lease_until=None) | Q(lease_until__lt=at))

    def expired(self, at):
        return self.filter(finished_at__isnull=False, removed_at=None, expires_at__lte=at)

    def for_listing(self):
        return self.select_related("requested_by").prefetch_related("sites").order_by("-requested_at", "-pk")


class ExportJob(models.Model):
    """One package. What it is at the moment follows from its facts; the file is offered once `finished_at` is set."""

    datasets = models.JSONField("what")
    sites = models.ManyToManyField(Site, related_name="+")
    format = models.CharField(max_length=20)
    level = models.CharField("privacy", max_length=20, choices=Level)
    purpose = models.CharField(max_length=200)
    reason = models.CharField("reason for exporting as recorded", max_length=500, blank=True)
    as_of = models.PositiveBigIntegerField("as of audit entry", null=True, blank=True, help_text="Empty: now.")
    options = models.JSONField(default=dict, help_text="What one format alone asks for.")
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    step = models.CharField(max_length=100, blank=True)
    step_number = models.PositiveSmallIntegerField(default=0)
    rows_done = models.PositiveBigIntegerField(default=0)
    rows_total = models.PositiveBigIntegerField(default=0)

    finished_at = models.DateTimeField(null=True, blank=True)
    file_name = models.CharField(max_length=100, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    manifest = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=1000, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects = ExportJobQuerySet.as_manager()

    class Meta:
        constraints = [
            both_or_neither("cancelled_at", "cancelled_by", name="export_cancelling_whole"),
            text_when("error", "failed_at", name="export_failure_told"),
            models.CheckConstraint(
                condition=Q(finished_at=None, file_name="", sha256="", expires_at=None)
                | Q(finished_at__isnull=False, expires_at__isnull=False, failed_at=None, cancelled_at=None)
                & ~Q(file_name="")
                & ~Q(sha256=""),
                name="export_finished_with_file",
                violation_error_message="A finished export has its file, checksum and expiry, and no other does.",
            ),
            models.CheckConstraint(
                condition=~Q(level=Level.IDENTIFIED) | ~Q(reason=""),
                name="export_identified_with_reason",
                violation_error_message="An export as recorded needs its reason.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["requested_at"],
                condition=Q(finished_at=None, failed_at=None, cancelled_at=None),
                name="export_unfinished",
            ),
            models.Index(fields=["-requested_at", "-id"], name="export_history"),
        ]

    def __str__(self):
        return f"EXP-{self.pk:04d}"

    def get_absolute_url(self):
        return reverse("export", args=[self.pk])

    @property
    def state(self):
        if self.finished_at:
            return "removed" if self.removed_at else "ready"
        if self.failed_at:
            return "failed"
        if self.cancelled_at:
            return "cancelled"
        return "running" if self.attempts else "waiting"

    @property
    def is_unfinished(self):
        return self.state in ("waiting", "running")

    @property
    def site_codes(self):
        return sorted(site.code for site in self.sites.all())

    @property
    def dataset_titles(self):
        known = all_datasets()
        return [known[name].title if name in known else name for name in self.datasets]

    @property
    def format_label(self):
        return WRITERS[self.format].label if self.format in WRITERS else self.format

    @property
    def is_whole(self):
        """Holds the whole trial, whatever datasets were chosen."""
        return self.format in WRITERS and WRITERS[self.format].write is None

    @property
    def steps_total(self):
        return 1 if self.is_whole else len(self.datasets)


class Download(models.Model):
    """One download of a package. Rows are only added."""

    job = models.ForeignKey(ExportJob, models.PROTECT, related_name="downloads")
    downloaded_at = models.DateTimeField()
    downloaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["downloaded_at", "pk"]

    def __str__(self):
        return f"{self.job} by {self.downloaded_by}"
