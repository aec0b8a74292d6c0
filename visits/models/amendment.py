"""A participant's move to an amended protocol, and what it did to each visit."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from participants.models import Participant
from studytracker.rows import both_or_neither

from .visit import Visit


class VersionChange(models.Model):
    """One participant came under another version of the protocol, by consenting to it. Rows are only added."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="version_changes")
    from_version = models.CharField(max_length=20)
    to_version = models.CharField(max_length=20)
    consented_on = models.DateField("consented to the amendment on")
    reason = models.CharField(max_length=500)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["changed_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["participant", "to_version"], name="version_change_once"),
            models.CheckConstraint(
                condition=~Q(from_version=F("to_version")) & ~Q(reason=""),
                name="version_change_changes_for_a_reason",
                violation_error_message="A change of version needs another version and a reason.",
            ),
        ]

    def __str__(self):
        return f"{self.participant}: protocol {self.from_version} to {self.to_version}"

    def get_absolute_url(self):
        return reverse("amend", args=[self.participant.identifier])


class VisitChange(models.Model):
    """What the change did to one visit: added, moved or dropped, with its window before and after. Only added."""

    ADDED, MOVED, DROPPED = "added", "moved", "dropped"

    change = models.ForeignKey(VersionChange, models.PROTECT, related_name="visits")
    visit = models.ForeignKey(Visit, models.PROTECT, related_name="version_changes")
    what = models.CharField(max_length=10, choices=[(each, each.capitalize()) for each in (ADDED, MOVED, DROPPED)])
    old_target_on = models.DateField(null=True, blank=True)
    old_opens_on = models.DateField(null=True, blank=True)
    old_closes_on = models.DateField(null=True, blank=True)
    new_target_on = models.DateField(null=True, blank=True)
    new_opens_on = models.DateField(null=True, blank=True)
    new_closes_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["change", "visit__order"]
        constraints = [
            models.UniqueConstraint(fields=["change", "visit"], name="visit_change_once"),
            both_or_neither("old_target_on", "old_opens_on", "old_closes_on", name="visit_change_old_window_whole"),
            both_or_neither("new_target_on", "new_opens_on", "new_closes_on", name="visit_change_new_window_whole"),
        ]

    def __str__(self):
        return f"{self.visit}: {self.what}"
