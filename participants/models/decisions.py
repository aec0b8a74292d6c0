"""Decisions of the Data Safety Monitoring Board between one participant and the next."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from studytracker import protocol
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither

from .participant import Participant

GOES_ON = ("continue", "continue_with_changes")


class DsmbDecisionQuerySet(ScopedQuerySet):
    def in_force(self):
        """Confirmed by a second person, and to go on."""
        return self.filter(confirmed_at__isnull=False, decision__in=GOES_ON)


class DsmbDecision(models.Model):
    """What the board decided on one participant's safety data. Recorded by one person, confirmed by another."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="dsmb_decisions")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    decision = models.CharField(max_length=40, help_text="A code of the protocol's decisions of the DSMB.")
    decided_on = models.DateField()
    cut_off_on = models.DateField("data cut-off")
    document = models.CharField(max_length=200, help_text="The board's letter: its title, date and place on file.")
    # Why the board decided without the visits or the days the protocol waits for; empty: it waited.
    on_available_data = models.CharField("why it did not wait", max_length=500, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects = DsmbDecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "decision of the DSMB"
        verbose_name_plural = "decisions of the DSMB"
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("recorded_by")),
                name="dsmb_confirmed_by_another",
                violation_error_message="The decision is confirmed by another person.",
            ),
            both_or_neither("confirmed_at", "confirmed_by", name="dsmb_confirmation_whole"),
            models.CheckConstraint(
                condition=~Q(document=""),
                name="dsmb_names_its_document",
                violation_error_message="Name the board's document.",
            ),
        ]

    def __str__(self):
        return f"Decision of the DSMB on {self.participant}"

    def get_absolute_url(self):
        return reverse("dsmb_decision", args=[self.pk])

    @property
    def decision_words(self):
        return protocol.current().label("dsmb_decision", self.decision)

    @property
    def goes_on(self):
        return self.decision in GOES_ON
