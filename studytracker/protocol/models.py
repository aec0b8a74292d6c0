"""Rows that other tables point at. What they stand for is in the protocol file."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models

from studytracker import protocol


class Site(models.Model):
    code = models.CharField(max_length=40, primary_key=True)

    class Meta:
        ordering = ["code"]

    def __str__(self):
        return self.code

    @property
    def rules(self) -> protocol.SiteRules:
        return protocol.current().site(self.code)

    @property
    def zone(self) -> ZoneInfo:
        return self.rules.zone

    @staticmethod
    def choices() -> list[tuple[str, str]]:
        """The sites of the protocol, for a filter. No query."""
        return [(rules.code, rules.code) for rules in protocol.current().sites]

    @classmethod
    def todays(cls, at: datetime) -> dict[str, date]:
        """The day it is at each site of the protocol, by site code. No query."""
        return {rules.code: at.astimezone(rules.zone).date() for rules in protocol.current().sites}

    def today(self, at: datetime) -> date:
        """The calendar date at the site at this instant: windows and look-backs are counted in it."""
        return at.astimezone(self.zone).date()


class Slot(models.Model):
    """A seat under the cap. No two enrollments take the same one, so the database itself keeps the cap."""

    number = models.PositiveSmallIntegerField(primary_key=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(number__gte=1),
                name="slot_number_from_one",
                violation_error_message="Slots are numbered from 1.",
            ),
        ]

    def __str__(self):
        return f"Slot {self.number}"


class AdoptionQuerySet(models.QuerySet):
    def update(self, **changes):
        raise AdoptionIsFinal

    def delete(self):
        raise AdoptionIsFinal


class AdoptionIsFinal(Exception):
    """Data were recorded under this version, so it stays on file as it was adopted."""


class Adoption(models.Model):
    """One version of the protocol, taken into use. Rows are only ever added."""

    version = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64)
    adopted_at = models.DateTimeField()

    objects = AdoptionQuerySet.as_manager()

    class Meta:
        ordering = ["adopted_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                name="adoption_once_per_version",
                violation_error_message="This version of the protocol is adopted already.",
            ),
        ]

    def __str__(self):
        return f"Protocol {self.version} ({self.sha256[:12]})"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise AdoptionIsFinal
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise AdoptionIsFinal


class Approval(models.Model):
    """The day the IRB of a site approved an adopted version. Rows are only ever added."""

    adoption = models.ForeignKey(Adoption, models.PROTECT, related_name="approvals")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    approved_on = models.DateField("approved by the IRB on")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["approved_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["adoption", "site"],
                name="approval_once_per_site",
                violation_error_message="This version is on file as approved at this site.",
            ),
        ]

    def __str__(self):
        return f"{self.adoption.version} at {self.site_id} on {self.approved_on}"
