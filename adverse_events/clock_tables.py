"""How clocks are shown: the chip with its countdown, the listing and its filters."""

from typing import NamedTuple

import django_filters
import django_tables2 as tables
from django.urls import reverse

from studytracker import protocol
from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.web.templatetags.tracker import status_chip

from .clocks import left_words
from .models import Clock
from .models.clock import BREACHED, CLOSED, MET, MET_LATE, OPEN, RUNNING, STATES, WAITING

LONG = {"td": {"class": "long-text"}}
NO_WRAP = {"td": {"class": "text-nowrap"}}


class Chip(NamedTuple):
    code: str
    symbol: str
    words: str


# State: the colour of the visits' chips that says the same, and the symbol.
LOOKS = {
    BREACHED: ("overdue", "!"),
    RUNNING: ("open", "●"),
    WAITING: ("awaiting", "…"),
    OPEN: ("upcoming", "○"),
    MET: ("done", "✓"),
    MET_LATE: ("done-out", "✓!"),
    CLOSED: ("n-a", "–"),
}


def ticking(user, at):
    """The clocks with a deadline that this person sees, soonest first. One query, for all that one page shows of them:
    the answer is kept with the person, who lives for one request.
    """
    asked, rows = getattr(user, "ticking_clocks", (None, None))
    if asked != at:
        found = Clock.objects.visible_to(user).ticking().select_related("event", "participant")
        rows = list(found.order_by("due_at", "pk"))
        user.ticking_clocks = (at, rows)
    return rows


def chip(clock, at) -> Chip:
    """State and countdown, as in '● 5 h 10 min left'; the last fifth of the time looks late."""
    state = clock.state_at(at)
    code, symbol = LOOKS[state]
    if state == RUNNING:
        if clock.due_at - at <= (clock.due_at - clock.started_at) / 5:
            code, symbol = "late", "▲"
        return Chip(code, symbol, left_words(clock.due_at, at))
    if state == OPEN:
        return Chip(code, symbol, (clock.rule.wording or state).capitalize())
    return Chip(code, symbol, f"{state}, {left_words(clock.due_at, at)}" if state == BREACHED else state)


def due_words(clock) -> str:
    """'by Fri 7 Jul 2017 17:00 EDT', or 'by the end of Fri 7 Jul 2017'; the regulation's word where nothing is set."""
    if clock.due_at is None:
        return clock.rule.length_words
    local = clock.due_at.astimezone(Site(clock.site_id).zone)
    if clock.rule.days == "hours":
        return f"by {day_label(local.date())} {local:%H:%M %Z}"
    return f"by the end of {day_label(local.date())}"


def choice_words(clock, at) -> str:
    rule = clock.rule
    return f"{clock.rule_id}: {rule.sender} to {rule.recipient}, {due_words(clock)} ({chip(clock, at).words})"


class ClockTable(tables.Table):
    caption = "Reporting clocks"
    participant = tables.Column(
        accessor="participant__identifier",
        verbose_name="Participant",
        linkify=lambda record: reverse("participant", args=[record.participant.identifier]),
    )
    site = tables.Column(accessor="site_id", order_by="site")
    event = tables.Column(
        accessor="event__number",
        verbose_name="AE",
        linkify=lambda record: reverse("event", args=[record.participant.identifier, record.event.number]),
    )
    rule_id = tables.Column(verbose_name="Clock")
    recipient = tables.Column(empty_values=(), orderable=False, verbose_name="From, to", attrs=LONG)
    state = tables.Column(verbose_name="State", attrs=NO_WRAP)
    due_at = tables.Column(verbose_name="Due", empty_values=(), attrs=LONG)
    started_at = tables.DateTimeColumn(format="j M Y H:i", verbose_name="Runs from", attrs=NO_WRAP)
    starts = tables.Column(orderable=False, verbose_name="That is", attrs=LONG)
    presumed = tables.Column(orderable=False, verbose_name="Not answered, counts as yes", attrs=LONG)
    basis = tables.Column(empty_values=(), orderable=False, verbose_name="Rests on", attrs=LONG)
    met_at = tables.DateTimeColumn(format="j M Y H:i", verbose_name="Told", attrs=NO_WRAP)
    closed_reason = tables.Column(orderable=False, verbose_name="Closed, because", attrs=LONG)
    deviation = tables.Column(
        accessor="deviation__number",
        verbose_name="DV",
        linkify=lambda record: reverse("deviation", args=[record.participant.identifier, record.deviation.number]),
    )

    class Meta:
        empty_text = "No clock. A serious event starts some; what starts each stands on the study page."

    def __init__(self, *args, at, **kwargs):
        self.at = at
        super().__init__(*args, **kwargs)

    def render_recipient(self, record):
        return f"{record.rule.sender} to {record.rule.recipient}"

    value_recipient = render_recipient

    def render_state(self, record):
        return status_chip(chip(record, self.at))

    def value_state(self, record):
        return record.state

    def render_due_at(self, record):
        return due_words(record)

    def value_due_at(self, record):
        return record.due_at

    def render_basis(self, record):
        return f"{record.rule.basis}: {record.rule.length_words}"

    value_basis = render_basis


class ClockFilter(django_filters.FilterSet):
    identifier = django_filters.CharFilter(
        field_name="participant__identifier", lookup_expr="icontains", label="Participant contains", max_length=20
    )
    site = django_filters.ModelChoiceFilter(queryset=Site.objects.order_by("code"), empty_label="Any site")
    state = django_filters.MultipleChoiceFilter(choices=[(state, state) for state in STATES], label="State")
    rule_id = django_filters.MultipleChoiceFilter(
        choices=lambda: [(clock.id, clock.id) for clock in protocol.current().clocks if clock.is_about_an_event],
        label="Clock",
    )

    class Meta:
        model = Clock
        fields = ["identifier", "site", "state", "rule_id"]
