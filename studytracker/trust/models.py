"""The trail, which the database's triggers write and nothing else; what people did besides; what they signed."""

import json

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from studytracker.access.grants import Permission
from studytracker.protocol.models import Site


class EntryQuerySet(models.QuerySet):
    def visible_to(self, user, **needs):
        from .reach import visible

        return self.filter(visible(user, **needs))


class Entry(models.Model):
    """What changed, who did it and why (21 CFR 11.10(e)). No foreign keys: the trail outlives what it tells of."""

    class Op(models.TextChoices):
        INSERT = "I", "Added"
        UPDATE = "U", "Changed"
        DELETE = "D", "Removed"

    # Text, so that every microsecond and the zone are there whichever database it is.
    at = models.CharField(max_length=27)
    table = models.CharField(max_length=63, db_column="table_name")
    row_id = models.TextField()
    op = models.CharField(max_length=1, choices=Op)
    # JSON objects by column name. Of a change, only the columns that differ.
    old = models.TextField(null=True)  # noqa: DJ001
    new = models.TextField(null=True)  # noqa: DJ001
    actor_id = models.BigIntegerField(null=True)
    username = models.TextField()
    role = models.TextField()
    site = models.TextField()
    source = models.CharField(max_length=10)
    request_id = models.TextField()
    reason = models.TextField()
    dbrole = models.TextField()

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        indexes = [models.Index(fields=["table", "row_id"], name="entry_of_row")]

    def __str__(self):
        return f"{self.id} {self.op} {self.table} {self.row_id}"


class Act(models.Model):
    """What somebody did that changed no record: a sign-in, a view of a listing, an export. Rows are only added.

    The triggers bring each into the trail, with who and when, like every other row.
    """

    class Kind(models.TextChoices):
        SIGN_IN = "sign_in", "Signed in"
        SIGN_IN_FAILED = "sign_in_failed", "Sign-in failed"
        SIGN_OUT = "sign_out", "Signed out"
        LOCKED = "locked", "Locked out for a while"
        SIGNING_FAILED = "signing_failed", "Wrong password at a signature"
        PASSWORD = "password", "Password changed"  # noqa: S105
        VIEW = "view", "Listing viewed"
        EXPORT = "export", "Exported"
        PRINT = "print", "Printed"
        MAIL = "mail", "Mail sent"

    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    # The account it is about, as text: a failed sign-in has no person. A name no account bears is not kept.
    username = models.CharField(max_length=150, blank=True)
    # Whose readers of the trail see it; empty for those of the whole trial alone.
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    address = models.CharField(max_length=60, blank=True)
    words = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind=""), name="act_has_kind", violation_error_message="Say what it was."
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.username or 'unknown account'}"


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
