"""The exports made so far, as a listing."""

import django_filters
import django_tables2 as tables

from .models import ExportJob
from .privacy import Level

WORDS = {
    "waiting": "Waiting",
    "running": "Running",
    "ready": "Ready",
    "removed": "Removed after its time",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


class ExportTable(tables.Table):
    export = tables.Column("Export", accessor="pk", linkify=lambda record: record.get_absolute_url())
    requested_at = tables.DateTimeColumn(verbose_name="Asked for")
    requested_by = tables.Column("By", accessor="requested_by__username")
    site_codes = tables.Column("Sites", orderable=False)
    format = tables.Column("Format")
    level = tables.Column("Privacy")
    purpose = tables.Column("Purpose")
    state = tables.Column("State", orderable=False)
    bytes = tables.Column("Bytes")
    sha256 = tables.Column("SHA-256", orderable=False)

    class Meta:
        model = ExportJob
        fields = ()
        caption = "Exports made"
        empty_text = "Nothing has been exported yet."

    def render_export(self, record):
        return str(record)

    def render_site_codes(self, value):
        return ", ".join(value)

    def render_state(self, value):
        return WORDS[value]

    def render_bytes(self, value):
        return f"{value:,}" if value else ""


class ExportFilter(django_filters.FilterSet):
    level = django_filters.ChoiceFilter(label="Privacy", choices=Level, empty_label="Any")
    purpose = django_filters.CharFilter(label="Purpose", lookup_expr="icontains")

    class Meta:
        model = ExportJob
        fields = ()
