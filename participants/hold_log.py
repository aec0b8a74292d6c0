import django_filters
import django_tables2 as tables
from django.urls import reverse

from studytracker import protocol

from .models import Hold

LONG = {"td": {"class": "long-text"}}
STAGES = (
    ("open", "Open"),
    ("proposed", "Proposed"),
    ("lifted", "Lifted"),
    ("declined", "Declined"),
)


class HoldTable(tables.Table):
    caption = "Holds"
    number = tables.Column(
        accessor="pk", verbose_name="Hold", linkify=lambda record: reverse("hold", args=[record.pk])
    )
    stage = tables.Column(orderable=False)
    scope = tables.Column(accessor="scope_words", order_by="site", verbose_name="Where")
    cause = tables.Column(accessor="cause_words", order_by="cause")
    text = tables.Column(verbose_name="What happened", attrs=LONG)
    reference = tables.Column()
    proposed_at = tables.DateTimeColumn(format="j M Y H:i", verbose_name="Proposed")
    proposed_by = tables.Column()
    opened_at = tables.DateTimeColumn(format="j M Y H:i", verbose_name="Opened")
    opened_by = tables.Column()
    ended_at = tables.DateTimeColumn(
        accessor="lifted_at", format="j M Y H:i", verbose_name="Lifted", order_by="lifted_at"
    )
    lifted_by = tables.Column()
    reason = tables.Column(empty_values=(), orderable=False, attrs=LONG)

    class Meta:
        empty_text = "No hold was ever placed: enrollment and infusion are open."

    def render_reason(self, record):
        return record.lifted_reason or record.declined_reason

    value_reason = render_reason


class HoldFilter(django_filters.FilterSet):
    stage = django_filters.ChoiceFilter(choices=STAGES, method="at_stage", empty_label="Any stage")
    cause = django_filters.MultipleChoiceFilter(choices=lambda: protocol.current().choices("hold_cause"))

    class Meta:
        model = Hold
        fields = ["stage", "cause"]

    def at_stage(self, queryset, name, value):
        if value in ("open", "proposed"):
            return getattr(queryset, value)()
        return queryset.filter(**{f"{value}_at__isnull": False})
