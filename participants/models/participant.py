"""Who takes part, and the ways out: screen failure and withdrawal."""

from django.conf import settings
from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.urls import reverse

from studytracker import protocol
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when
from studytracker.trust.models import Signature
from studytracker.trust.versions import Versioned


class ParticipantQuerySet(ScopedQuerySet):
    def for_listing(self):
        """What the list of participants and the strip on each page need, in one query."""
        return self.select_related("enrollment", "infusion").order_by("site", "number")

    def for_worksheet(self):
        """With what the worksheet says of the lists taken and of the last signature, in the same query."""
        signature = Signature.objects.filter(kind="eligibility", key=OuterRef("identifier")).order_by("-number")
        return self.for_listing().annotate(
            signed_sha256=Subquery(signature.values("sha256")[:1]),
            signed_name=Subquery(signature.values("printed_name")[:1]),
            signed_when=Subquery(signature.values("signed_at")[:1]),
        )

    def infused_by_site(self, sites) -> dict[str, int]:
        """How many were infused at each of `sites` that has any: the N of the safety tables."""
        found = self.filter(site__in=sites, infusion__isnull=False).order_by()
        return dict(found.values("site").annotate(count=Count("pk")).values_list("site", "count"))


class Participant(Versioned):
    """One person at one site, known by an identifier alone. Names and dates of birth are kept elsewhere."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="participants")
    number = models.PositiveIntegerField()
    identifier = models.CharField(max_length=20, unique=True)
    protocol_version = models.CharField(max_length=20)
    screened_on = models.DateField("date of the screening visit")
    age = models.PositiveSmallIntegerField("age in completed years at screening")
    sex = models.CharField(max_length=20)
    screened_at = models.DateTimeField()
    screened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    screen_failed_on = models.DateField(null=True, blank=True)
    screen_failed_at = models.DateTimeField(null=True, blank=True)
    screen_failed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    screen_failed_reason = models.CharField(max_length=500, blank=True)
    screen_failed_criteria = models.CharField(
        "criteria failed", max_length=200, blank=True, help_text="Ids of the protocol, such as E2 E9."
    )
    rescreens = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="rescreened_as",
        help_text="The failed screening that this one follows.",
    )

    withdrawn_on = models.DateField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_reason = models.CharField(max_length=40, blank=True)
    withdrawn_note = models.CharField(max_length=500, blank=True)

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="participant_number_once_per_site"),
            both_or_neither(
                "screen_failed_on",
                "screen_failed_at",
                "screen_failed_by",
                name="participant_screen_failure_whole",
            ),
            text_when("screen_failed_reason", "screen_failed_at", name="participant_screen_failure_reason"),
            both_or_neither("withdrawn_on", "withdrawn_at", "withdrawn_by", name="participant_withdrawal_whole"),
            text_when("withdrawn_reason", "withdrawn_at", name="participant_withdrawal_reason"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(screen_failed_at=None),
                name="participant_one_way_out",
                violation_error_message="A participant either fails screening or withdraws, not both.",
            ),
            models.CheckConstraint(
                condition=Q(screen_failed_on=None) | Q(screen_failed_on__gte=F("screened_on")),
                name="participant_failed_after_screening",
                violation_error_message="The screen failure cannot be before the screening visit.",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_on=None) | Q(withdrawn_on__gte=F("screened_on")),
                name="participant_withdrawn_after_screening",
                violation_error_message="The withdrawal cannot be before the screening visit.",
            ),
        ]

    def __str__(self):
        return self.identifier

    def get_absolute_url(self):
        return reverse("participant", args=[self.identifier])

    @property
    def protocol(self):
        """The protocol version this participant is under."""
        return protocol.version(self.protocol_version)

    @property
    def rules_of_site(self):
        """The site in the protocol: its zone, without asking the database."""
        return protocol.current().site(self.site_id)

    def site_today(self, at):
        """The calendar date at the site at this instant."""
        return at.astimezone(self.rules_of_site.zone).date()

    @property
    def enrolled(self):
        return getattr(self, "enrollment", None)

    @property
    def infused(self):
        """The infusion, or None while there is none."""
        return getattr(self, "infusion", None)

    @property
    def infused_on(self):
        """Day 0, or None while there is none."""
        return self.infused.infused_on if self.infused else None

    @property
    def stage(self):
        """Where this participant stands, in the words of the strip and of the listing."""
        if self.withdrawn_at:
            return "Withdrawn"
        if self.screen_failed_at:
            return "Screen failure"
        if self.infused:
            return "On study"
        return "Enrolled, awaiting infusion" if self.enrolled else "In screening"

    @property
    def withdrawn_reason_words(self):
        try:
            return self.protocol.label("withdrawal_reason", self.withdrawn_reason) if self.withdrawn_reason else ""
        except protocol.UnknownCode:
            return self.withdrawn_reason

    @property
    def is_open(self):
        """Whether anything new may still be recorded on the way to, or after, the infusion."""
        return not (self.withdrawn_at or self.screen_failed_at)

    @property
    def answers_by_part(self):
        return {answer.part: answer for answer in self.answers.all()}
