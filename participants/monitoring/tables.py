from datetime import timedelta

import django_filters
import django_tables2 as tables
from django.urls import reverse
from django.utils import timezone

from studytracker.protocol.models import Site

from .models import Query
from .models.query import CLOSE, CLOSED, STATES

AGES = (7, 14, 30)  # days


class QueryTable(tables.Table):
    caption = "Queries"
    number = tables.Column(
        accessor="pk", verbose_name="Query", order_by="pk", linkify=lambda record: record.get_absolute_url()
    )
    site = tables.Column(accessor="site_id", order_by="site")
    participant = tables.Column(
        accessor="participant__identifier",
        verbose_name="Participant",
        linkify=lambda record: reverse("participant", args=[record.participant.identifier]),
    )
    record = tables.Column(linkify=lambda record: reverse("record", args=[record.table, record.row_id]))
    field = tables.Column()
    value = tables.Column(verbose_name="Value when asked", attrs={"td": {"class": "col-term"}})
    question = tables.Column(orderable=False, attrs={"td": {"class": "col-term"}})
    asked_by = tables.Column(accessor="asked_by__username", verbose_name="Asked by")
    asked_at = tables.DateTimeColumn(verbose_name="Asked", format="j M Y H:i T")
    state = tables.Column(accessor="state_words", order_by="last_kind")
    age = tables.Column(accessor="asked_at", verbose_name="Days open", order_by="-asked_at")

    class Meta:
        empty_text = "No query."

    def render_age(self, record):
        """Until now; of a closed one, until it was closed."""
        return ((record.last_at if record.state == CLOSED else timezone.now()) - record.asked_at).days

    value_age = render_age


class QueryFilter(django_filters.FilterSet):
    identifier = django_filters.CharFilter(
        field_name="participant__identifier", lookup_expr="icontains", label="Participant contains", max_length=20
    )
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    state = django_filters.MultipleChoiceFilter(method="in_state", choices=list(STATES.items()), label="State")
    age = django_filters.ChoiceFilter(
        method="older_than",
        choices=[(str(days), f"More than {days} days") for days in AGES],
        label="Open for",
        empty_label="Any time",
    )

    class Meta:
        model = Query
        fields = ["identifier", "site", "state", "age"]

    def in_state(self, queryset, name, value):
        return queryset.in_state(*value) if value else queryset

    def older_than(self, queryset, name, value):
        """What is closed is open no longer."""
        asked_before = timezone.now() - timedelta(int(value))
        return queryset.exclude(last_kind=CLOSE).filter(asked_at__lte=asked_before)
