"""Meetings of the Data Safety Monitoring Board on the whole trial, what it recommended, and what followed."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from participants.models import Hold
from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.rows import both_or_neither

OPENS, LIFTS = "open", "lift"


class TrialWideQuerySet(models.QuerySet):
    def visible_to(self, user):
        """What concerns the whole trial is seen by everybody who sees any site."""
        return self if user.sites_where(Permission.SEE) else self.none()


class BoardMeeting(models.Model):
    """One meeting, with the entry of the trail that its packet was made as of. Rows are only added."""

    number = models.PositiveIntegerField(unique=True)
    held_on = models.DateField()
    purpose = models.CharField(max_length=300, help_text="Routine, or the gate for the next participant, by code.")
    cut_off_entry = models.PositiveBigIntegerField("data as of audit entry")
    document = models.CharField(max_length=200, help_text="The minutes: their title, date and place on file.")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = TrialWideQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = "meeting of the DSMB"
        constraints = [
            models.CheckConstraint(
                condition=~Q(document="") & ~Q(purpose=""),
                name="meeting_says_what_for",
                violation_error_message="Say what the meeting was for, and name its minutes.",
            ),
        ]

    def __str__(self):
        return f"DSMB meeting {self.number}"

    def get_absolute_url(self):
        return reverse("board_meeting", args=[self.number])


class Recommendation(models.Model):
    """What the board recommended at a meeting; `step` is what it does to a hold, once it is carried out."""

    meeting = models.ForeignKey(BoardMeeting, models.PROTECT, related_name="recommendations")
    recommendation = models.CharField(max_length=40, help_text="A code of the protocol's decisions of the DSMB.")
    text = models.CharField(max_length=1000)
    step = models.CharField(max_length=10, blank=True, choices=[(OPENS, "opens a hold"), (LIFTS, "lifts a hold")])
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, blank=True, related_name="recommendations")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    carried_out_at = models.DateTimeField(null=True, blank=True)
    carried_out_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = TrialWideQuerySet.as_manager()

    class Meta:
        ordering = ["meeting", "pk"]
        verbose_name = "recommendation of the DSMB"
        constraints = [
            both_or_neither("carried_out_at", "carried_out_by", name="recommendation_act_whole"),
            models.CheckConstraint(
                condition=~Q(text=""),
                name="recommendation_has_words",
                violation_error_message="Give the recommendation in the board's words.",
            ),
            models.CheckConstraint(
                condition=~Q(step=LIFTS) | Q(hold__isnull=False),
                name="recommendation_names_the_hold_it_lifts",
                violation_error_message="Choose the hold that it lifts.",
            ),
            models.CheckConstraint(
                condition=Q(carried_out_at=None) | ~Q(step=""),
                name="recommendation_carried_out_has_a_step",
                violation_error_message="There is nothing to carry out.",
            ),
        ]

    def __str__(self):
        return f"Recommendation {self.pk} of {self.meeting}"

    def get_absolute_url(self):
        return reverse("recommendation", args=[self.pk])

    @property
    def words(self):
        try:
            return protocol.current().label("dsmb_decision", self.recommendation)
        except protocol.UnknownCode:
            return self.recommendation

    @property
    def resolved_words(self):
        """How it was resolved, for the next packet."""
        if not self.step:
            return "No hold follows from it"
        if not self.carried_out_at:
            return f"To be carried out: it {self.get_step_display()}"
        done = "opened" if self.step == OPENS else "lifted"
        return f"Carried out {self.carried_out_at:%Y-%m-%d %H:%M} UTC by {self.carried_out_by}: {self.hold} {done}"
