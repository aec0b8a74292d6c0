import django_filters
import django_tables2 as tables
from django.urls import reverse

from .models import Mail


class MailTable(tables.Table):
    caption = "Reminders"
    created_at = tables.DateTimeColumn(linkify=lambda record: reverse("mail", args=[record.pk]), verbose_name="Made")
    site = tables.Column(accessor="site_id")
    recipient = tables.Column(accessor="recipient__username", verbose_name="To")
    subject = tables.Column()
    state = tables.Column(accessor="get_state_display", order_by="state")
    attempts = tables.Column()
    sent_at = tables.DateTimeColumn(verbose_name="Sent")
    error = tables.Column()

    class Meta:
        empty_text = "No reminder yet: nothing has been overdue."


class MailFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Mail.State.choices, empty_label="Any state")

    class Meta:
        model = Mail
        fields = ["state"]
