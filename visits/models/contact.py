from django.conf import settings
from django.db import models

from .visit import Visit


class ContactAttempt(models.Model):
    """One attempt to reach a participant about a visit that did not take place. Rows are only added."""

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="contacts")
    tried_on = models.DateField()
    means = models.CharField(max_length=200, help_text="How, in the words of the protocol.")
    outcome = models.CharField(max_length=500)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["tried_on", "pk"]

    def __str__(self):
        return f"{self.visit}: {self.means} on {self.tried_on}"

    def get_absolute_url(self):
        return self.visit.get_absolute_url()
