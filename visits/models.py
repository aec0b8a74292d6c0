"""When participants are seen. Facts are stored; what is due, late or overdue is computed from a date."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from participants.models import Participant
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when

from . import status


class VisitQuerySet(ScopedQuerySet):
    def unresolved(self):
        """Neither logged nor marked missed. Served by the partial index visit_open_by_window."""
        return self.filter(attended_on=None, missed_at=None)

    def expected(self):
        """Unresolved, and the participant has not left before the window closed."""
        return self.unresolved().filter(
            Q(participant__withdrawn_on=None) | Q(closes_on__lt=F("participant__withdrawn_on"))
        )

    def overdue(self, on):
        """The window has closed by the site-local day `on`, and nothing was recorded."""
        return self.expected().filter(closes_on__lt=on)

    def opening_by(self, day):
        """Expected visits whose window is open, past, or opens no later than `day`."""
        return self.expected().filter(opens_on__lte=day)

    def with_status(self, today):
        """Adds `status_code`, the same answer as Visit.status, for `today` (a dict of site code to date)."""
        return self.annotate(status_code=status.expression(today))

    def for_page(self):
        return self.select_related("participant", "participant__infusion", "participant__enrollment", "site")

    def for_listing(self, today):
        return self.select_related("participant", "participant__infusion").with_status(today)


class Visit(models.Model):
    """One planned visit of one participant, with the window stamped when it was planned (both ends inclusive).

    An amendment of the protocol therefore never rewrites what was planned. Windows are empty only for a
    screening visit while there is no Day 0.
    """

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="visits")
    # The participant's site, kept here so that one index serves each site's worklist. It never changes.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    code = models.CharField(max_length=20)
    order = models.PositiveSmallIntegerField()
    target_on = models.DateField(null=True, blank=True)
    opens_on = models.DateField(null=True, blank=True)
    closes_on = models.DateField(null=True, blank=True)

    attended_on = models.DateField(null=True, blank=True)
    attended_at = models.DateTimeField("logged at", null=True, blank=True)
    attended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    out_of_window_reason = models.CharField(max_length=500, blank=True)

    missed_at = models.DateTimeField(null=True, blank=True)
    missed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    missed_reason = models.CharField(max_length=500, blank=True)

    objects = VisitQuerySet.as_manager()

    class Meta:
        ordering = ["participant", "order"]
        constraints = [
            models.UniqueConstraint(fields=["participant", "code"], name="visit_once_per_code"),
            both_or_neither("opens_on", "closes_on", name="visit_window_whole"),
            models.CheckConstraint(
                condition=Q(opens_on=None) | Q(closes_on__gte=F("opens_on")),
                name="visit_closes_after_opening",
                violation_error_message="The window cannot close before it opens.",
            ),
            both_or_neither("attended_on", "attended_at", "attended_by", name="visit_attendance_whole"),
            both_or_neither("missed_at", "missed_by", name="visit_missed_whole"),
            text_when("missed_reason", "missed_at", name="visit_missed_reason"),
            models.CheckConstraint(
                condition=Q(attended_on=None) | Q(missed_at=None),
                name="visit_attended_or_missed",
                violation_error_message="A visit is either attended or missed, not both.",
            ),
        ]
        indexes = [
            # Read by the worklists and by the overdue sweep, site by site.
            models.Index(
                fields=["site", "closes_on"],
                condition=Q(attended_on=None, missed_at=None),
                name="visit_open_by_window",
            ),
            models.Index(fields=["site", "target_on", "id"], name="visit_listing"),
        ]

    def __str__(self):
        return f"{self.participant.identifier} {self.code}"

    def get_absolute_url(self):
        return self.participant.get_absolute_url()

    @property
    def planned(self):
        """The protocol's row for this visit: name, day, window, procedures."""
        return self.participant.protocol.visit(self.code)

    def status(self, on):
        """Where the visit stands on the site-local day `on`."""
        return status.of(self, on)

    @property
    def days_out(self):
        """Days outside the window of a logged visit: negative before it opened, positive after it closed, else 0."""
        if self.attended_on is None or self.opens_on is None:
            return 0
        return days_out(self.attended_on, self.opens_on, self.closes_on)


def days_out(on, opens_on, closes_on):
    if on < opens_on:
        return (on - opens_on).days
    return max((on - closes_on).days, 0)
