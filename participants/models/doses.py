"""The dose worked out at the bench, and what interrupted its infusion."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when

from .infusion import Infusion
from .participant import Participant
from .product import ProductLot


class DoseQuerySet(ScopedQuerySet):
    def standing(self):
        return self.filter(voided_at=None)


class Dose(models.Model):
    """From weight to target cells to volume, with what was counted after thawing. A second person checks it.

    What was worked out is never edited: working it out again voids the earlier one.
    """

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="doses")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    lot = models.ForeignKey(ProductLot, models.PROTECT, related_name="doses")
    units = models.PositiveSmallIntegerField("units thawed", default=1)
    thawed_at = models.DateTimeField()
    weight_kg = models.DecimalField("body weight (kg)", max_digits=5, decimal_places=2)
    weighed_on = models.DateField()
    dose_per_kg = models.PositiveBigIntegerField("cells per kg of the protocol")
    target_cells = models.PositiveBigIntegerField()
    cells_per_ml = models.PositiveBigIntegerField("cells counted per mL")
    viability_percent = models.DecimalField("viable cells counted (%)", max_digits=5, decimal_places=2)
    volume_ml = models.DecimalField("volume to give (mL)", max_digits=6, decimal_places=1)
    prepared_at = models.DateTimeField()
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    voided_reason = models.CharField(max_length=500, blank=True)

    objects = DoseQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["participant"],
                condition=Q(voided_at=None),
                name="dose_stands_once",
                violation_error_message="A dose of this participant stands already.",
            ),
            models.CheckConstraint(
                condition=Q(
                    weight_kg__gt=0,
                    target_cells__gt=0,
                    cells_per_ml__gt=0,
                    volume_ml__gt=0,
                    units__gt=0,
                    viability_percent__gt=0,
                    viability_percent__lte=100,
                ),
                name="dose_numbers_positive",
                violation_error_message="Weight, cells, concentration, viability and volume must be more than 0.",
            ),
            models.CheckConstraint(
                condition=Q(checked_by=None) | ~Q(checked_by=F("prepared_by")),
                name="dose_checked_by_another",
                violation_error_message="The second check is made by another person.",
            ),
            both_or_neither("checked_at", "checked_by", name="dose_check_whole"),
            both_or_neither("voided_at", "voided_by", name="dose_void_whole"),
            text_when("voided_reason", "voided_at", name="dose_void_reason"),
        ]

    def __str__(self):
        return f"Dose of {self.participant}"

    def get_absolute_url(self):
        return reverse("prepare_dose", args=[self.participant.identifier])


class Interruption(models.Model):
    """The infusion stood still."""

    infusion = models.ForeignKey(Infusion, models.PROTECT, related_name="interruptions")
    participant = models.ForeignKey(Participant, models.PROTECT, related_name="+")
    began_at = models.DateTimeField("interrupted at")
    resumed_at = models.DateTimeField("resumed at", null=True, blank=True)
    reason = models.CharField(max_length=500)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["began_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(resumed_at=None) | Q(resumed_at__gt=F("began_at")),
                name="interruption_resumed_after",
                violation_error_message="The infusion resumes after it was interrupted.",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="interruption_says_why",
                violation_error_message="Say why the infusion was interrupted.",
            ),
            models.UniqueConstraint(
                fields=["infusion"],
                condition=Q(resumed_at=None),
                name="interruption_open_once",
                violation_error_message="The infusion is interrupted already.",
            ),
        ]

    def __str__(self):
        return f"{self.participant} interrupted: {self.reason}"
