import django_filters
import django_tables2 as tables
from django.urls import reverse

from studytracker import protocol
from studytracker.protocol.models import Site

from .models import STAGES, Deviation, Severity

LONG = {"td": {"class": "long-text"}}


class DeviationTable(tables.Table):
    caption = "Protocol deviations (ICH E3 16.2.2)"
    participant = tables.Column(
        accessor="participant__identifier",
        verbose_name="Participant",
        empty_values=(),
        linkify=lambda record: record.participant and reverse("participant", args=[record.participant.identifier]),
    )
    site = tables.Column(accessor="site_id", order_by="site")
    number = tables.Column(
        verbose_name="DV",
        linkify=lambda record: record.get_absolute_url(),
    )
    category = tables.Column()
    visit = tables.Column(accessor="visit__code", order_by="visit__order", verbose_name="Visit")
    happened_on = tables.DateColumn(verbose_name="Happened")
    found_on = tables.DateColumn(verbose_name="Found")
    description = tables.Column(attrs=LONG)
    impact = tables.Column(verbose_name="Impact", attrs=LONG)
    action = tables.Column(verbose_name="Corrective action", attrs=LONG)
    severity = tables.Column(verbose_name="Minor or major")
    is_reportable = tables.Column(verbose_name="IRB reportable")
    report_by = tables.DateColumn(verbose_name="Report by", orderable=False)
    reported_on = tables.DateColumn(verbose_name="Reported on")
    stage = tables.Column(order_by="stage_words")
    closed_on = tables.DateColumn(verbose_name="Closed")

    class Meta:
        empty_text = "No deviation. Visits out of their window, missed or logged late draft one themselves."

    def render_participant(self, record):
        return record.about if record.participant else "None: of the trial"

    value_participant = render_participant

    def render_category(self, record):
        return record.category_words

    value_category = render_category

    def render_severity(self, record):
        return record.get_severity_display()

    value_severity = render_severity

    def render_is_reportable(self, value):
        return "Yes" if value else "No"

    value_is_reportable = render_is_reportable


class DeviationFilter(django_filters.FilterSet):
    identifier = django_filters.CharFilter(
        field_name="participant__identifier", lookup_expr="icontains", label="Participant contains", max_length=20
    )
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    stage = django_filters.MultipleChoiceFilter(
        field_name="stage_words", choices=[(stage, stage) for stage in STAGES], label="Stage"
    )
    category = django_filters.MultipleChoiceFilter(choices=lambda: protocol.current().choices("deviation_category"))
    severity = django_filters.ChoiceFilter(choices=Severity.choices, label="Minor or major", empty_label="Either")

    class Meta:
        model = Deviation
        fields = ["identifier", "site", "stage", "category", "severity"]
