"""That an open event was asked after, what was learned, and when to ask again."""

from django.conf import settings
from django.db import models

from .event import AdverseEvent


class FollowUp(models.Model):
    """One inquiry after an open event. `next_on` empty: nothing further is planned."""

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="follow_ups")
    followed_on = models.DateField("asked on")
    note = models.CharField("what was learned", max_length=1000)
    next_on = models.DateField("next follow-up due", null=True, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["event", "followed_on", "id"]
        indexes = [models.Index(fields=["event", "followed_on", "id"], name="follow_up_latest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(next_on=None) | models.Q(next_on__gt=models.F("followed_on")),
                name="follow_up_goes_on",
                violation_error_message="The next follow-up comes after this one.",
            )
        ]

    def __str__(self):
        return f"{self.event} asked after on {self.followed_on}"
