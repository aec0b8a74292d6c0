"""Laboratory results, and the ranges of each site's laboratory they are judged by."""

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When

from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.web.modelfields import PartialDateModelField

from .facts import ClinicalFact, Voidable

COMPARATORS = (("", "="), ("<", "<"), ("<=", "≤"), (">", ">"), (">=", "≥"))


class SiteLabRangeQuerySet(ScopedQuerySet):
    def standing(self):
        return self.filter(voided_at=None)

    def in_force(self, *, site, test, sex, on):
        """The newest range of the test at the site on that day; one for the sex goes before one for everybody."""
        return (
            self.standing()
            .filter(site=site, test=test, sex__in=["", sex], starts_on__lte=on)
            .filter(Q(ends_on=None) | Q(ends_on__gte=on))
            .order_by("-sex", "-starts_on")
            .first()
        )


class SiteLabRange(Voidable):
    """Normal limits of one test at one site's laboratory, from one day on. Rows are added, never edited."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="lab_ranges")
    test = models.CharField(max_length=20, help_text="The test's code in the protocol, such as AST.")
    sex = models.CharField(max_length=20, blank=True, help_text="Empty: both sexes.")
    low = models.DecimalField("lower limit", max_digits=16, decimal_places=6, null=True, blank=True)
    high = models.DecimalField("upper limit", max_digits=16, decimal_places=6, null=True, blank=True)
    unit = models.CharField(max_length=30)
    starts_on = models.DateField("in force from")
    ends_on = models.DateField("in force until", null=True, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = SiteLabRangeQuerySet.as_manager()

    class Meta(Voidable.Meta):
        ordering = ["site", "test", "sex", "-starts_on"]
        constraints = [
            *Voidable.Meta.constraints,
            models.UniqueConstraint(
                fields=["site", "test", "sex", "starts_on"],
                condition=Q(voided_at=None),
                name="sitelabrange_once_per_day",
                violation_error_message="This range is on file already from that day. Void it first.",
            ),
            models.CheckConstraint(
                condition=Q(low__isnull=False) | Q(high__isnull=False),
                name="sitelabrange_has_a_limit",
                violation_error_message="Give the lower limit, the upper limit, or both.",
            ),
            models.CheckConstraint(
                condition=Q(low=None) | Q(high=None) | Q(high__gte=F("low")),
                name="sitelabrange_low_below_high",
                violation_error_message="The upper limit cannot be below the lower one.",
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="sitelabrange_ends_after_start",
                violation_error_message="The range cannot end before it starts.",
            ),
        ]

    def __str__(self):
        return f"{self.test} at {self.site_id} from {self.starts_on}"


class LabResult(ClinicalFact):
    """One result of one test. A number is kept as reported and in the protocol's unit; a titer 1:160 is the number
    160. `low` and `high` are the limits of the laboratory on that day, in the protocol's unit: stamped, so that a
    later range changes no earlier decision.
    """

    test = models.CharField(max_length=20, help_text="The test's code in the protocol, such as WBC.")
    collected = PartialDateModelField("collected on")
    collected_at = models.DateTimeField("collected at", null=True, blank=True)
    comparator = models.CharField(max_length=2, blank=True, choices=COMPARATORS)
    value = models.DecimalField("value as reported", max_digits=16, decimal_places=6, null=True, blank=True)
    unit = models.CharField("unit as reported", max_length=30, blank=True)
    standard_value = models.DecimalField(max_digits=20, decimal_places=9, null=True, blank=True)
    standard_unit = models.CharField(max_length=30, blank=True)
    result = models.CharField("result in words", max_length=20, blank=True)
    low = models.DecimalField("lower limit", max_digits=20, decimal_places=9, null=True, blank=True)
    high = models.DecimalField("upper limit", max_digits=20, decimal_places=9, null=True, blank=True)
    laboratory = models.CharField(max_length=100, blank=True, help_text="Where it is not the site's own.")
    method = models.CharField(max_length=60, blank=True)
    # CDISC NRIND; the database computes it, so it cannot disagree with the limits.
    flag = models.GeneratedField(
        expression=Case(
            When(standard_value__lt=F("low"), then=Value("LOW")),
            When(standard_value__gt=F("high"), then=Value("HIGH")),
            When(
                Q(standard_value__isnull=False) & (Q(low__isnull=False) | Q(high__isnull=False)), then=Value("NORMAL")
            ),
            default=Value(""),
        ),
        output_field=models.CharField(max_length=10),
        db_persist=True,
    )

    class Meta(ClinicalFact.Meta):
        ordering = ["test", "collected", "pk"]
        constraints = [
            *ClinicalFact.Meta.constraints,
            models.CheckConstraint(
                condition=Q(value__isnull=False) | ~Q(result=""),
                name="labresult_has_a_result",
                violation_error_message="Give the value or the result.",
            ),
            models.CheckConstraint(
                condition=Q(value__isnull=True, standard_value__isnull=True)
                | Q(value__isnull=False, standard_value__isnull=False),
                name="labresult_value_converted",
                violation_error_message="A value is kept with its value in the protocol's unit.",
            ),
        ]
        indexes = [models.Index(fields=["participant", "test", "collected", "id"], name="labresult_of_participant")]

    def __str__(self):
        return f"{self.participant.identifier} {self.test} {self.reported} on {self.collected}"

    @property
    def planned(self):
        return self.participant.protocol.lab_test(self.test)

    @property
    def reported(self):
        """As the report says it: '3.4 10^9/L', '<30 U/mL', '1:160', 'Positive'."""
        return self.planned.reported(self.comparator, self.value, self.unit, self.result)

    @property
    def times_high(self):
        """The value as a multiple of the upper limit, or None while there is no limit."""
        return self.standard_value / self.high if self.standard_value is not None and self.high else None
