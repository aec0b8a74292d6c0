import django_filters
import django_tables2 as tables
from django.urls import reverse

from .models import Mail


class MailTable(tables.Table):
    caption = "Reminders"
    created_at = tables.DateTimeColumn(linkify=lambda record: reverse("mail", args=[record.pk]), verbose_name="Made")
    kind = tables.Column(accessor="get_kind_display", order_by="kind")
    site = tables.Column(accessor="site_id", default="several")
    recipient = tables.Column(accessor="recipient__username", verbose_name="To")
    subject = tables.Column()
    state = tables.Column(accessor="get_state_display", order_by="state")
    attempts = tables.Column(verbose_name="Tries")
    sent_at = tables.DateTimeColumn(verbose_name="Sent")
    next_try = tables.DateTimeColumn(accessor="waits_until", order_by="next_try_at", verbose_name="Next try")
    error = tables.Column(verbose_name="Last error")

    class Meta:
        empty_text = "No mail yet: nothing was to be told."


class MailFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Mail.State.choices, empty_label="Any state")
    kind = django_filters.ChoiceFilter(choices=Mail.Kind.choices, empty_label="Any kind")
    failure = django_filters.ChoiceFilter(choices=Mail.Failure.choices, label="Last error", empty_label="Any or none")
    recipient = django_filters.CharFilter(
        field_name="recipient__username", lookup_expr="icontains", label="To, contains", max_length=150
    )
    since = django_filters.DateFilter(field_name="created_at", lookup_expr="date__gte", label="Made from")

    class Meta:
        model = Mail
        fields = ["state", "kind", "failure", "recipient", "since"]
