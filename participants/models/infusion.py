"""Day 0, and its corrections."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from studytracker.trust.versions import Versioned

from .participant import Participant


class Infusion(Versioned):
    """The single infusion: Day 0. Planned cells are stamped as computed from the weight on that day.

    The volume and the delivered cells are known once it has stopped.
    """

    participant = models.OneToOneField(Participant, models.PROTECT, related_name="infusion")
    # The site-local day of `started_at`. Kept as a date so that the database can count protocol days.
    infused_on = models.DateField()
    started_at = models.DateTimeField(help_text="Start of the infusion, in UTC.")
    weight_kg = models.DecimalField(max_digits=5, decimal_places=2)
    planned_cells = models.PositiveBigIntegerField()
    lot = models.CharField(max_length=40)
    dose = models.OneToOneField(
        "participants.Dose", models.PROTECT, null=True, blank=True, related_name="infusion", help_text="As checked."
    )
    volume_ml = models.DecimalField("volume infused (mL)", max_digits=6, decimal_places=1, null=True, blank=True)
    delivered_cells = models.PositiveBigIntegerField(null=True, blank=True)
    stopped_at = models.DateTimeField("end of the infusion, in UTC", null=True, blank=True)
    # It took place although gates were closed: which, with what each waited for, one a line.
    closed_gates = models.TextField("gates that were closed", blank=True)
    despite_reason = models.CharField("why it was given all the same", max_length=500, blank=True)
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
            models.CheckConstraint(
                condition=Q(stopped_at=None) | Q(stopped_at__gt=F("started_at")),
                name="infusion_stopped_after_start",
                violation_error_message="The infusion ends after it started.",
            ),
            models.CheckConstraint(
                condition=Q(stopped_at=None) | Q(volume_ml__isnull=False),
                name="infusion_stopped_with_volume",
                violation_error_message="Give the volume infused with the end of the infusion.",
            ),
            models.CheckConstraint(
                condition=Q(closed_gates="", despite_reason="") | ~Q(closed_gates="") & ~Q(despite_reason=""),
                name="infusion_despite_closed_gates_whole",
                violation_error_message="Say why it was given although a gate was closed.",
            ),
        ]

    def __str__(self):
        return f"{self.participant} on {self.infused_on}"

    def get_absolute_url(self):
        return self.participant.get_absolute_url()

    @property
    def delivered_percent(self):
        """Delivered of planned cells in percent, to one decimal, or None while it is not known."""
        if self.delivered_cells is None:
            return None
        return round(Decimal(self.delivered_cells) * 100 / self.planned_cells, 1)


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
