import django_filters
import django_tables2 as tables
from django.urls import reverse

from studytracker.protocol.models import Site
from studytracker.web.templatetags.tracker import status_chip

from . import status
from .models import Visit

NO_WRAP = {"td": {"class": "text-nowrap"}}


class VisitTable(tables.Table):
    """It is put in order by what has one, which an index serves (models/visit.py); the rest is filtered by."""

    caption = "Visits"
    participant = tables.Column(
        accessor="participant__identifier",
        verbose_name="Participant",
        order_by=("site", "participant", "order"),
        linkify=lambda record: reverse("participant", args=[record.participant.identifier]),
    )
    site = tables.Column(accessor="site_id", orderable=False)
    code = tables.Column(
        verbose_name="Visit",
        orderable=False,
        linkify=lambda record: reverse("visit", args=[record.participant.identifier, record.code]),
    )
    target_on = tables.DateColumn(verbose_name="Target", attrs=NO_WRAP)
    opens_on = tables.DateColumn(verbose_name="Window opens", orderable=False, attrs=NO_WRAP)
    closes_on = tables.DateColumn(verbose_name="Window closes", orderable=False, attrs=NO_WRAP)
    attended_on = tables.DateColumn(verbose_name="Attended", attrs=NO_WRAP)
    protocol_day = tables.Column(empty_values=(), orderable=False, verbose_name="Protocol day (infusion = D0)")
    status = tables.Column(empty_values=(), orderable=False)
    reason = tables.Column(empty_values=(), orderable=False)

    class Meta:
        empty_text = "No visit. The follow-up appears once an infusion is recorded."

    def __init__(self, *args, today, **kwargs):
        self.today = today
        super().__init__(*args, **kwargs)

    def value_protocol_day(self, record):
        day0 = record.participant.infused_on
        return (record.attended_on - day0).days if record.attended_on and day0 else None

    def render_protocol_day(self, record):
        day = self.value_protocol_day(record)
        return "" if day is None else f"D{day}"

    def _status(self, record):
        return record.status(self.today[record.site_id])

    def render_status(self, record):
        return status_chip(self._status(record))

    def value_status(self, record):
        return self._status(record).words

    def render_reason(self, record):
        """A missed visit's reason stands in its status already."""
        return record.out_of_window_reason

    def value_reason(self, record):
        return record.missed_reason or record.out_of_window_reason or (record.note if record.unplanned else "")


class VisitFilter(django_filters.FilterSet):
    identifier = django_filters.CharFilter(label="Participant begins with", max_length=20, method="of_participants")
    site = django_filters.ChoiceFilter(choices=Site.choices, label="Site", empty_label="Any site")
    status = django_filters.MultipleChoiceFilter(
        choices=list(status.NAMES.items()), label="Status", method="that_stand"
    )
    code = django_filters.CharFilter(label="Visit", max_length=20, method="of_code")

    class Meta:
        model = Visit
        fields = ["identifier", "site", "status", "code"]

    def __init__(self, *args, today, **kwargs):
        """`today` maps site code to the day it is there."""
        self.today = today
        super().__init__(*args, **kwargs)

    def of_participants(self, queryset, name, value):
        return queryset.filter(participant__identifier__startswith=value.strip().upper())

    def that_stand(self, queryset, name, value):
        return queryset.among(value, self.today) if value else queryset

    def of_code(self, queryset, name, value):
        return queryset.filter(code=value.strip().upper())
