"""How the judgement of an event changed: rows are only ever added, each with its time, its person and its reason."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from studytracker.rows import both_or_neither, text_when
from studytracker.web.modelfields import PartialDateModelField

from .event import AdverseEvent
from .judgement import Judged

SITE, SPONSOR = "site", "sponsor"


class Assessment(Judged):
    """Everything judged about an event, as it stood from `made_at` until the next row. The first is the report's.

    `changed` names the fields that differ from the row before; clocks are computed from these rows.
    """

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="assessments")
    number = models.PositiveIntegerField("number within the event")
    party = models.CharField("assessed by", max_length=10, choices=[(SITE, "Site"), (SPONSOR, "Sponsor")])
    changed = models.CharField("what changed", max_length=1000, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["event", "number"]
        constraints = [models.UniqueConstraint(fields=["event", "number"], name="assessment_number_once")]

    def __str__(self):
        return f"{self.event} assessment {self.number}"

    @property
    def changed_fields(self):
        return self.changed.split()


class GradeEpisode(models.Model):
    """From when the event had a grade, as known. A mistaken one is withdrawn with a reason and stays readable."""

    event = models.ForeignKey(AdverseEvent, models.PROTECT, related_name="grade_episodes")
    grade = models.PositiveSmallIntegerField("CTCAE grade")
    since = PartialDateModelField("since")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["event", "since", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(grade__gte=1, grade__lte=5),
                name="episode_grade_1_to_5",
                violation_error_message="The CTCAE grade is 1, 2, 3, 4 or 5.",
            ),
            both_or_neither("withdrawn_at", "withdrawn_by", name="episode_withdrawal_whole"),
            text_when("withdrawn_reason", "withdrawn_at", name="episode_withdrawal_reason"),
        ]

    def __str__(self):
        return f"{self.event} grade {self.grade} since {self.since}"
