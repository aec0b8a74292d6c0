from functools import partial

from django.contrib import messages
from django.db.models import F
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import notifications, timekeeping
from .clock_forms import CloseForm, DeterminationForm, NotificationForm
from .clock_tables import ClockFilter, ClockTable, due_words
from .forms import VoidForm
from .models import AdverseEvent, Clock, Determination, InvestigatorAcknowledgement, Notification
from .models.clock import UNDONE

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def clocks(request):
    require(request.user, Permission.SEE)
    at = timezone.now()
    return listing(
        request,
        table_class=partial(ClockTable, at=at),
        filterset_class=ClockFilter,
        queryset=Clock.objects.visible_to(request.user)
        .for_listing(at)
        .order_by(F("due_at").asc(nulls_last=True), "pk"),
        template="adverse_events/clocks.html",
    )


def reach_event(user, identifier, number, needs):
    return reach(AdverseEvent.objects.for_page(), user, needs=needs, participant__identifier=identifier, number=number)


@form_view
def notify(request, identifier, number):
    row = reach_event(request.user, identifier, number, Permission.NOTIFY)
    at = timezone.now()
    answerable = notifications.answerable(row)
    initial = _suggested(answerable, request.GET.get("clock", ""), at)
    form = NotificationForm(posted(request), **_place(row), at=at, answerable=answerable, initial=initial)
    made = submit(request, form, partial(notifications.notify, event=row, by=request.user, at=at))
    if made:
        answered = ", ".join(each.clock.rule_id for each in made.fulfilments.select_related("clock")) or "no clock"
        messages.success(request, f"Recorded: {made.recipient_words} told. It answers {answered}.")
        return redirect("event", identifier, number)
    return _form_page(request, row, form, "Record that somebody was told", "Record")


def _place(row):
    return {"site": row.site, "rules": row.participant.protocol}


def _suggested(answerable, wanted, at):
    """The recipient of the clock asked for who is still to be told, and every undone clock that waits for the same."""
    undone = [clock for clock in answerable if clock.state_at(at) in UNDONE]
    asked = next((clock for clock in undone if str(clock.pk) == wanted), None)
    if asked is None:
        return {}
    told = set(
        asked.fulfilments.filter(notification__voided_at=None).values_list("notification__recipient", flat=True)
    )
    recipient = next((code for code in asked.rule.notify if code not in told), asked.rule.notify[0])
    return {"recipient": recipient, "clocks": [clock.pk for clock in undone if recipient in clock.rule.notify]}


@form_view
def determine(request, identifier, number):
    row = reach_event(request.user, identifier, number, Permission.NOTIFY)
    at = timezone.now()
    kinds = [term.code for term in row.participant.protocol.terms("determination")]
    form = DeterminationForm(posted(request), **_place(row), at=at, kinds=kinds)
    made = submit(request, form, partial(notifications.determine, event=row, by=request.user, at=at))
    if made:
        messages.success(request, "The determination is recorded, and the clocks are computed anew.")
        return redirect("event", identifier, number)
    return _form_page(request, row, form, "Record a determination", "Record")


@form_view
def close_clock(request, identifier, number, pk):
    row = reach_event(request.user, identifier, number, Permission.CLOSE_CLOCK)
    clock = get_object_or_404(Clock.objects.visible_to(request.user), pk=pk, event=row)
    at = timezone.now()
    form = CloseForm(posted(request))
    closed = submit(request, form, partial(timekeeping.close, clock=clock, by=request.user, at=at))
    if closed:
        messages.success(request, f"{clock.rule_id} is closed: the event does not qualify. The reason is kept.")
        return redirect("event", identifier, number)
    lede = f"{clock.rule_id}, {clock.rule.sender} to {clock.rule.recipient}, {due_words(clock)}. {clock.rule.trigger}."
    return _form_page(request, row, form, f"Close {clock.rule_id}: does not qualify", "Close the clock", lede)


@form_view
def void_notification(request, identifier, number, pk):
    return _void(request, identifier, number, Notification, pk, "The notification")


@form_view
def void_determination(request, identifier, number, pk):
    return _void(request, identifier, number, Determination, pk, "The determination")


def _void(request, identifier, number, model, pk, words):
    row = reach_event(request.user, identifier, number, Permission.NOTIFY)
    record = get_object_or_404(model.objects.visible_to(request.user), pk=pk, event=row)
    form = VoidForm(posted(request))
    done = submit(request, form, partial(notifications.void, record=record, by=request.user, at=timezone.now()))
    if done:
        messages.success(request, f"{words} is voided, and the clocks are computed anew. The reason is kept.")
        return redirect("event", identifier, number)
    return _form_page(request, row, form, f"{words} was recorded in error", "Void")


def _form_page(request, row, form, title, button, lede=""):
    context = {"form": form, "event": row, "participant": row.participant, "title": title, "button": button}
    context |= {"lede": lede, "today": row.site.today(timezone.now())}
    return render(request, "adverse_events/clock_form.html", context, status=status_for(form))


@form_view
def acknowledge(request, pk):
    """An investigator, at whatever site, acknowledges a safety report. What is shown is the report's own summary."""
    rows = InvestigatorAcknowledgement.objects.visible_to(request.user)
    row = get_object_or_404(rows.select_related("notification__event__participant"), pk=pk)
    if request.method == "POST":
        at = timezone.now()
        if row.acknowledged_at is None:
            notifications.acknowledge(acknowledgement=row, by=request.user, at=at)
            messages.success(request, "The safety report is acknowledged.")
        return redirect("home")
    return render(request, "adverse_events/acknowledge.html", {"row": row, "event": row.notification.event})
