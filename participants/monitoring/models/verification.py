"""That a monitor compared one value with its source document."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from participants.models import Participant
from participants.models.facts import Voidable
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site


class VerificationQuerySet(ScopedQuerySet):
    def standing(self):
        """Not taken back. Whether the value changed since is told by the trail (monitoring.verifying)."""
        return self.filter(voided_at=None)


class Verification(Voidable):
    """One value of one record as it stood at `entry_number`, the last entry of the trail about that record.

    Nothing has to void it: an entry after that one, about the same column, is in the trail from the very transaction
    that changed the value, by whatever way it was written.
    """

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="verifications")
    # The participant's site, kept here so that one index serves each site's listing. It never changes.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    table = models.CharField(max_length=63)
    row_id = models.CharField("record number", max_length=20)
    column = models.CharField(max_length=63)
    value = models.CharField("value as it was compared", max_length=2000)
    entry_number = models.BigIntegerField("as of entry of the trail")
    verified_at = models.DateTimeField()
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = VerificationQuerySet.as_manager()

    class Meta(Voidable.Meta):
        ordering = ["pk"]
        constraints = [
            *Voidable.Meta.constraints,
            models.UniqueConstraint(
                fields=["table", "row_id", "column", "entry_number"],
                condition=Q(voided_at=None),
                name="verification_once_as_it_stood",
                violation_error_message="This value is verified already.",
            ),
        ]
        indexes = [models.Index(fields=["participant", "table", "row_id"], name="verification_of_participant")]

    def __str__(self):
        return f"{self.table} {self.row_id}, {self.column}: {self.value}"
