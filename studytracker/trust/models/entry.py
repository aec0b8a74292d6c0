"""The trail: one row for each change of each row, written by the database's triggers and by nothing else."""

from django.db import models


class EntryQuerySet(models.QuerySet):
    def visible_to(self, user, **needs):
        from ..reach import visible

        return self.filter(visible(user, **needs))


class EntryManager(models.Manager.from_queryset(EntryQuerySet)):
    def get_queryset(self):
        """While the past is shown, the trail too ends there."""
        from ..as_of import current

        entries, point = super().get_queryset(), current()
        return entries.filter(id__lte=point.entry) if point else entries


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

    objects = EntryManager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        indexes = [models.Index(fields=["table", "row_id"], name="entry_of_row")]

    def __str__(self):
        return f"{self.id} {self.op} {self.table} {self.row_id}"
