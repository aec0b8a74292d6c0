import django_filters
from django import forms
from django.db.models import Q

from studytracker import protocol
from studytracker.dates import PartialDate
from studytracker.protocol.models import Site
from studytracker.web.fields import PartialDateField

from .models import AdverseEvent

FEWEST_LETTERS = 3  # an index of three letters at a time serves the search


class PartialDateFilter(django_filters.Filter):
    field_class = PartialDateField


class TermField(forms.CharField):
    def clean(self, value):
        text = super().clean(value)
        if text and len(text) < FEWEST_LETTERS:
            raise forms.ValidationError(f"Give at least {FEWEST_LETTERS} letters of the term.")
        return text


class TermFilter(django_filters.CharFilter):
    field_class = TermField


class AdverseEventFilter(django_filters.FilterSet):
    """Every filter is served by an index, whatever the listing is sorted by."""

    identifier = django_filters.CharFilter(label="Participant", max_length=20, method="of_participant")
    site = django_filters.ChoiceFilter(choices=Site.choices, label="Site", empty_label="Any site")
    term = TermFilter(lookup_expr="icontains", label="Reported term contains", max_length=100)
    is_serious = django_filters.ChoiceFilter(
        choices=[("True", "Serious only"), ("False", "Not serious")], label="Serious", empty_label="Either"
    )
    grade_from = django_filters.ChoiceFilter(
        field_name="grade_order",
        lookup_expr="gte",
        label="Grade at least",
        choices=[(grade, str(grade)) for grade in range(1, 6)],
        empty_label="Any grade",
    )
    causality = django_filters.ChoiceFilter(
        choices=lambda: protocol.current().choices("causality"), label="Related", empty_label="Any answer"
    )
    is_ongoing = django_filters.ChoiceFilter(
        choices=[("True", "Ongoing"), ("False", "Ended")], label="Ongoing", empty_label="Either"
    )
    since = PartialDateFilter(label="Onset from", method="may_begin_from")
    until = PartialDateFilter(label="Onset to", method="may_begin_by")

    class Meta:
        model = AdverseEvent
        fields = [
            "identifier",
            "site",
            "term",
            "is_serious",
            "grade_from",
            "causality",
            "is_ongoing",
            "since",
            "until",
        ]

    def of_participant(self, queryset, name, value):
        return queryset.filter(participant__identifier=value.strip().upper())

    def may_begin_from(self, queryset, name, value):
        """What is known in part is shown if it may have begun in the period."""
        day = PartialDate.of(value.earliest).iso
        return queryset.filter(Q(started__gte=day) | Q(started__in=[day[:7], day[:4]]), started__gte=day[:4])

    def may_begin_by(self, queryset, name, value):
        return queryset.filter(started__lte=value.latest)


class SeriousEventFilter(AdverseEventFilter):
    is_serious = None

    class Meta(AdverseEventFilter.Meta):
        fields = [name for name in AdverseEventFilter.Meta.fields if name != "is_serious"]
