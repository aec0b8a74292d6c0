from django.db import models
from django.db.models import Q

from studytracker.web.modelfields import PartialDateModelField

from .facts import ClinicalFact


class Medication(ClinicalFact):
    """One course of one medicine at one dose: a changed dose is a new course. Dates are kept as far as known;
    no start is an unknown start, no end on a course that is not ongoing an unknown end.
    """

    drug = models.CharField("medicine as reported", max_length=120)
    drug_code = models.CharField(max_length=40, blank=True, help_text="The medicine's code in the protocol.")
    drug_class = models.CharField(max_length=40, help_text="The class's code in the protocol.")
    dose = models.DecimalField("dose, each time", max_digits=12, decimal_places=4, null=True, blank=True)
    dose_unit = models.CharField(max_length=30, blank=True)
    per_day = models.DecimalField("times a day", max_digits=6, decimal_places=3, null=True, blank=True)
    route = models.CharField(max_length=40)
    started = PartialDateModelField("first dose", null=True, blank=True)
    ended = PartialDateModelField("last dose", null=True, blank=True)
    is_ongoing = models.BooleanField("ongoing", default=False)
    indication = models.CharField(max_length=200, blank=True)

    class Meta(ClinicalFact.Meta):
        ordering = ["participant", "started", "pk"]
        constraints = [
            *ClinicalFact.Meta.constraints,
            models.CheckConstraint(
                condition=Q(is_ongoing=False) | Q(ended=None),
                name="medication_ongoing_or_ended",
                violation_error_message="An ongoing medicine has no last dose.",
            ),
            models.CheckConstraint(
                condition=Q(dose=None) | Q(dose__gt=0),
                name="medication_dose_positive",
                violation_error_message="The dose must be more than 0.",
            ),
        ]
        indexes = [
            models.Index(fields=["participant", "drug_class", "started", "id"], name="medication_of_participant")
        ]

    def __str__(self):
        return f"{self.participant.identifier} {self.drug}"

    @property
    def class_words(self):
        return self.participant.protocol.drug_class(self.drug_class).label

    @property
    def amount(self):
        """'20 mg, 2 times a day, oral' or '5 mg, once a day, oral', as far as known."""
        dose = f"{self.dose.normalize():f} {self.dose_unit}" if self.dose is not None else ""
        often = f"{self.per_day.normalize():f}" if self.per_day is not None else ""
        times = often and ("once a day" if often == "1" else f"{often} times a day")
        route = self.participant.protocol.label("route", self.route).lower()
        return ", ".join(part for part in (dose, times, route) if part)
