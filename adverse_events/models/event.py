"""What went wrong: one row per adverse event."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Length
from django.db.models.lookups import GreaterThan
from django.urls import reverse

from participants.models import Medication, Participant
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when
from studytracker.trust.versions import Versioned
from studytracker.web.modelfields import PartialDateModelField
from visits.models import Visit

from .judgement import RELATED_TO, SERIOUSNESS, Judged, is_unanswered


class AdverseEventQuerySet(ScopedQuerySet):
    def standing(self):
        """Not voided. What is voided is shown struck through and counted nowhere."""
        return self.filter(voided_at=None)

    def serious(self):
        return self.standing().filter(is_serious=True)

    def ongoing(self):
        return self.standing().filter(is_ongoing=True)

    def incomplete(self):
        """Something the safety review needs is still open: grade, causality, outcome, whether it is of special
        interest, or the end of a past event. The same as `open_answers`.
        """
        return self.standing().filter(
            Q(grade=None) | Q(causality="") | Q(outcome="") | Q(special_interest="") | Q(is_ongoing=False, ended=None)
        )

    def with_grade_order(self):
        """Adds `grade_order`: an event without a grade sorts below grade 1 on every database."""
        return self.annotate(grade_order=Coalesce("grade", 0))

    def for_listing(self):
        return self.select_related("participant", "participant__infusion", "participant__site")

    def for_page(self):
        return self.for_listing().select_related(
            "participant__enrollment",
            "participant__site",
            "reported_by",
            "completed_by",
            "voided_by",
            "site",
            "visit",
            "medication",
        )


def _serious(*order, name):
    return models.Index(*order, "id", condition=Q(is_serious=True), name=name)


class AdverseEvent(Judged, Versioned):
    """One adverse event. The term and some start are enough to save; the rest may follow and shows as open.

    Start and end are kept as known (`2025`, `2025-06` or `2025-06-14`) and never filled in.
    """

    FOLLOWS = ("is_ongoing", "body_system")

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="adverse_events")
    # The participant's site, kept here so that one index serves each site's listing. It never changes.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    number = models.PositiveIntegerField("number within the participant")
    protocol_version = models.CharField(max_length=20)
    term = models.CharField("reported term", max_length=200)
    # As coded: the words of the CTCAE version beside it, kept here so that another version never renames them.
    dictionary_term = models.CharField(max_length=100, blank=True)
    body_system = models.CharField("system organ class", max_length=100, blank=True)
    started = PartialDateModelField("onset")
    started_time = models.TimeField("time of onset, at the site", null=True, blank=True)
    ended = PartialDateModelField("end", null=True, blank=True)
    ended_time = models.TimeField("time of the end, at the site", null=True, blank=True)
    is_ongoing = models.BooleanField("ongoing", default=True)
    ctcae_version = models.CharField("CTCAE version", max_length=10)
    action_taken = models.CharField("action taken with the infusion", max_length=60, blank=True)
    is_treated = models.BooleanField("treatment given for it", null=True, blank=True)
    treatment = models.CharField("what was given", max_length=300, blank=True)
    medication = models.ForeignKey(
        Medication, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="medicine given for it"
    )
    visit = models.ForeignKey(
        Visit, models.PROTECT, null=True, blank=True, related_name="adverse_events", verbose_name="found at the visit"
    )
    note = models.TextField(max_length=2000, blank=True)
    reported_at = models.DateTimeField()
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    completed_at = models.DateTimeField("last completed at", null=True, blank=True)
    completed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    voided_reason = models.CharField("reason for voiding", max_length=500, blank=True)

    objects = AdverseEventQuerySet.as_manager()

    class Meta:
        ordering = ["participant", "number"]
        constraints = [
            models.UniqueConstraint(fields=["participant", "number"], name="event_number_once"),
            models.CheckConstraint(
                condition=Q(grade=None) | Q(grade__gte=1, grade__lte=5),
                name="event_grade_1_to_5",
                violation_error_message="The CTCAE grade is 1, 2, 3, 4 or 5.",
            ),
            both_or_neither("completed_at", "completed_by", name="event_completion_whole"),
            both_or_neither("voided_at", "voided_by", name="event_void_whole"),
            text_when("voided_reason", "voided_at", name="event_void_reason"),
            models.CheckConstraint(
                condition=~Q(term=""),
                name="event_has_term",
                violation_error_message="Give the reported term.",
            ),
            models.CheckConstraint(
                condition=Q(is_ongoing=False) | Q(ended=None),
                name="event_ongoing_or_ended",
                violation_error_message="An ongoing event has no end date.",
            ),
            # A time belongs to a whole date: '2025-06-14' has ten characters.
            models.CheckConstraint(
                condition=Q(started_time=None) | GreaterThan(Length("started"), 9),
                name="event_onset_time_of_a_day",
                violation_error_message="A time of onset needs the whole date.",
            ),
            models.CheckConstraint(
                condition=Q(ended_time=None) | Q(Q(ended__isnull=False), GreaterThan(Length("ended"), 9)),
                name="event_end_time_of_a_day",
                violation_error_message="A time of the end needs the whole date.",
            ),
        ]
        indexes = [
            # One for each order the listing offers, ending in the key so that rows alike keep their place.
            models.Index(fields=["site", "participant", "started", "id"], name="event_listing"),
            models.Index(fields=["started", "id"], name="event_by_onset"),
            models.Index(fields=["ended", "id"], name="event_by_end"),
            models.Index(Coalesce("grade", 0), "id", name="event_by_grade"),
            # The same for the serious events alone: few, so that they cost the others nothing.
            _serious("site", "participant", "started", name="event_serious"),
            _serious("started", name="event_serious_by_onset"),
            _serious("ended", name="event_serious_by_end"),
            _serious(Coalesce("grade", 0), name="event_serious_by_grade"),
            # Filters: an answer that is rare is found by them. What is ongoing has no end, so that is in order too.
            models.Index(fields=["causality", "id"], name="event_by_causality"),
            models.Index(fields=["is_ongoing", "ended", "id"], name="event_by_course"),
        ]

    def __str__(self):
        return f"{self.participant.identifier} AE {self.number}"

    def get_absolute_url(self):
        return reverse("event", args=[self.participant.identifier, self.number])

    @property
    def completable(self):
        """The fields that are still empty and may be filled in later; an event may turn serious."""
        if self.voided_at:
            return []
        judged = ("grade", "causality", "is_suspected", "outcome", "nature", "special_interest", "aware_at")
        related = (*(field for field, _ in RELATED_TO), "related_to_text")
        reported = ("dictionary_term", "is_treated", "medication", "treatment", "visit")
        names = (*judged, *related, *reported, "action_taken", "ended", *(field for field, label in SERIOUSNESS))
        return [name for name in names if is_unanswered(name, getattr(self, name))]

    @property
    def open_answers(self):
        """What the safety review needs and nobody has answered yet."""
        if self.voided_at:
            return []
        answers = {"grade": self.grade, "causality": self.causality, "outcome": self.outcome}
        answers["special interest"] = self.special_interest
        if not self.is_ongoing:
            answers["end"] = self.ended
        return [name for name, value in answers.items() if value in (None, "")]
