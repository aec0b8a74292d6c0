"""When participants are seen. Facts are stored; what is due, late or overdue is computed from a date."""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from participants.models import Day0Correction, Participant
from studytracker import protocol
from studytracker.access.scope import ScopedQuerySet
from studytracker.protocol.models import Site
from studytracker.rows import both_or_neither, text_when
from studytracker.trust.versions import Versioned, VersionedQuerySet

from .. import status


class VisitQuerySet(ScopedQuerySet):
    def unresolved(self):
        """Neither logged nor marked missed. Served by the partial indexes visit_open_by_window and _by_target."""
        return self.filter(status.OPEN_STILL)

    def expected(self):
        """Unresolved, still in the protocol, and the participant has not left before the window closed."""
        return self.filter(status.EXPECTED)

    def overdue(self, on):
        """The window has closed by the site-local day `on`, and nothing was recorded."""
        return self.expected().filter(closes_on__lt=on)

    def opening_by(self, day):
        """Expected visits whose window is open, past, or opens no later than `day`."""
        return self.expected().filter(opens_on__lte=day)

    def in_either(self, one, other):
        """Those of both querysets: an index serves each, and none would serve the two conditions at once."""
        return self.filter(pk__in=one.order_by().values("pk").union(other.order_by().values("pk")))

    def with_booking(self):
        """Adds `booked_for`, the instant of the booking in force, or None."""
        in_force = Booking.objects.in_force().filter(visit=OuterRef("pk"))
        return self.annotate(booked_for=Subquery(in_force.values("starts_at")[:1]))

    def among(self, codes, today):
        """Those whose Visit.status is one of `codes`, on `today` (a dict of site code to date)."""
        return self.filter(status.among(codes, today))

    def for_page(self):
        return self.select_related("participant", "participant__infusion", "participant__enrollment", "site")

    def for_listing(self):
        return self.select_related("participant", "participant__infusion")


class Visit(Versioned):
    """One planned visit of one participant, with the window stamped when it was planned (both ends inclusive).

    An amendment of the protocol therefore never rewrites what was planned. Windows are empty only for a
    screening visit while there is no Day 0.
    """

    FOLLOWS = ("target_on", "opens_on", "closes_on")  # from Day 0

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="visits")
    # The participant's site, kept here so that one index serves each site's worklist. It never changes.
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    code = models.CharField(max_length=20)
    # For a visit outside the schedule, the protocol's code of its kind; then `code` is its own, such as U1.
    unplanned = models.CharField(max_length=40, blank=True)
    order = models.PositiveSmallIntegerField()
    # The version it took place under, once its participant has moved to a later one. Empty: the participant's own.
    protocol_version = models.CharField(max_length=20, blank=True)
    # The version that no longer has this visit; it will not take place.
    dropped_in = models.CharField(max_length=20, blank=True)
    target_on = models.DateField(null=True, blank=True)
    opens_on = models.DateField(null=True, blank=True)
    closes_on = models.DateField(null=True, blank=True)

    attended_on = models.DateField(null=True, blank=True)
    attended_at = models.DateTimeField("logged at", null=True, blank=True)
    attended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    out_of_window_reason = models.CharField(max_length=500, blank=True)
    visit_type = models.CharField("how it took place", max_length=40, blank=True)
    late_entry_reason = models.CharField(max_length=500, blank=True)
    note = models.CharField(max_length=1000, blank=True)

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
            models.CheckConstraint(
                condition=Q(opens_on=None) | Q(target_on__gte=F("opens_on"), target_on__lte=F("closes_on")),
                name="visit_target_in_window",
                violation_error_message="The target lies in its window.",
            ),
            both_or_neither("attended_on", "attended_at", "attended_by", name="visit_attendance_whole"),
            both_or_neither("missed_at", "missed_by", name="visit_missed_whole"),
            text_when("missed_reason", "missed_at", name="visit_missed_reason"),
            models.CheckConstraint(
                condition=Q(attended_on=None) | Q(missed_at=None),
                name="visit_attended_or_missed",
                violation_error_message="A visit is either attended or missed, not both.",
            ),
            models.CheckConstraint(
                condition=Q(unplanned="") | Q(opens_on=None, attended_on__isnull=False),
                name="visit_unplanned_took_place",
                violation_error_message="A visit outside the schedule has no window and has taken place.",
            ),
            models.CheckConstraint(
                condition=Q(dropped_in="") | Q(attended_on=None, missed_at=None),
                name="visit_dropped_before_it_happened",
                violation_error_message="A visit that happened cannot be dropped.",
            ),
            models.CheckConstraint(
                condition=Q(attended_on__isnull=False) | Q(visit_type="", late_entry_reason="", note=""),
                name="visit_told_when_attended",
                violation_error_message="How a visit took place is told of an attended visit only.",
            ),
        ]
        indexes = [
            # Read by the worklists and by the overdue sweep, site by site.
            models.Index(
                fields=["site", "closes_on", "opens_on"],
                condition=Q(attended_on=None, missed_at=None),
                name="visit_open_by_window",
            ),
            # Read by the calendar of a month.
            models.Index(fields=["closes_on", "id"], name="visit_by_closing"),
            # One for each order the listing offers, for one site and for several.
            models.Index(fields=["site", "target_on", "id"], name="visit_listing"),
            models.Index(fields=["target_on", "id"], name="visit_listing_all"),
            models.Index(fields=["attended_on", "id"], name="visit_by_attendance"),
            models.Index(fields=["site", "participant", "order", "id"], name="visit_by_participant"),
            models.Index(fields=["code", "target_on", "id"], name="visit_by_code"),
            # By status: what is open, read past the overdue by its last day; what was attended; and what is rare.
            models.Index(
                fields=["target_on", "id", "opens_on", "closes_on"],
                condition=Q(attended_on=None, missed_at=None),
                name="visit_open_by_target",
            ),
            models.Index(
                fields=["target_on", "id"], condition=Q(attended_on__isnull=False), name="visit_done_by_target"
            ),
            models.Index(fields=["target_on", "id"], condition=status.OUTSIDE, name="visit_done_out"),
            models.Index(fields=["target_on", "id"], condition=Q(missed_at__isnull=False), name="visit_missed"),
            models.Index(fields=["target_on", "id"], condition=~Q(dropped_in=""), name="visit_dropped"),
        ]

    def __str__(self):
        return f"{self.participant.identifier} {self.code}"

    def get_absolute_url(self):
        return self.participant.get_absolute_url()

    @property
    def planned(self):
        """The protocol's row for this visit: name and procedures, and for a planned one its day and window."""
        return self.rules.unplanned_visit(self.unplanned) if self.unplanned else self.rules.visit(self.code)

    @property
    def rules(self):
        """The protocol version this visit is under."""
        return protocol.version(self.protocol_version) if self.protocol_version else self.participant.protocol

    @property
    def needs_procedures(self):
        """Whether the protocol requires the procedures of this visit."""
        return not self.unplanned

    @property
    def type_words(self):
        return self.rules.label("visit_type", self.visit_type) if self.visit_type else ""

    def status(self, on):
        """Where the visit stands on the site-local day `on`."""
        return status.of(self, on)

    def why(self, on):
        """The date arithmetic behind that status, in words."""
        return status.why(self, on)

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


