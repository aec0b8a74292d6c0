from functools import cached_property

import django_filters
import django_tables2 as tables
from django.db.models import TextField
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from .models import Act, Entry
from .reach import identifiers, of_participant
from .wording import accounts, act_words, by_table, instant, lines, record_name


class EntryTable(tables.Table):
    caption = "Audit trail, newest first"
    id = tables.Column(verbose_name="Entry")
    at = tables.Column(verbose_name="When", attrs={"td": {"class": "when"}})
    table = tables.Column(
        verbose_name="Record", linkify=lambda record: reverse("history", args=[record.table, record.row_id])
    )
    row_id = tables.Column(verbose_name="Record number")
    participant = tables.Column(empty_values=(), orderable=False)
    op = tables.Column(verbose_name="Change", accessor="get_op_display", order_by="op")
    changes = tables.Column(empty_values=(), orderable=False, verbose_name="Field: old → new")
    username = tables.Column(verbose_name="Who")
    role = tables.Column()
    site = tables.Column(verbose_name="Held at")
    reason = tables.Column(verbose_name="Why")
    source = tables.Column(verbose_name="From")

    class Meta:
        empty_text = "No entry."

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.identifiers = {}

    @cached_property
    def people(self):
        return accounts()

    def render_at(self, value):
        return instant(value)

    def value_at(self, value):
        return value

    def render_table(self, value):
        return record_name(value)

    value_table = render_table

    def render_participant(self, record):
        """One query for each kind of record among the rows, however many rows."""
        if record.table not in self.identifiers:
            self.identifiers[record.table] = identifiers(record.table)
        return self.identifiers[record.table].get(record.row_id, "")

    value_participant = render_participant

    def render_changes(self, record):
        if told := act_words(record):
            return told
        changed = [
            line
            for line in lines(record, people=self.people)
            if record.op == Entry.Op.UPDATE or line.new + line.old != "––"
        ]
        shown = format_html_join("", "<li>{}</li>", ((str(line),) for line in changed))
        if record.op == Entry.Op.UPDATE:
            return format_html('<ul class="changes">{}</ul>', shown)
        return format_html(
            '<details><summary>{} fields</summary><ul class="changes">{}</ul></details>', len(changed), shown
        )

    def value_changes(self, record):
        return act_words(record) or "; ".join(map(str, lines(record, people=self.people)))


def _tables():
    return sorted(((table, record_name(table)) for table in by_table()), key=lambda choice: choice[1])


class EntryFilter(django_filters.FilterSet):
    table = django_filters.ChoiceFilter(choices=_tables, label="Record", empty_label="Any record")
    row_id = django_filters.CharFilter(lookup_expr="exact", label="Record number", max_length=40)
    participant = django_filters.CharFilter(method="of_participant", label="Participant", max_length=20)
    username = django_filters.CharFilter(lookup_expr="icontains", label="Who, contains", max_length=150)
    op = django_filters.ChoiceFilter(choices=Entry.Op.choices, label="Change", empty_label="Any change")
    act = django_filters.ChoiceFilter(
        method="of_act", choices=Act.Kind.choices, label="What was done", empty_label="Anything"
    )
    reason = django_filters.CharFilter(lookup_expr="icontains", label="Why, contains", max_length=100)
    since = django_filters.DateFilter(method="from_day", label="From (UTC day)")
    until = django_filters.DateFilter(method="to_day", label="To (UTC day)")

    class Meta:
        model = Entry
        fields = ["table", "row_id", "participant", "username", "op", "act", "reason", "since", "until"]

    def of_act(self, queryset, name, value):
        acts = Act.objects.filter(kind=value).annotate(trail_key=Cast("pk", TextField()))
        return queryset.filter(table=Act._meta.db_table, row_id__in=acts.values("trail_key"))

    def of_participant(self, queryset, name, value):
        return queryset.filter(of_participant(value))

    def from_day(self, queryset, name, value):
        return queryset.filter(at__gte=value.isoformat())

    def to_day(self, queryset, name, value):
        """Text sorts as time does: everything of the day is before the day's tilde."""
        return queryset.filter(at__lt=f"{value.isoformat()}~")
