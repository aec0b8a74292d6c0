"""A seat under the cap, taken."""

from django.conf import settings
from django.db import models

from studytracker.protocol.models import Slot

from .participant import Participant


class Enrollment(models.Model):
    """A seat taken. The seats are rows of Slot, so the database itself refuses more than the cap.

    A slot is never given twice, not even after a withdrawal: replacement is a decision of the protocol.
    """

    participant = models.OneToOneField(Participant, models.PROTECT, related_name="enrollment")
    slot = models.OneToOneField(Slot, models.PROTECT, related_name="enrollment")
    enrolled_on = models.DateField()
    enrolled_at = models.DateTimeField()
    enrolled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    def __str__(self):
        return f"{self.participant} in slot {self.slot_id}"

    def get_absolute_url(self):
        return self.participant.get_absolute_url()
