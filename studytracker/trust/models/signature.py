"""What was signed, by whom, when and what for."""

import json

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.protocol.models import Site


class SignatureQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Those of the sites a person sees; what belongs to the whole trial is seen by all who see any site."""
        sites = user.sites_where(Permission.SEE)
        return self.filter(Q(site__in=sites) | Q(site=None) if sites else Q(pk__in=[]))

    def of(self, kind, key):
        return self.filter(kind=kind, key=key).order_by("-number")


class Signature(models.Model):
    """One signing, bound to exactly what was seen (21 CFR 11.50, 11.70). Rows are only added.

    Name, role and site are texts as they were: a later change of the account leaves them as signed.
    """

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=100)
    number = models.PositiveIntegerField("number among the signatures of this")
    title = models.CharField(max_length=300)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    document = models.TextField(help_text="What was signed, as canonical JSON.")
    sha256 = models.CharField("SHA-256 of what was signed", max_length=64)
    schema_version = models.PositiveSmallIntegerField()
    protocol_version = models.CharField(max_length=20)
    protocol_sha256 = models.CharField(max_length=64)
    entry_number = models.BigIntegerField("last entry of the trail when it was signed")
    meaning = models.CharField(max_length=300)
    comment = models.CharField(max_length=1000, blank=True)
    printed_name = models.CharField(max_length=310)
    username = models.CharField(max_length=150)
    role = models.CharField(max_length=200)
    held_at = models.CharField("site of the role", max_length=200)
    signed_at = models.DateTimeField()
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    record_sha256 = models.CharField("SHA-256 of this signature", max_length=64)

    objects = SignatureQuerySet.as_manager()

    class Meta:
        ordering = ["-signed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key", "number"],
                name="signature_number_once",
                violation_error_message="Somebody signed this at the same moment.",
            ),
            models.CheckConstraint(
                condition=~Q(meaning="") & ~Q(printed_name=""),
                name="signature_says_who_and_what",
                violation_error_message="A signature shows the printed name and its meaning.",
            ),
        ]

    def __str__(self):
        return f"{self.title}: {self.meaning}, {self.printed_name}"

    def get_absolute_url(self):
        return reverse("signature", args=[self.pk])

    @property
    def content(self):
        """What was signed: title, site, filter, what was open, facts, and the rows under it."""
        return json.loads(self.document)
