"""Stopping rules: switched on and off, and what tripped them."""

from django.conf import settings
from django.db import models

from .event import AdverseEvent


class RuleSwitch(models.Model):
    """A stopping rule switched on or off, and why. The last row of a rule counts; without one, the protocol."""

    rule_id = models.CharField("stopping rule", max_length=40)
    is_on = models.BooleanField("switched on")
    reason = models.CharField(max_length=500)
    switched_at = models.DateTimeField()
    switched_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["switched_at", "pk"]

    def __str__(self):
        return f"{self.rule_id} {'on' if self.is_on else 'off'}"


class Trip(models.Model):
    """A stopping rule that tripped, with the hold it opened. Its evidence is kept as it was counted."""

    rule_id = models.CharField("stopping rule", max_length=40)
    protocol_version = models.CharField(max_length=20)
    words = models.CharField("what was counted", max_length=500)
    hold = models.OneToOneField("participants.Hold", models.PROTECT, related_name="+")
    tripped_at = models.DateTimeField()
    tripped_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["tripped_at", "pk"]

    def __str__(self):
        return f"{self.rule_id} at {self.tripped_at:%Y-%m-%d %H:%M}Z"


class TripEvidence(models.Model):
    """An event that counted. It trips the rule once: after the hold is lifted only another event trips it again."""

    trip = models.ForeignKey(Trip, models.PROTECT, related_name="evidence")
    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="+")
    words = models.CharField("counted because", max_length=300)
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["trip", "event"], name="evidence_once_per_trip"),
        ]

    def __str__(self):
        return f"{self.event} for {self.trip}"
