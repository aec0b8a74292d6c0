"""What looked like a contradiction and was confirmed by a person to be so."""

from django.conf import settings
from django.db import models

from .event import AdverseEvent


class Confirmation(models.Model):
    """The question was asked, and `confirmed_by` said that the event stands as it is. `code` is that of a Doubt."""

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="confirmations")
    code = models.CharField(max_length=40)
    sentence = models.CharField("what was asked", max_length=300)
    confirmed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["event", "id"]
        constraints = [models.UniqueConstraint(fields=["event", "code", "sentence"], name="confirmation_once")]

    def __str__(self):
        return f"{self.event}: {self.sentence}"
