"""Following an event to its end: what is open, how old it is, when it is asked after next."""

from datetime import date

import django_filters
import django_tables2 as tables
from django import forms
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.web.fields import DateField, TextField
from studytracker.web.templatetags.tracker import grade_chip

from .assessing import locked
from .consistency import EventRefused
from .models import AdverseEvent, FollowUp

NEVER = date.max  # sorts what is not planned behind what is


class FollowUpForm(forms.Form):
    followed_on = DateField(label="Asked on")
    note = TextField(
        label="What was learned",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say what was learned, even if it is that nothing changed."},
    )
    next_on = DateField(label="Next follow-up due", required=False, help_text="Empty: nothing further is planned.")


@transaction.atomic
def follow_up(*, event, followed_on, note, by, at, next_on=None):
    """Record that an open event was asked after. Raises EventRefused."""
    event = locked(event)
    today = event.participant.site.today(at)
    if event.voided_at:
        raise EventRefused(f"{event} is voided: there is nothing to follow up.")
    if followed_on > today:
        raise EventRefused(
            f"{day_label(followed_on)} is in the future: today is {day_label(today)}.", field="followed_on"
        )
    if followed_on < event.started.earliest:
        raise EventRefused(f"{day_label(followed_on)} is before the onset {event.started}.", field="followed_on")
    if next_on and next_on <= followed_on:
        raise EventRefused("The next follow-up comes after this one.", field="next_on")
    facts = {"followed_on": followed_on, "note": note, "next_on": next_on}
    FollowUp.objects.create(event=event, recorded_at=at, recorded_by=by, **facts)
    return event


def open_events(user):
    """Ongoing events the person may see, the next to be asked after first, those without a plan by their age."""
    latest = FollowUp.objects.filter(event=OuterRef("pk")).order_by("-followed_on", "-id")
    return (
        AdverseEvent.objects.visible_to(user)
        .ongoing()
        .for_listing()
        .annotate(last_on=Subquery(latest.values("followed_on")[:1]), next_on=Subquery(latest.values("next_on")[:1]))
        .annotate(due=Coalesce("next_on", NEVER))
        .order_by("due", "started")
    )


def due_words(event, today):
    """'Due Mon 23 Jun 2025', 'Overdue 3 d', 'Not planned'."""
    if event.next_on is None:
        return "Not planned"
    late = (today - event.next_on).days
    return f"Overdue {late} d" if late > 0 else f"Due {day_label(event.next_on)}"


def age_words(event, today):
    """Days since the onset; a range where it is known in part."""
    longest, shortest = (today - event.started.earliest).days, max(0, (today - event.started.latest).days)
    return f"{longest} d" if longest == shortest else f"{shortest} to {longest} d"


class FollowUpTable(tables.Table):
    caption = "Open adverse events to follow up"
    participant = tables.Column(
        accessor="participant__identifier",
        order_by=("site", "participant"),
        verbose_name="Participant",
        linkify=lambda record: reverse("event", args=[record.participant.identifier, record.number]),
    )
    number = tables.Column(verbose_name="AE", orderable=False)
    term = tables.Column(verbose_name="Reported term")
    grade = tables.Column(empty_values=(), verbose_name="CTCAE grade", orderable=False)
    is_serious = tables.Column(verbose_name="Serious")
    started = tables.Column(verbose_name="Onset")
    age = tables.Column(empty_values=(), orderable=False, verbose_name="Open for")
    last_on = tables.Column(verbose_name="Last asked", default="Never")
    next_on = tables.Column(empty_values=(), order_by="due", verbose_name="Next follow-up")
    stage = tables.Column(empty_values=(), orderable=False, verbose_name="Participant is")

    class Meta:
        empty_text = "No open events."

    def __init__(self, *args, today, **kwargs):
        self.today = today
        super().__init__(*args, **kwargs)

    def render_grade(self, record):
        return grade_chip(record.grade, record.is_serious)

    def value_grade(self, record):
        return record.grade

    def render_is_serious(self, value):
        return "Yes" if value else "No"

    def render_started(self, value):
        return str(value)

    def render_age(self, record):
        return age_words(record, self.today[record.site_id])

    def render_last_on(self, value):
        return day_label(value)

    def render_next_on(self, record):
        return due_words(record, self.today[record.site_id])

    value_next_on = render_next_on

    def render_stage(self, record):
        stage = record.participant.stage
        return f"{stage}: unresolved when the participant left" if record.participant.withdrawn_at else stage


class FollowUpFilter(django_filters.FilterSet):
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    is_serious = django_filters.ChoiceFilter(
        choices=[("True", "Serious only"), ("False", "Not serious")], label="Serious", empty_label="Either"
    )
    left = django_filters.ChoiceFilter(
        choices=[("yes", "Unresolved at withdrawal")], label="Participants", empty_label="All", method="who_left"
    )

    class Meta:
        model = AdverseEvent
        fields = ["site"]

    def who_left(self, queryset, name, value):
        return queryset.exclude(participant__withdrawn_at=None)
