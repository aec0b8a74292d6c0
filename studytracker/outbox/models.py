"""What is to be told, and what became of it. A row is the truth; a Celery message only says "look now"."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import ScopedQuerySet
from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when

# A claim is nobody's any more when its lease ends. A lease or a next try further ahead than any that is ever given
# comes from a clock that stood wrong; it must not keep the mail back.
LEASE = timedelta(minutes=5)
FURTHEST_TRY = timedelta(days=2)


class MailQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The mails about the sites where the person operates; one about several sites where it is all of them."""
        sites = user.sites_where(Permission.OPERATE)
        if sites >= {site.code for site in protocol.current().sites}:
            return self.all()
        return self.filter(site__in=sites)

    def for_log(self):
        """The delivery log, newest first. Served by mail_listing and mail_newest."""
        return self.select_related("recipient").order_by("-created_at", "-id")

    def ready(self, at):
        """May be tried now: due, or claimed by somebody whose lease has run out."""
        return self.filter(
            Q(state=Mail.State.DUE) & (Q(next_try_at__lte=at) | Q(next_try_at__gt=at + FURTHEST_TRY))
            | Q(state=Mail.State.CLAIMED) & (Q(lease_until__lt=at) | Q(lease_until__gt=at + LEASE))
        )

    def waiting(self):
        return self.filter(state__in=[Mail.State.DUE, Mail.State.CLAIMED])

    def failing(self, at):
        """Refused at least once and not out yet, given up, or left by a sender that died."""
        return self.filter(
            Q(state=Mail.State.FAILED)
            | Q(state=Mail.State.DUE) & ~Q(error="")
            | Q(state=Mail.State.CLAIMED, lease_until__lt=at)
        )


class Mail(models.Model):
    """One mail to one person: the digest of a day, an urgent one at once, or a test."""

    class Kind(models.TextChoices):
        DIGEST = "digest", "Daily digest"
        URGENT = "urgent", "Urgent, at once"
        TEST = "test", "Test"

    class Failure(models.TextChoices):
        """What the last try says about the next one."""

        SERVER = "server", "The mail server cannot be used"
        REFUSED = "refused", "Refused for now"
        UNCERTAIN = "uncertain", "No answer: it may have gone out"
        PERMANENT = "permanent", "Refused for good"

    class State(models.TextChoices):
        DUE = "due", "Waiting"
        CLAIMED = "claimed", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed, needs a person"
        CANCELLED = "cancelled", "Cancelled, nothing left to say"

    key = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.DIGEST)
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    site = models.ForeignKey(
        Site, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: about several sites."
    )
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
    failure = models.CharField(max_length=10, choices=Failure, blank=True)
    may_have_gone = models.BooleanField(
        default=False, help_text="A try ended without an answer, so a second copy is possible."
    )
    cancelled_why = models.CharField(max_length=200, blank=True)

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
            models.CheckConstraint(
                condition=Q(state="cancelled") | Q(cancelled_why=""),
                name="mail_reason_of_cancelled",
            ),
        ]
        indexes = [
            # Read by every sweep.
            models.Index(fields=["state", "next_try_at"], name="mail_ready"),
            models.Index(fields=["site", "-created_at"], name="mail_listing"),
            models.Index(fields=["-created_at", "-id"], name="mail_newest"),
        ]

    def __str__(self):
        return f"{self.key} ({self.state})"

    @property
    def waits_until(self):
        """When it is tried next; None for what is not tried any more."""
        return self.next_try_at if self.state == self.State.DUE else None

    @property
    def message_id(self):
        """The same on every copy of this mail, so that a possible second copy is recognisable."""
        return f"<{self.key.replace(':', '.')}@{settings.MAIL_DOMAIN}>"


class NoticeQuerySet(ScopedQuerySet):
    def untold(self):
        """Neither in a mail nor cancelled. Served by the partial index notice_untold."""
        return self.filter(mail=None, cancelled_at=None)

    def live(self):
        return self.filter(cancelled_at=None)

    def held(self):
        """Of a matter that somebody acknowledged until a day still to end."""
        return self.filter(Exists(_in_force()))

    def not_held(self):
        return self.filter(~Exists(_in_force()) | Q(is_urgent=True))

    def cancel(self, why, at):
        return self.update(cancelled_at=at, cancelled_why=why)


def _in_force():
    about = Q(source=OuterRef("source"), object_id=OuterRef("object_id"))
    return Acknowledgement.objects.in_force().filter(about)


class Notice(models.Model):
    """The ledger: one row per matter, stage and recipient, whatever sweeps at the same time."""

    dedupe_key = models.CharField(max_length=120, unique=True)
    source = models.CharField(max_length=20, help_text="A key of settings.REMINDER_SOURCES.")
    object_id = models.BigIntegerField()
    stage = models.CharField(max_length=40)
    turn = models.PositiveIntegerField(default=0, help_text="Which time, of a stage that comes again.")
    is_urgent = models.BooleanField(default=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    mail = models.ForeignKey(Mail, models.PROTECT, null=True, blank=True, related_name="notices")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_why = models.CharField(max_length=200, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [text_when("cancelled_why", "cancelled_at", name="notice_cancelled_why")]
        indexes = [
            models.Index(
                fields=["recipient", "site"], condition=Q(mail=None, cancelled_at=None), name="notice_untold"
            ),
            # Read by the page of what is being reminded of.
            models.Index(fields=["source", "object_id"], name="notice_matter"),
        ]

    def __str__(self):
        return self.dedupe_key


class AcknowledgementQuerySet(ScopedQuerySet):
    def in_force(self):
        return self.filter(ended_at=None)


class Acknowledgement(models.Model):
    """Somebody has seen a matter and says until when nobody needs to be told of it. Ended, never deleted."""

    source = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    until_on = models.DateField(help_text="The last day, at the site, on which nobody is told.")
    reason = models.CharField(max_length=500)
    acknowledged_at = models.DateTimeField()
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AcknowledgementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "object_id"],
                condition=Q(ended_at=None),
                name="acknowledgement_one_in_force",
                violation_error_message="This is acknowledged already.",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="acknowledgement_reason",
                violation_error_message="Say why nobody needs to be reminded until then.",
            ),
        ]

    def __str__(self):
        return f"{self.source} {self.object_id} until {self.until_on}"

    @property
    def until_words(self):
        return day_label(self.until_on)


class Preference(models.Model):
    """When one person wants the daily mail. Without a row, or where a time is empty, the protocol's times hold."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reminder_preference")
    digest_time = models.TimeField("daily mail at", null=True, blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)

    class Meta:
        constraints = [both_or_neither("quiet_from", "quiet_to", name="preference_quiet_hours_whole")]

    def __str__(self):
        return f"Preferences of {self.user_id}"


class MutedStage(models.Model):
    """A stage, among those that the protocol lets people do without, of which a person wants no mail."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="muted_stages")
    stage = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "stage"], name="muted_stage_once")]

    def __str__(self):
        return f"{self.stage}, muted by {self.user_id}"


class Heartbeat(models.Model):
    """When a job last ran to its end. Written by the job itself, not through the broker."""

    job = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self):
        return f"{self.job} at {self.at}"
