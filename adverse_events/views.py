from functools import partial

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from participants.models import Participant
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.protocol.models import Site
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import reporting, voiding
from .forms import EventForm, VoidForm
from .models import AdverseEvent
from .tables import AdverseEventFilter, AdverseEventTable


@require_safe
def adverse_events(request):
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=partial(AdverseEventTable, today=Site.todays(timezone.now())),
        filterset_class=AdverseEventFilter,
        queryset=AdverseEvent.objects.visible_to(request.user)
        .for_listing()
        .order_by("site", "participant", "started"),
        template="adverse_events/list.html",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def report_event(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.REPORT_EVENT, identifier=identifier)
    at = timezone.now()
    form = EventForm(posted(request), rules=row.protocol)
    made = submit(request, form, partial(reporting.report, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, f"{made} is saved: {made.term}.")
        return redirect("event", identifier, made.number)
    context = {"form": form, "participant": row, "today": row.site.today(at)}
    return render(request, "adverse_events/form.html", context, status=status_for(form))


def reach_event(user, identifier, number, needs=Permission.SEE):
    return reach(AdverseEvent.objects.for_page(), user, needs=needs, participant__identifier=identifier, number=number)


@require_safe
def event(request, identifier, number):
    row = reach_event(request.user, identifier, number)
    today = Site.todays(timezone.now())
    table = AdverseEventTable([row], today=today)
    context = {
        "event": row,
        "participant": row.participant,
        "today": today[row.site_id],
        "facts": [(column.header, value) for column, value in table.rows[0].items()],
        "may_complete": row.completable and request.user.can(Permission.REPORT_EVENT, row.site_id),
        "may_void": request.user.can(Permission.REPORT_EVENT, row.site_id),
    }
    return render(request, "adverse_events/event.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def complete_event(request, identifier, number):
    row = reach_event(request.user, identifier, number, needs=Permission.REPORT_EVENT)
    at = timezone.now()
    form = EventForm(posted(request), rules=row.participant.protocol)
    form.keep_only(row.completable)
    saved = submit(request, form, partial(reporting.complete, event=row, by=request.user, at=at), row=row)
    if saved:
        left = f" Still open: {', '.join(saved.open_answers)}." if saved.open_answers else " Nothing is open any more."
        messages.success(request, f"{saved} is saved.{left}")
        return redirect("event", identifier, number)
    context = {"form": form, "event": row, "participant": row.participant, "today": row.site.today(at)}
    return render(request, "adverse_events/complete.html", context, status=status_for(form))


@require_http_methods(["GET", "HEAD", "POST"])
def void_event(request, identifier, number):
    return _void_or_restore(request, identifier, number, voiding.void, "is voided and counts nowhere any more")


@require_http_methods(["GET", "HEAD", "POST"])
def restore_event(request, identifier, number):
    return _void_or_restore(request, identifier, number, voiding.restore, "stands again")


def _void_or_restore(request, identifier, number, act, words):
    row = reach_event(request.user, identifier, number, needs=Permission.REPORT_EVENT)
    at = timezone.now()
    form = VoidForm(posted(request))
    saved = submit(request, form, partial(act, event=row, by=request.user, at=at), row=row)
    if saved:
        messages.success(request, f"{saved} {words}. The reason is kept.")
        return redirect("event", identifier, number)
    context = {"form": form, "event": row, "participant": row.participant, "today": row.site.today(at)}
    context["voids"] = act is voiding.void
    return render(request, "adverse_events/void.html", context, status=status_for(form))
