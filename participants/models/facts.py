"""What every clinical fact carries: whose it is, where it is written, who recorded it, and whether it still stands."""

from django.conf import settings
from django.db import models

from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when

from .participant import Participant


class FactQuerySet(ScopedQuerySet):
    def standing(self):
        """Not voided. What is voided stays readable and counts nowhere."""
        return self.filter(voided_at=None)

    def of(self, participant):
        return self.standing().filter(participant=participant)


class Voidable(models.Model):
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    voided_reason = models.CharField("reason for voiding", max_length=500, blank=True)

    class Meta:
        abstract = True
        constraints = [
            both_or_neither("voided_at", "voided_by", name="%(class)s_void_whole"),
            text_when("voided_reason", "voided_at", name="%(class)s_void_reason"),
        ]


class ClinicalFact(Voidable):
    """One observation of one participant, with the place where its source document is."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="%(class)ss")
    # The participant's site, kept here so that one index serves each site's listing. It never changes.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    visit_code = models.CharField("visit", max_length=40, blank=True, help_text="The visit's code in the protocol.")
    protocol_version = models.CharField(max_length=20)
    source = models.CharField("source document", max_length=200, blank=True)
    acknowledged_warning = models.CharField(
        max_length=500, blank=True, help_text="What the program warned of, and the person confirmed."
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = FactQuerySet.as_manager()

    class Meta(Voidable.Meta):
        abstract = True
