from django.db import models
from django.db.models import Q

from .facts import ClinicalFact
from .participant import Participant


class SledaiScore(ClinicalFact):
    """One assessment with the descriptors of the protocol. An unanswered one makes the total incomplete, not zero."""

    assessed_on = models.DateField()
    variant = models.CharField(max_length=40)
    look_back_days = models.PositiveSmallIntegerField()
    # The sums of the weights of what is present, empty while a descriptor is unanswered.
    total = models.PositiveSmallIntegerField(null=True, blank=True)
    clinical_total = models.PositiveSmallIntegerField("total without complement and DNA", null=True, blank=True)

    class Meta(ClinicalFact.Meta):
        ordering = ["assessed_on", "pk"]
        indexes = [models.Index(fields=["participant", "assessed_on", "id"], name="sledai_of_participant")]

    def __str__(self):
        return f"{self.participant.identifier} {self.variant} on {self.assessed_on}"


class SledaiItem(models.Model):
    """One descriptor of one assessment, with its weight as the protocol then gave it."""

    score = models.ForeignKey(SledaiScore, models.PROTECT, related_name="items")
    # The score's participant, kept here so that the row leads to its site by itself.
    participant = models.ForeignKey(Participant, models.PROTECT, related_name="+")
    code = models.CharField(max_length=40)
    is_present = models.BooleanField()
    weight = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["score", "code"], name="sledaiitem_once_per_score"),
            models.CheckConstraint(
                condition=Q(weight__gt=0),
                name="sledaiitem_weight_positive",
                violation_error_message="A descriptor weighs at least 1.",
            ),
        ]

    def __str__(self):
        return f"{self.code}: {'present' if self.is_present else 'absent'}"

    @property
    def points(self):
        return self.weight if self.is_present else 0
