"""What people did that changed no record."""

from django.db import models
from django.db.models import Q

from studytracker.protocol.models import Site


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
