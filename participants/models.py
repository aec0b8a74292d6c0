"""Who takes part: screening, consent, the criteria answered, enrollment, infusion, withdrawal."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from studytracker import protocol
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site, Slot
from studytracker.rows import both_or_neither, text_when


class ParticipantQuerySet(ScopedQuerySet):
    def for_listing(self):
        """What the list of participants and the strip on each page need, in one query."""
        return self.select_related("enrollment", "infusion").order_by("site", "number")


class Participant(models.Model):
    """One person at one site, known by an identifier alone. Names and dates of birth are kept elsewhere."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="participants")
    number = models.PositiveIntegerField()
    identifier = models.CharField(max_length=20, unique=True)
    protocol_version = models.CharField(max_length=20)
    screened_on = models.DateField("date of the screening visit")
    age = models.PositiveSmallIntegerField("age in completed years at screening")
    sex = models.CharField(max_length=20)
    screened_at = models.DateTimeField()
    screened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    screen_failed_on = models.DateField(null=True, blank=True)
    screen_failed_at = models.DateTimeField(null=True, blank=True)
    screen_failed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    screen_failed_reason = models.CharField(max_length=500, blank=True)

    withdrawn_on = models.DateField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_reason = models.CharField(max_length=40, blank=True)
    withdrawn_note = models.CharField(max_length=500, blank=True)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="participant_number_once_per_site"),
            both_or_neither(
                "screen_failed_on",
                "screen_failed_at",
                "screen_failed_by",
                name="participant_screen_failure_whole",
            ),
            text_when("screen_failed_reason", "screen_failed_at", name="participant_screen_failure_reason"),
            both_or_neither("withdrawn_on", "withdrawn_at", "withdrawn_by", name="participant_withdrawal_whole"),
            text_when("withdrawn_reason", "withdrawn_at", name="participant_withdrawal_reason"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(screen_failed_at=None),
                name="participant_one_way_out",
                violation_error_message="A participant either fails screening or withdraws, not both.",
            ),
            models.CheckConstraint(
                condition=Q(screen_failed_on=None) | Q(screen_failed_on__gte=F("screened_on")),
                name="participant_failed_after_screening",
                violation_error_message="The screen failure cannot be before the screening visit.",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_on=None) | Q(withdrawn_on__gte=F("screened_on")),
                name="participant_withdrawn_after_screening",
                violation_error_message="The withdrawal cannot be before the screening visit.",
            ),
        ]

    def __str__(self):
        return self.identifier

    def get_absolute_url(self):
        return reverse("participant", args=[self.identifier])

    @property
    def protocol(self):
        """The protocol version this participant is under."""
        return protocol.version(self.protocol_version)

    @property
    def enrolled(self):
        return getattr(self, "enrollment", None)

    @property
    def infused(self):
        """The infusion, or None while there is none."""
        return getattr(self, "infusion", None)

    @property
    def infused_on(self):
        """Day 0, or None while there is none."""
        return self.infused.infused_on if self.infused else None

    @property
    def stage(self):
        """Where this participant stands, in the words of the strip and of the listing."""
        if self.withdrawn_at:
            return "Withdrawn"
        if self.screen_failed_at:
            return "Screen failure"
        if self.infused:
            return "On study"
        return "Enrolled, awaiting infusion" if self.enrolled else "In screening"

    @property
    def withdrawn_reason_words(self):
        try:
            return self.protocol.label("withdrawal_reason", self.withdrawn_reason) if self.withdrawn_reason else ""
        except protocol.UnknownCode:
            return self.withdrawn_reason

    @property
    def is_open(self):
        """Whether anything new may still be recorded on the way to, or after, the infusion."""
        return not (self.withdrawn_at or self.screen_failed_at)

    @property
    def measured(self):
        """What the record already holds of the inputs that criteria are computed from."""
        return {"age_years": Decimal(self.age)}

    @property
    def answers_by_part(self):
        return {answer.part: answer for answer in self.answers.all()}


