"""A seat under the cap, taken."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from studytracker.protocol.models import Slot
from studytracker.rows import both_or_neither

from .participant import Participant


class EnrollmentQuerySet(models.QuerySet):
    def current(self):
        """Those that hold their slot: all but the ones whose slot went to a replacement."""
        return self.filter(replaced_at=None)

    def replaceable(self):
        """Of people who left before the infusion: their slots may be given again where the protocol replaces."""
        return self.current().filter(participant__withdrawn_at__isnull=False, participant__infusion=None)


class Enrollment(models.Model):
    """A seat taken. The seats are rows of Slot, so the database itself refuses more than the cap.

    A slot is given again only where the protocol replaces those who left before the infusion; then the earlier
    enrollment is stamped as replaced, in the same transaction.
    """

    participant = models.OneToOneField(Participant, models.PROTECT, related_name="enrollment")
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="enrollments")
    enrolled_on = models.DateField()
    enrolled_at = models.DateTimeField()
    enrolled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    replaced_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["slot"],
                condition=Q(replaced_at=None),
                name="enrollment_slot_taken_once",
                violation_error_message="This slot is taken.",
            ),
            both_or_neither("replaced_at", "replaced_by", name="enrollment_replacement_whole"),
        ]

    def __str__(self):
        return f"{self.participant} in slot {self.slot_id}"

    def get_absolute_url(self):
        return self.participant.get_absolute_url()
