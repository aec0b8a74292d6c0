"""Holds: while one is open nobody is enrolled and nobody is infused where it applies."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when
from studytracker.trust.versions import Versioned, VersionedQuerySet

PROPOSED, OPEN, LIFTED, DECLINED = "Proposed", "Open", "Lifted", "Declined"
EXPLAINED = {"null": True, "blank": True}


class HoldQuerySet(VersionedQuerySet):
    def visible_to(self, user):
        """A hold over the whole trial concerns everybody who sees anything; a site's hold those of the site."""
        sites = user.sites_where(Permission.SEE)
        return self.filter(Q(site__in=sites) | Q(site=None)) if sites else self.none()

    def open(self):
        return self.filter(opened_at__isnull=False, lifted_at=None)

    def proposed(self):
        return self.filter(opened_at=None, declined_at=None)

    def unresolved(self):
        """Open or proposed: a second one with the same cause and reference is refused."""
        return self.filter(lifted_at=None, declined_at=None)

    def over(self, site_code):
        """The holds that apply at a site: its own and those over the whole trial."""
        return self.filter(Q(site=None) | Q(site=site_code))

    def for_listing(self):
        return self.select_related("proposed_by", "opened_by", "lifted_by", "declined_by")


class Hold(Versioned):
    """A stop of enrollment and infusion, over one site or, with no site, over the whole trial.

    Proposed by a coordinator and placed by an investigator, or opened at once; declined or lifted with a reason.
    """

    site = models.ForeignKey(
        Site, models.PROTECT, null=True, blank=True, related_name="holds", help_text="Empty: the whole trial."
    )
    cause = models.CharField(max_length=40, help_text="A code of the protocol's hold causes.")
    text = models.CharField("what happened", max_length=500)
    reference = models.CharField(
        max_length=100, blank=True, help_text="What it rests on, such as a stopping rule's id with its events."
    )

    proposed_at = models.DateTimeField(**EXPLAINED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", **EXPLAINED)
    opened_at = models.DateTimeField(**EXPLAINED)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", **EXPLAINED)
    declined_at = models.DateTimeField(**EXPLAINED)
    declined_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", **EXPLAINED)
    declined_reason = models.CharField(max_length=500, blank=True)
    lifted_at = models.DateTimeField(**EXPLAINED)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", **EXPLAINED)
    lifted_reason = models.CharField(max_length=500, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "reference"],
                condition=Q(lifted_at=None, declined_at=None) & ~Q(reference=""),
                name="hold_open_once_per_reference",
                violation_error_message="This hold is open or proposed already.",
            ),
            models.CheckConstraint(
                condition=Q(proposed_at__isnull=False) | Q(opened_at__isnull=False),
                name="hold_proposed_or_opened",
                violation_error_message="A hold is proposed or opened by somebody.",
            ),
            models.CheckConstraint(
                condition=Q(declined_at=None) | Q(opened_at=None),
                name="hold_declined_before_opening",
                violation_error_message="A hold that is open is lifted, not declined.",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None) | Q(lifted_at__gte=models.F("opened_at")),
                name="hold_lifted_after_opening",
                violation_error_message="A hold is lifted after it was opened.",
            ),
            models.CheckConstraint(
                condition=~Q(text=""),
                name="hold_says_why",
                violation_error_message="Say what happened: the hold shows it on every page.",
            ),
            both_or_neither("proposed_at", "proposed_by", name="hold_proposal_whole"),
            both_or_neither("opened_at", "opened_by", name="hold_opening_whole"),
            both_or_neither("declined_at", "declined_by", name="hold_decline_whole"),
            text_when("declined_reason", "declined_at", name="hold_decline_reason"),
            both_or_neither("lifted_at", "lifted_by", name="hold_lifting_whole"),
            text_when("lifted_reason", "lifted_at", name="hold_lifting_reason"),
        ]
        indexes = [
            models.Index(fields=["site"], condition=Q(lifted_at=None, declined_at=None), name="hold_unresolved"),
        ]

    def __str__(self):
        return f"Hold {self.pk} at {self.scope_words}"

    def get_absolute_url(self):
        return reverse("hold", args=[self.pk])

    @property
    def stage(self):
        if self.declined_at:
            return DECLINED
        if self.lifted_at:
            return LIFTED
        return OPEN if self.opened_at else PROPOSED

    @property
    def scope_words(self):
        return self.site_id or "every site"

    @property
    def cause_words(self):
        try:
            return protocol.current().label("hold_cause", self.cause)
        except protocol.UnknownCode:
            return self.cause

    @property
    def words(self):
        reference = f" ({self.reference})" if self.reference else ""
        return f"{self.cause_words}{reference}: {self.text}"