class Consent(models.Model):
    """One signing of the consent form (21 CFR 312.62(b)). A re-consent is a new row."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="consents")
    form_version = models.CharField(max_length=20)
    signed_on = models.DateField()
    signed_at = models.DateTimeField(help_text="The instant signed, in UTC.")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["signed_at"]
        constraints = [
            models.UniqueConstraint(fields=["participant", "form_version"], name="consent_once_per_version"),
        ]

    def __str__(self):
        return f"{self.participant}: version {self.form_version} on {self.signed_on}"


class CriterionAnswer(models.Model):
    """What was answered to one part of one criterion, and on what evidence."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="answers")
    part = models.CharField(max_length=10, help_text="The part's id in the protocol, such as E2a.")
    answer = models.CharField(max_length=20)
    evidence = models.CharField(max_length=500, blank=True)
    answered_at = models.DateTimeField()
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "part"], name="answer_once_per_part"),
        ]

    def __str__(self):
        return f"{self.participant} {self.part}: {self.answer}"


class Enrollment(models.Model):
    """A seat taken. The seats are rows of Slot, so the database itself refuses more than the cap.

    A slot is never given twice, not even after a withdrawal: replacement is a decision of the protocol.
    """

    participant = models.OneToOneField(Participant, models.PROTECT, related_name="enrollment")
    slot = models.OneToOneField(Slot, models.PROTECT, related_name="enrollment")
    enrolled_on = models.DateField()
    enrolled_at = models.DateTimeField()
    enrolled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    def __str__(self):
        return f"{self.participant} in slot {self.slot_id}"

    def get_absolute_url(self):
        return self.participant.get_absolute_url()


class Infusion(models.Model):
    """The single infusion: Day 0. Planned cells are stamped as computed from the weight on that day."""

    participant = models.OneToOneField(Participant, models.PROTECT, related_name="infusion")
    # The site-local day of `started_at`. Kept as a date so that the database can count protocol days.
    infused_on = models.DateField()
    started_at = models.DateTimeField(help_text="Start of the infusion, in UTC.")
    weight_kg = models.DecimalField(max_digits=5, decimal_places=2)
    planned_cells = models.PositiveBigIntegerField()
    lot = models.CharField(max_length=40)
    volume_ml = models.DecimalField(max_digits=6, decimal_places=1)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(weight_kg__gt=0),
                name="infusion_weight_positive",
                violation_error_message="The weight must be more than 0 kg.",
            ),
            models.CheckConstraint(
                condition=Q(volume_ml__gt=0),
                name="infusion_volume_positive",
                violation_error_message="The volume must be more than 0 mL.",
            ),
            models.CheckConstraint(
                condition=Q(planned_cells__gt=0),
                name="infusion_cells_positive",
                violation_error_message="The number of cells must be more than 0.",
            ),
        ]

    def __str__(self):
        return f"{self.participant} on {self.infused_on}"

    def get_absolute_url(self):
        return self.participant.get_absolute_url()


class Day0Correction(models.Model):
    """A wrongly recorded start of the infusion, put right: from what, to what, and why. Rows are only added."""

    infusion = models.ForeignKey(Infusion, models.PROTECT, related_name="corrections")
    from_on = models.DateField("Day 0 as it was")
    to_on = models.DateField("Day 0 as corrected")
    from_started_at = models.DateTimeField()
    to_started_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    corrected_at = models.DateTimeField()
    corrected_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["corrected_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="day0_correction_reason",
                violation_error_message="A correction needs its reason.",
            ),
            models.CheckConstraint(
                condition=~Q(from_started_at=F("to_started_at")),
                name="day0_correction_corrects",
                violation_error_message="The corrected start is the one recorded already.",
            ),
        ]

    def __str__(self):
        return f"{self.infusion.participant}: Day 0 from {self.from_on} to {self.to_on}"

    def get_absolute_url(self):
        return reverse("correct_day0", args=[self.infusion.participant.identifier])


from .models_holds import Hold  # noqa: E402, F401
