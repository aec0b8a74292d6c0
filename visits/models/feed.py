"""The address under which a person's own calendar program fetches visits."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class CalendarFeedQuerySet(models.QuerySet):
    def in_force(self):
        return self.filter(revoked_at=None)


class CalendarFeed(models.Model):
    """One secret address of one person. Only the hash of its token is kept: it is shown once, when it is made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="calendar_feeds")
    token_sha256 = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    # To the hour: each fetch of a calendar program would else be a change on the trail.
    fetched_at = models.DateTimeField("last fetched", null=True, blank=True)

    objects = CalendarFeedQuerySet.as_manager()

    class Meta:
        ordering = ["made_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(revoked_at=None),
                name="feed_one_in_force",
                violation_error_message="This person has a calendar address already.",
            ),
        ]

    def __str__(self):
        return f"Calendar of {self.user}, made {self.made_at:%Y-%m-%d}"
