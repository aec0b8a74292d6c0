"""The product: each lot as it was received, and its chain of custody with a balance that always agrees."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from studytracker import protocol
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither

from .participant import Participant


class ProductLotQuerySet(ScopedQuerySet):
    def released(self, at):
        """Released, and not past its expiry at the instant `at`."""
        return self.filter(released_at__isnull=False, expires_at__gt=at)


class ProductLot(models.Model):
    """One lot of cells at one site, in units (bags) that are thawed and given whole."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="lots")
    number = models.CharField("lot", max_length=40)
    donor_lot = models.CharField("donor lot", max_length=40)
    collected_on = models.DateField("collected from the donor on")
    cells_per_unit = models.PositiveBigIntegerField("cells in each unit")
    viability_percent = models.DecimalField("viable cells (%)", max_digits=5, decimal_places=2)
    volume_ml = models.DecimalField("volume of each unit (mL)", max_digits=6, decimal_places=1)
    expires_at = models.DateTimeField("expiry")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects = ProductLotQuerySet.as_manager()

    class Meta:
        ordering = ["site", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "number"],
                name="lot_once_per_site",
                violation_error_message="This lot is on file at this site already.",
            ),
            models.CheckConstraint(
                condition=Q(cells_per_unit__gt=0),
                name="lot_has_cells",
                violation_error_message="A unit holds more than 0 cells.",
            ),
            models.CheckConstraint(
                condition=Q(viability_percent__gt=0, viability_percent__lte=100),
                name="lot_viability_is_percent",
                violation_error_message="The viability is more than 0 and at most 100 %.",
            ),
            models.CheckConstraint(
                condition=Q(volume_ml__gt=0),
                name="lot_volume_positive",
                violation_error_message="The volume must be more than 0 mL.",
            ),
            both_or_neither("released_at", "released_by", name="lot_release_whole"),
        ]

    def __str__(self):
        return self.number

    def get_absolute_url(self):
        return reverse("lot", args=[self.pk])


class DonorTest(models.Model):
    """One infectious-disease test of the donor of a lot."""

    lot = models.ForeignKey(ProductLot, models.PROTECT, related_name="donor_tests")
    # The lot's site, kept here so that the row leads to its site by itself.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    test = models.CharField(max_length=40, help_text="A code of the protocol's donor tests.")
    is_negative = models.BooleanField("negative")
    tested_on = models.DateField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["lot", "test"], name="donor_test_once_per_lot")]

    def __str__(self):
        return f"{self.words}: {'negative' if self.is_negative else 'positive'}"

    @property
    def words(self):
        return protocol.current().label("donor_test", self.test)


class CustodyEvent(models.Model):
    """One step in the chain of custody, with the units on hand before and after it. Rows are only added.

    A corrected Day 0 alone changes one: the time of what was given then.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received", "Received"
        STORED = "stored", "Stored"
        RELEASED = "released", "Released"
        THAWED = "thawed", "Thawed"
        GIVEN = "given", "Given"
        WASTED = "wasted", "Wasted"
        RETURNED = "returned", "Returned"
        DESTROYED = "destroyed", "Destroyed"

    INTO = (Kind.RECEIVED,)
    OUT_OF = (Kind.GIVEN, Kind.WASTED, Kind.RETURNED, Kind.DESTROYED)
    WITHIN = (Kind.STORED, Kind.RELEASED, Kind.THAWED)

    lot = models.ForeignKey(ProductLot, models.PROTECT, related_name="custody")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    number = models.PositiveIntegerField("number within the lot")
    kind = models.CharField(max_length=20, choices=Kind)
    units = models.PositiveIntegerField()
    before = models.PositiveIntegerField("units on hand before")
    on_hand = models.PositiveIntegerField("units on hand after")
    happened_at = models.DateTimeField()
    participant = models.ForeignKey(Participant, models.PROTECT, null=True, blank=True, related_name="given_units")
    note = models.CharField(max_length=500, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["lot", "number"]
        constraints = [
            models.UniqueConstraint(fields=["lot", "number"], name="custody_number_once_per_lot"),
            models.CheckConstraint(
                condition=Q(kind="received", on_hand=F("before") + F("units"))
                | Q(kind__in=["given", "wasted", "returned", "destroyed"], before=F("on_hand") + F("units"))
                | Q(kind__in=["stored", "released", "thawed"], on_hand=F("before")),
                name="custody_balance_agrees",
                violation_error_message="The units on hand must follow from those before and what was done.",
            ),
            models.CheckConstraint(
                condition=Q(units__gt=0),
                name="custody_units_positive",
                violation_error_message="Give at least one unit.",
            ),
            models.CheckConstraint(
                condition=Q(kind="given", participant__isnull=False)
                | (~Q(kind="given") & Q(participant__isnull=True)),
                name="custody_given_to_somebody",
                violation_error_message="What is given is given to a participant, and nothing else is.",
            ),
        ]

    def __str__(self):
        return f"{self.lot}: {self.get_kind_display().lower()} {self.units}"
