"""Reporting clocks that run, and what is recorded about them: determinations, notifications, acknowledgements."""

from django.conf import settings
from django.db import models
from django.db.models import Case, CharField, F, Q, Value, When
from django.urls import reverse

from participants.models import Participant
from studytracker import protocol
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when
from visits.models import Deviation

from .event import AdverseEvent

# What a clock shows, in the order of the listing's filter.
BREACHED, RUNNING, WAITING, OPEN = "Breached", "Running", "Waits for its start", "Without a length"
MET, MET_LATE, CLOSED = "Met", "Met late", "Closed"
STATES = (BREACHED, RUNNING, WAITING, OPEN, MET_LATE, MET, CLOSED)
UNDONE = (BREACHED, RUNNING, WAITING, OPEN)


class ClockQuerySet(ScopedQuerySet):
    def undone(self):
        """Neither met nor closed. Served by the partial index clock_undone."""
        return self.filter(met_at=None, closed_at=None)

    def ticking(self):
        """Undone, with a deadline."""
        return self.undone().filter(due_at__isnull=False)

    def with_state(self, at):
        """Adds `state`, the same answer as Clock.state_at."""
        state = Case(
            When(closed_at__isnull=False, then=Value(CLOSED)),
            When(met_at__gt=F("due_at"), then=Value(MET_LATE)),
            When(met_at__isnull=False, then=Value(MET)),
            When(started_at=None, then=Value(WAITING)),
            When(due_at=None, then=Value(OPEN)),
            When(due_at__lt=at, then=Value(BREACHED)),
            default=Value(RUNNING),
            output_field=CharField(),
        )
        return self.annotate(state=state)

    def for_listing(self, at):
        return self.select_related("event", "participant", "deviation").with_state(at)


class Clock(models.Model):
    """One reporting clock of one event, as the protocol's rule and the facts of the event ask for it.

    Start and deadline are stamped when they are computed, and computed anew with each change of the facts; each
    such change leaves a ClockChange. Whether it runs, is met or breached is derived (`state_at`).
    """

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="clocks")
    participant = models.ForeignKey(Participant, models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    rule_id = models.CharField("clock", max_length=40)
    occurrence = models.CharField(max_length=40, blank=True, help_text="Which of several starts, for one event.")
    protocol_version = models.CharField(max_length=20)
    started_at = models.DateTimeField("runs from", null=True, blank=True)
    due_at = models.DateTimeField("last instant on time", null=True, blank=True)
    because = models.CharField("opened because", max_length=300)
    presumed = models.CharField("not answered, counts as yes", max_length=200, blank=True)
    starts = models.CharField("what it runs from", max_length=200)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    met_at = models.DateTimeField("everybody told at", null=True, blank=True)

    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    closed_reason = models.CharField("why it is closed", max_length=500, blank=True)
    is_closed_by_judgement = models.BooleanField("closed as not qualifying", default=False)

    deviation = models.OneToOneField(Deviation, models.PROTECT, null=True, blank=True, related_name="+")

    objects = ClockQuerySet.as_manager()

    class Meta:
        ordering = ["due_at", "pk"]
        verbose_name = "reporting clock"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "rule_id", "occurrence"],
                name="clock_once_per_start",
                violation_error_message="This clock runs for the event already.",
            ),
            both_or_neither("closed_at", "closed_by", name="clock_closing_whole"),
            text_when("closed_reason", "closed_at", name="clock_closing_reason"),
            models.CheckConstraint(
                condition=Q(is_closed_by_judgement=False) | Q(closed_at__isnull=False),
                name="clock_judged_when_closed",
                violation_error_message="Only a closed clock is closed as not qualifying.",
            ),
            models.CheckConstraint(
                condition=Q(due_at=None) | Q(started_at__isnull=False),
                name="clock_due_when_started",
                violation_error_message="A clock without a start has no deadline.",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "due_at", "id"], name="clock_listing"),
            models.Index(fields=["due_at"], condition=Q(met_at=None, closed_at=None), name="clock_undone"),
        ]

    def __str__(self):
        return f"{self.rule_id} of {self.event}"

    def get_absolute_url(self):
        return self.event.get_absolute_url()

    @property
    def rule(self):
        """The protocol's clock, of the version the event was recorded under."""
        return protocol.version(self.protocol_version).clock(self.rule_id)

    def state_at(self, at):
        if self.closed_at:
            return CLOSED
        if self.met_at:
            return MET_LATE if self.due_at and self.met_at > self.due_at else MET
        if not self.started_at:
            return WAITING
        if not self.due_at:
            return OPEN
        return BREACHED if self.due_at < at else RUNNING


