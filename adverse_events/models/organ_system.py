"""The organ system that a person gave a term which the dictionary gives none."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class OrganSystem(models.Model):
    """A term put under an organ system as the registry words it. The last row of a term counts."""

    version = models.CharField("CTCAE version", max_length=10)
    term = models.CharField("dictionary term", max_length=100)
    number = models.PositiveIntegerField("number within the term")
    organ_system = models.CharField(max_length=100)
    reason = models.CharField("why it was changed", max_length=500, blank=True)
    assigned_at = models.DateTimeField()
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["version", "term", "number"]
        constraints = [
            models.UniqueConstraint("version", Lower("term"), "number", name="organ_system_number_once"),
            models.CheckConstraint(
                condition=Q(number=1) | ~Q(reason=""),
                name="organ_system_changed_with_a_reason",
                violation_error_message="Say why the organ system is changed.",
            ),
        ]

    def __str__(self):
        return f"{self.term} (CTCAE {self.version}): {self.organ_system}"