class VisitProcedure(Versioned):
    """Whether one procedure of an attended visit was done, and if not, why. Never assumed, always said by a person."""

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="procedures")
    code = models.CharField(max_length=40, help_text="The procedure's code in the protocol.")
    is_done = models.BooleanField("done")
    not_done_reason = models.CharField(max_length=500, blank=True)
    finding = models.CharField(max_length=200, blank=True, help_text="What was found, in the words of the protocol.")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["visit", "code"], name="procedure_once_per_visit"),
            models.CheckConstraint(
                condition=Q(is_done=True, not_done_reason="") | (Q(is_done=False) & ~Q(not_done_reason="")),
                name="procedure_done_or_reason",
                violation_error_message="A procedure is either done, or not done for a reason.",
            ),
            models.CheckConstraint(
                condition=Q(finding="") | Q(is_done=True),
                name="procedure_finding_when_done",
                violation_error_message="Only a procedure that was done finds something.",
            ),
        ]

    def __str__(self):
        return f"{self.visit} {self.code}: {'done' if self.is_done else 'not done'}"

    @property
    def name(self):
        return self.visit.rules.procedure(self.code).name


class BookingQuerySet(VersionedQuerySet):
    def in_force(self):
        return self.filter(cancelled_at=None)

    def between(self, days, zone):
        """Starting from the first to the last of `days` (in order, as a clock in `zone` shows them)."""
        if not days:
            return self.none()
        first, after = days[0], days[-1] + timedelta(days=1)
        begins, ends = (datetime.combine(day, time(), zone) for day in (first, after))
        return self.filter(starts_at__gte=begins, starts_at__lt=ends)


class Booking(Versioned):
    """An appointment for a visit. Moving it cancels it and makes a new one, so that the history stays."""

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="bookings")
    starts_at = models.DateTimeField(help_text="The instant agreed, in UTC; shown in the site's time.")
    booked_at = models.DateTimeField()
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    cancelled_reason = models.CharField(max_length=500, blank=True)

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["visit"],
                condition=Q(cancelled_at=None),
                name="booking_one_in_force",
                violation_error_message="This visit is booked already.",
            ),
            both_or_neither("cancelled_at", "cancelled_by", name="booking_cancelling_whole"),
            text_when("cancelled_reason", "cancelled_at", name="booking_cancelled_reason"),
        ]
        indexes = [
            # Read by the agenda of the home page.
            models.Index(fields=["starts_at"], condition=Q(cancelled_at=None), name="booking_agenda"),
        ]

    def __str__(self):
        return f"{self.visit} at {self.starts_at:%Y-%m-%d %H:%M} UTC"

    def get_absolute_url(self):
        return self.visit.get_absolute_url()


class WindowMove(models.Model):
    """What a corrected Day 0 did to one visit: its window before and after. Rows are only added."""

    correction = models.ForeignKey(Day0Correction, models.PROTECT, related_name="moves")
    visit = models.ForeignKey(Visit, models.PROTECT, related_name="moves")
    old_target_on = models.DateField()
    old_opens_on = models.DateField()
    old_closes_on = models.DateField()
    new_target_on = models.DateField()
    new_opens_on = models.DateField()
    new_closes_on = models.DateField()

    class Meta:
        ordering = ["correction", "visit__order"]
        constraints = [
            models.UniqueConstraint(fields=["correction", "visit"], name="move_once_per_correction"),
        ]

    def __str__(self):
        return f"{self.visit}: from {self.old_target_on} to {self.new_target_on}"
