"""Consent, and what was answered to the criteria."""

from django.conf import settings
from django.db import models

from studytracker.trust.versions import Versioned

from .participant import Participant


class Consent(Versioned):
    """One signing of the consent form (21 CFR 312.62(b)). A re-consent is a new row."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="consents")
    form_version = models.CharField(max_length=20)
    signed_on = models.DateField()
    signed_at = models.DateTimeField(help_text="The instant signed, in UTC.")
    obtained_by = models.CharField("obtained by", max_length=100, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["signed_at"]
        constraints = [
            models.UniqueConstraint(fields=["participant", "form_version"], name="consent_once_per_version"),
        ]

    def __str__(self):
        return f"{self.participant}: version {self.form_version} on {self.signed_on}"


class CriterionAnswer(Versioned):
    """What was answered to one part of one criterion, and on what evidence."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="answers")
    part = models.CharField(max_length=10, help_text="The part's id in the protocol, such as E2a.")
    answer = models.CharField(max_length=20)
    evidence = models.CharField(max_length=500, blank=True)
    overrides = models.CharField(
        max_length=20, blank=True, help_text="What the record proposed, where an investigator decided otherwise."
    )
    answered_at = models.DateTimeField()
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "part"], name="answer_once_per_part"),
        ]

    def __str__(self):
        return f"{self.participant} {self.part}: {self.answer.replace('_', ' ')}"
