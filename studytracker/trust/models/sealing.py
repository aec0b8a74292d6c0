"""Seals: one for each entry of the trail, each holding the hash of the one before."""

from django.db import models
from django.db.models import Q


class Seal(models.Model):
    """One link of the chain. Added at its end by the sealer; the database refuses everything else."""

    # Without a gap from 1: a missing number is a missing seal.
    seq = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField(unique=True)
    # UTC to the microsecond, as in the trail.
    at = models.CharField(max_length=27)
    # SHA-256 in hexadecimal digits: of the seal before, and of this one with its entry.
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-seq"]

    def __str__(self):
        return f"{self.seq}:{self.hash}"


class Anchor(models.Model):
    """The head of the chain as it was told to the investigators on one day (UTC)."""

    day = models.DateField(unique=True)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]

    def __str__(self):
        return f"{self.seq}:{self.hash}"


class Comparison(models.Model):
    """The triggers of the database compared with what they should be."""

    at = models.DateTimeField()
    # SHA-256 over the triggers as they were.
    digest = models.CharField(max_length=64)
    # What was missing, altered or unknown, one a line; empty when all was well.
    problems = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=~Q(digest=""), name="comparison_has_digest")]

    def __str__(self):
        return f"{self.at}: {'whole' if not self.problems else 'not whole'}"
