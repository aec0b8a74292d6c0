"""That a reviewer has looked at an event, row by row."""

from django.conf import settings
from django.db import models

from .event import AdverseEvent


class ReviewMark(models.Model):
    """A reviewer has seen an event as it stood at an audit entry; a later change asks for another look."""

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="review_marks")
    entry_number = models.PositiveBigIntegerField("seen as of audit entry")
    marked_at = models.DateTimeField()
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["event", "entry_number"]
        constraints = [
            models.UniqueConstraint(fields=["event", "marked_by", "entry_number"], name="mark_once_as_it_stood"),
        ]

    def __str__(self):
        return f"{self.event} as of {self.entry_number}"