class ClockChange(models.Model):
    """What happened to a clock: opened, moved, closed, opened again, met; with the reason of the change behind it."""

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="changes")
    words = models.CharField("what happened", max_length=500)
    reason = models.CharField(max_length=500, blank=True)
    from_due_at = models.DateTimeField(null=True, blank=True)
    to_due_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["made_at", "pk"]

    def __str__(self):
        return f"{self.clock}: {self.words}"


class Voidable(models.Model):
    """Recorded in error: it stays readable and counts nowhere."""

    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    voided_reason = models.CharField("reason for voiding", max_length=500, blank=True)

    class Meta:
        abstract = True


class StandingQuerySet(ScopedQuerySet):
    def standing(self):
        return self.filter(voided_at=None)


class Determination(Voidable):
    """Something determined about an event that starts a clock, such as that it qualifies for a report."""

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="determinations")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    kind = models.CharField("what was determined", max_length=40)
    determined_at = models.DateTimeField()
    note = models.CharField("on what grounds", max_length=1000)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = StandingQuerySet.as_manager()

    class Meta:
        ordering = ["determined_at", "pk"]
        constraints = [
            both_or_neither("voided_at", "voided_by", name="determination_void_whole"),
            text_when("voided_reason", "voided_at", name="determination_void_reason"),
        ]

    def __str__(self):
        return f"{self.event}: {self.kind}"

    def get_absolute_url(self):
        return self.event.get_absolute_url()

    @property
    def kind_words(self):
        return protocol.version(self.event.protocol_version).label("determination", self.kind)


class Notification(Voidable):
    """That somebody was told of an event: who, when, how, and where the proof is. Nothing is sent by this program."""

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="notifications")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    recipient = models.CharField("told", max_length=40)
    addressee = models.CharField("to whom there", max_length=200, blank=True)
    sent_at = models.DateTimeField("told at")
    method = models.CharField("how", max_length=40)
    reference = models.CharField("reference of the proof", max_length=200)
    note = models.CharField(max_length=1000, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = StandingQuerySet.as_manager()

    class Meta:
        ordering = ["sent_at", "pk"]
        constraints = [
            both_or_neither("voided_at", "voided_by", name="notification_void_whole"),
            text_when("voided_reason", "voided_at", name="notification_void_reason"),
        ]

    def __str__(self):
        return f"{self.event}: {self.recipient} told"

    def get_absolute_url(self):
        return reverse("event", args=[self.event.participant.identifier, self.event.number])

    def _label(self, vocabulary, code):
        return protocol.version(self.event.protocol_version).label(vocabulary, code)

    @property
    def recipient_words(self):
        return self._label("recipient", self.recipient)

    @property
    def method_words(self):
        return self._label("notification_method", self.method)


class Fulfilment(models.Model):
    """Which clock a notification answers. One act may answer several; a clock may need several recipients told."""

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="fulfilments")
    notification = models.ForeignKey(Notification, models.PROTECT, related_name="fulfilments")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["clock", "notification"], name="fulfilment_once"),
        ]

    def __str__(self):
        return f"{self.notification} answers {self.clock.rule_id}"


class InvestigatorAcknowledgementQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Those asked of this person, at whatever site the event is: 21 CFR 312.32(c)(1) tells all investigators."""
        return self.filter(investigator=user)

    def waiting(self):
        return self.filter(acknowledged_at=None, notification__voided_at=None)


class InvestigatorAcknowledgement(models.Model):
    """That one investigator, at either site, has seen a safety report."""

    notification = models.ForeignKey(Notification, models.PROTECT, related_name="acknowledgements")
    investigator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = InvestigatorAcknowledgementQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["notification", "investigator"], name="acknowledgement_once"),
            both_or_neither("acknowledged_at", "acknowledged_by", name="acknowledgement_whole"),
        ]
        indexes = [
            models.Index(fields=["investigator"], condition=Q(acknowledged_at=None), name="acknowledgement_waiting"),
        ]

    def __str__(self):
        return f"{self.investigator} of {self.notification}"
