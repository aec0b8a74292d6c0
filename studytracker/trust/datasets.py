"""What leaves of the audit trail: the entries about rows of the sites chosen. Whole, with its seals: export_trail."""

from studytracker.access.grants import Permission
from studytracker.exports.datasets import Column, Dataset, Kind

from .models import Entry
from .reach import of_sites

# It tells who did what in free text: without accounts, dates and words nothing of it is left.
entries = Dataset(
    "audit_trail",
    "Audit trail",
    lambda: Entry.objects.order_by("id"),
    (
        Column("entry", "Entry", "id", Kind.NUMBER),
        Column("at", "When, in UTC", "at", Kind.STAMP),
        Column("record", "Table of the record", "table", Kind.CODE),
        Column("record_number", "Number of the record", "row_id", Kind.ORDER),
        Column("change", "Added (I), changed (U) or removed (D)", "op", Kind.CODE),
        Column("old", "Values before, by column", "old", Kind.TEXT),
        Column("new", "Values after, by column", "new", Kind.TEXT),
        Column("by", "Who", "username", Kind.PERSON),
        Column("role", "Role at that time", "role", Kind.CODE),
        Column("held_at", "Where the role was held", "site", Kind.SITE),
        Column("reason", "Reason for the change", "reason", Kind.TEXT),
        Column("source", "From where", "source", Kind.CODE),
        Column("request", "Request", "request_id", Kind.ORDER),
    ),
    participant=None,
    within=lambda rows, sites: rows.filter(of_sites(sites)),
    levels=frozenset({"identified"}),
    needs=Permission.AUDIT,
)
