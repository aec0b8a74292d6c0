import django_filters
import django_tables2 as tables
from django.urls import reverse

from studytracker import protocol
from studytracker.dates import protocol_day, study_day
from studytracker.protocol.models import Site
from studytracker.web.templatetags.tracker import grade_chip

from .models import AdverseEvent

NO_WRAP = {"td": {"class": "text-nowrap"}}


class AdverseEventTable(tables.Table):
    caption = "Adverse events (ICH E3 16.2.7.1)"
    participant = tables.Column(
        accessor="participant__identifier",
        verbose_name="Participant",
        linkify=lambda record: reverse("participant", args=[record.participant.identifier]),
    )
    site = tables.Column(accessor="site_id", order_by="site")
    number = tables.Column(
        verbose_name="AE", linkify=lambda record: reverse("event", args=[record.participant.identifier, record.number])
    )
    term = tables.Column(verbose_name="Reported term", attrs={"td": {"class": "col-term"}})
    started = tables.Column(verbose_name="Onset", attrs=NO_WRAP)
    study_day = tables.Column(empty_values=(), orderable=False, verbose_name="Study day of onset (infusion = 1)")
    ended = tables.Column(empty_values=(), verbose_name="End", attrs=NO_WRAP)
    duration = tables.Column(empty_values=(), orderable=False, verbose_name="Duration (days)")
    is_serious = tables.Column(verbose_name="Serious")
    grade = tables.Column(verbose_name="CTCAE grade")
    causality = tables.Column(verbose_name="Related to the cells")
    outcome = tables.Column()
    action_taken = tables.Column(verbose_name="Action taken")
    from_dose = tables.Column(empty_values=(), orderable=False, verbose_name="Days from infusion", attrs=NO_WRAP)
    voided = tables.Column(accessor="voided_reason", verbose_name="Voided, because")

    class Meta:
        empty_text = "No events."
        row_attrs = {"class": lambda record: "voided" if record.voided_at else None}

    def __init__(self, *args, today, **kwargs):
        self.today = today
        super().__init__(*args, **kwargs)

    def render_started(self, value):
        return str(value)

    value_started = render_started

    def value_study_day(self, record):
        """CDISC study day; empty for a partial date or without an infusion."""
        day0 = record.participant.infused_on
        return study_day(record.started.earliest, day0) if day0 and record.started.is_full else None

    def render_study_day(self, record):
        day = self.value_study_day(record)
        return "" if day is None else day

    def render_ended(self, record):
        return "Ongoing" if record.is_ongoing else str(record.ended or "")

    value_ended = render_ended

    def value_duration(self, record):
        """End minus start plus one; empty unless both are full dates."""
        start, end = record.started, record.ended
        if not (end and end.is_full and start.is_full):
            return None
        return (end.earliest - start.earliest).days + 1

    def render_duration(self, record):
        days = self.value_duration(record)
        return "" if days is None else days

    def render_is_serious(self, value):
        return "Yes" if value else "No"

    value_is_serious = render_is_serious

    def render_grade(self, record):
        return grade_chip(record.grade, record.is_serious)

    def value_grade(self, record):
        return record.grade

    def _label(self, vocabulary, record, code):
        """The words of the version the event was recorded under; the bare code should they be gone."""
        try:
            return protocol.version(record.protocol_version).label(vocabulary, code) if code else ""
        except protocol.UnknownCode:
            return code

    def render_causality(self, record, value):
        return self._label("causality", record, value)

    value_causality = render_causality

    def render_outcome(self, record, value):
        return self._label("outcome", record, value)

    value_outcome = render_outcome

    def render_action_taken(self, record, value):
        return self._label("action_taken", record, value)

    value_action_taken = render_action_taken

    def render_from_dose(self, record):
        """Protocol days from the infusion; a range where the onset is known in part, never a false point."""
        day0 = record.participant.infused_on
        if day0 is None:
            return ""
        latest = min(record.started.latest, self.today[record.site_id])
        first, last = protocol_day(record.started.earliest, day0), protocol_day(latest, day0)
        return str(first) if first == last else f"{first} to {last}"

    value_from_dose = render_from_dose


class AdverseEventFilter(django_filters.FilterSet):
    identifier = django_filters.CharFilter(
        field_name="participant__identifier",
        lookup_expr="icontains",
        label="Participant contains",
        max_length=20,
    )
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    term = django_filters.CharFilter(lookup_expr="icontains", label="Term contains", max_length=100)
    is_serious = django_filters.ChoiceFilter(
        choices=[("True", "Serious only"), ("False", "Not serious")], label="Serious", empty_label="Either"
    )
    grade_from = django_filters.ChoiceFilter(
        field_name="grade",
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

    class Meta:
        model = AdverseEvent
        fields = ["identifier", "site", "term", "is_serious", "grade_from", "causality", "is_ongoing"]
