from django.conf import settings
from django.db import models
from django.db.models import Q

from studytracker.protocol.models import Site
from studytracker.web.modelfields import PartialDateModelField

from .facts import ClinicalFact, FactQuerySet, Voidable
from .participant import Participant


class MedicalHistory(ClinicalFact):
    """One condition or episode. Its category, of the protocol, says which criterion it answers."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="histories")
    term = models.CharField(max_length=200)
    category = models.CharField(max_length=40, help_text="The category's code in the protocol.")
    started = PartialDateModelField("start", null=True, blank=True)
    ended = PartialDateModelField("end", null=True, blank=True)
    is_ongoing = models.BooleanField("ongoing", default=False)

    class Meta(ClinicalFact.Meta):
        ordering = ["participant", "started", "pk"]
        verbose_name_plural = "medical histories"
        constraints = [
            *ClinicalFact.Meta.constraints,
            models.CheckConstraint(
                condition=Q(is_ongoing=False) | Q(ended=None),
                name="medicalhistory_ongoing_or_ended",
                violation_error_message="An ongoing condition has no end.",
            ),
            models.CheckConstraint(
                condition=~Q(term=""),
                name="medicalhistory_has_term",
                violation_error_message="Say what the condition is.",
            ),
        ]
        indexes = [models.Index(fields=["participant", "category", "started", "id"], name="history_of_participant")]

    def __str__(self):
        return f"{self.participant.identifier} {self.term}"

    @property
    def category_words(self):
        return self.participant.protocol.history_category(self.category).label


class ListTaken(Voidable):
    """A list asked for in full up to a day: from then on, what is not on it is absent and not merely unasked."""

    LISTS = (("medicines", "Medicines"), ("histories", "Medical history"))

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="lists_taken")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=20, choices=LISTS)
    complete_on = models.DateField("complete up to")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = FactQuerySet.as_manager()

    class Meta(Voidable.Meta):
        ordering = ["complete_on", "pk"]
        verbose_name_plural = "lists taken"
        constraints = [*Voidable.Meta.constraints]

    def __str__(self):
        return f"{self.participant.identifier} {self.get_subject_display().lower()} up to {self.complete_on}"
