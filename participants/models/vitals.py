from django.db import models
from django.db.models import Q

from .facts import ClinicalFact


class VitalSign(ClinicalFact):
    """One measurement. `time_point` is the planned time around the infusion it belongs to, where it has one."""

    test = models.CharField(max_length=20, help_text="The test's code in the protocol, such as SYSBP.")
    measured_on = models.DateField()
    measured_at = models.DateTimeField(null=True, blank=True)
    time_point = models.CharField(max_length=40, blank=True)
    value = models.DecimalField("value as read", max_digits=8, decimal_places=3)
    unit = models.CharField("unit as read", max_length=30)
    standard_value = models.DecimalField(max_digits=10, decimal_places=5)
    standard_unit = models.CharField(max_length=30)

    class Meta(ClinicalFact.Meta):
        ordering = ["measured_on", "measured_at", "test", "pk"]
        constraints = [
            *ClinicalFact.Meta.constraints,
            models.CheckConstraint(
                condition=Q(value__gt=0),
                name="vitalsign_value_positive",
                violation_error_message="The value must be more than 0.",
            ),
        ]
        indexes = [models.Index(fields=["participant", "test", "measured_on", "id"], name="vitalsign_of_participant")]

    def __str__(self):
        return f"{self.participant.identifier} {self.test} {self.reported} on {self.measured_on}"

    @property
    def reported(self):
        return f"{self.value.normalize():f} {self.unit}"

    @property
    def planned(self):
        return self.participant.protocol.vital_sign(self.test)
