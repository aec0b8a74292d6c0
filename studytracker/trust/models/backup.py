from django.db import models
from django.db.models import Q


class Backup(models.Model):
    """One backup that was restored into a scratch place and verified there before it was recorded."""

    taken_at = models.DateTimeField()
    verified_at = models.DateTimeField()
    file = models.TextField()
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    # What the restored copy held.
    entries = models.BigIntegerField()
    seals = models.BigIntegerField()
    head = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-taken_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(verified_at__gte=models.F("taken_at")), name="backup_taken_then_verified"
            )
        ]
        indexes = [models.Index(fields=["-taken_at"], name="backup_newest")]

    def __str__(self):
        return f"{self.file} of {self.taken_at}"
