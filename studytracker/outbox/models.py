"""What is to be told, and what became of it. A row is the truth; a Celery message only says "look now"."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from studytracker.access.grants import Permission
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site


class MailQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(site__in=user.sites_where(Permission.OPERATE))

    def ready(self, at):
        """May be tried now: due, or claimed by somebody whose lease has run out."""
        return self.filter(
            Q(state=Mail.State.DUE, next_try_at__lte=at) | Q(state=Mail.State.CLAIMED, lease_until__lt=at)
        )

    def failing(self, at):
        """Refused at least once and not out yet, given up, or left by a sender that died."""
        return self.filter(
            Q(state=Mail.State.FAILED)
            | Q(state=Mail.State.DUE) & ~Q(error="")
            | Q(state=Mail.State.CLAIMED, lease_until__lt=at)
        )


class Mail(models.Model):
    """One digest to one person about one site."""

    class State(models.TextChoices):
        DUE = "due", "Waiting"
        CLAIMED = "claimed", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed, needs a person"
        CANCELLED = "cancelled", "Cancelled, nothing left to say"

    key = models.CharField(max_length=100, unique=True)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    address = models.EmailField(blank=True)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    error = models.CharField(max_length=500, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at=None)),
                name="mail_sent_with_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["due", "claimed", "sent", "failed", "cancelled"]),
                name="mail_state_known",
            ),
        ]
        indexes = [
            # Read by every sweep.
            models.Index(fields=["state", "next_try_at"], name="mail_ready"),
            models.Index(fields=["site", "-created_at"], name="mail_listing"),
        ]

    def __str__(self):
        return f"{self.key} ({self.state})"

    @property
    def message_id(self):
        """The same on every copy of this mail, so that a possible second copy is recognisable."""
        return f"<{self.key.replace(':', '.')}@{settings.MAIL_DOMAIN}>"


class NoticeQuerySet(ScopedQuerySet):
    def untold(self):
        return self.filter(mail=None, cancelled_at=None)


class Notice(models.Model):
    """The ledger: one row per matter, stage and recipient, whatever sweeps at the same time."""

    dedupe_key = models.CharField(max_length=120, unique=True)
    source = models.CharField(max_length=20, help_text="A key of settings.REMINDER_SOURCES.")
    object_id = models.BigIntegerField()
    stage = models.CharField(max_length=40)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    mail = models.ForeignKey(Mail, models.PROTECT, null=True, blank=True, related_name="notices")
    cancelled_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["recipient", "site"], condition=Q(mail=None, cancelled_at=None), name="notice_untold"
            ),
        ]

    def __str__(self):
        return self.dedupe_key


class Heartbeat(models.Model):
    """When a job last ran to its end. Written by the job itself, not through the broker."""

    job = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self):
        return f"{self.job} at {self.at}"
