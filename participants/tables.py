import django_filters
import django_tables2 as tables
from django.db.models import Case, CharField, Count, OuterRef, Subquery, Value, When
from django.db.models.functions import Concat
from django.urls import reverse

from studytracker.protocol.models import Site

from .models import Consent, Participant

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


class ScreeningLogTable(tables.Table):
    caption = "Screening log"
    identifier = tables.Column(
        linkify=lambda record: reverse("participant", args=[record.identifier]), verbose_name="Screening"
    )
    site = tables.Column(accessor="site_id", order_by="site")
    rescreens = tables.Column(accessor="rescreens__identifier", verbose_name="Screened again after", default="")
    consent_version = tables.Column(accessor="first_form", verbose_name="Consent form")
    consented_at = tables.DateTimeColumn(
        accessor="first_signed_at", verbose_name="Consent signed", format="j M Y H:i T"
    )
    obtained_by = tables.Column(accessor="first_obtained_by", verbose_name="Obtained by", default="")
    reconsents = tables.Column(accessor="later_forms", verbose_name="Later consents", order_by="later_forms")
    screened_on = tables.DateColumn(verbose_name="Screened")
    result = tables.Column(accessor="stage", order_by="stage_words", verbose_name="Result")
    screen_failed_on = tables.DateColumn(verbose_name="Failed on")
    screen_failed_criteria = tables.Column(verbose_name="Criteria failed", default="")
    screen_failed_reason = tables.Column(verbose_name="Reason", default="")

    class Meta:
        empty_text = "Nobody was screened yet."


class ScreeningLogFilter(ParticipantFilter):
    criterion = django_filters.CharFilter(method="failed_by", label="Failed by criterion", max_length=10)

    def failed_by(self, queryset, name, value):
        wanted = value.strip().upper()
        return queryset.annotate(
            spaced=Concat(Value(" "), "screen_failed_criteria", Value(" "), output_field=CharField())
        ).filter(spaced__contains=f" {wanted} ")


class FailureReasonTable(tables.Table):
    caption = "Reasons for screen failure by site"
    site = tables.Column()
    criterion = tables.Column()
    participants = tables.Column(verbose_name="Participants")

    class Meta:
        empty_text = "No screening failed."


def for_screening_log(queryset):
    """With the first consent and how many later ones there are, in one query."""
    first = Consent.objects.filter(participant=OuterRef("pk")).order_by("signed_at")
    return (
        for_table(queryset)
        .select_related("rescreens")
        .annotate(
            first_form=Subquery(first.values("form_version")[:1]),
            first_signed_at=Subquery(first.values("signed_at")[:1]),
            first_obtained_by=Subquery(first.values("obtained_by")[:1]),
            later_forms=Count("consents") - 1,
        )
    )
