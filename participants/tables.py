import django_filters
import django_tables2 as tables
from django.db.models import Case, CharField, Value, When
from django.urls import reverse

from studytracker.protocol.models import Site

from .models import Participant

STAGES = (
    ("screening", "In screening"),
    ("enrolled", "Enrolled, awaiting infusion"),
    ("on_study", "On study"),
    ("failed", "Screen failure"),
    ("withdrawn", "Withdrawn"),
)
STAGE = Case(
    When(withdrawn_at__isnull=False, then=Value("Withdrawn")),
    When(screen_failed_at__isnull=False, then=Value("Screen failure")),
    When(infusion__isnull=False, then=Value("On study")),
    When(enrollment__isnull=False, then=Value("Enrolled, awaiting infusion")),
    default=Value("In screening"),
    output_field=CharField(),
)


class ParticipantTable(tables.Table):
    caption = "Participants"
    identifier = tables.Column(
        linkify=lambda record: reverse("participant", args=[record.identifier]), verbose_name="Participant"
    )
    site = tables.Column(accessor="site_id", order_by="site")
    stage = tables.Column(order_by="stage_words")
    age = tables.Column(verbose_name="Age")
    sex = tables.Column()
    screened_on = tables.DateColumn(verbose_name="Screened")
    enrolled_on = tables.DateColumn(accessor="enrollment__enrolled_on", verbose_name="Enrolled")
    slot = tables.Column(accessor="enrollment__slot_id", order_by="enrollment__slot", verbose_name="Slot")
    infused_on = tables.DateColumn(accessor="infusion__infused_on", verbose_name="Infused (D0)")
    withdrawn_on = tables.DateColumn(verbose_name="Left the study")

    class Meta:
        empty_text = "No participant yet. A coordinator screens the first one."


class ParticipantFilter(django_filters.FilterSet):
    identifier = django_filters.CharFilter(lookup_expr="icontains", label="Identifier contains", max_length=20)
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    stage = django_filters.ChoiceFilter(choices=STAGES, method="at_stage", empty_label="Any stage")

    class Meta:
        model = Participant
        fields = ["identifier", "site", "stage"]

    def at_stage(self, queryset, name, value):
        return queryset.filter(stage_words=dict(STAGES)[value])


def for_table(queryset):
    return queryset.for_listing().annotate(stage_words=STAGE)
