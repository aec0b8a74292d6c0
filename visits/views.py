from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.dates import day_label
from studytracker.protocol.models import Site
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import attendance
from .forms import AttendanceForm, MissedForm
from .models import Visit
from .tables import VisitFilter, VisitTable

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def visits(request):
    require(request.user, Permission.SEE)
    today = Site.todays(timezone.now())
    return listing(
        request,
        table_class=partial(VisitTable, today=today),
        filterset_class=VisitFilter,
        queryset=Visit.objects.visible_to(request.user).for_listing(today).order_by("target_on", "id"),
        template="visits/list.html",
    )


def reach_visit(user, identifier, code):
    return reach(
        Visit.objects.for_page(),
        user,
        needs=Permission.LOG_VISIT,
        participant__identifier=identifier,
        code=code,
    )


def turned_away(request, visit):
    """Nobody fills in a form that can only be refused: back to the participant, with the sentence."""
    closed = attendance.why_closed(visit)
    if closed and request.method != "POST":
        messages.warning(request, closed)
        return redirect("participant", visit.participant.identifier)


@form_view
def log_visit(request, identifier, code):
    visit = reach_visit(request.user, identifier, code)
    if closed := turned_away(request, visit):
        return closed
    at = timezone.now()
    today = visit.site.today(at)
    echo = reverse("day_echo", args=[identifier, code])
    form = AttendanceForm(posted(request), initial={"attended_on": today}, echo_url=echo)
    logged = submit(request, form, partial(attendance.attend, visit=visit, by=request.user, at=at))
    if logged:
        messages.success(request, f"{logged} is logged for {day_label(logged.attended_on)}.")
        return redirect("participant", identifier)
    day = form.cleaned_data.get("attended_on") if form.is_bound else today
    return visit_page(request, "visits/log.html", visit, form, echo=day and attendance.day_words(visit, day))


@require_safe
def day_echo(request, identifier, code):
    """What a typed day means for this visit, as a fragment. Stores nothing."""
    visit = reach_visit(request.user, identifier, code)
    form = AttendanceForm(request.GET, echo_url="")
    form.full_clean()
    try:
        words = attendance.day_words(visit, form.cleaned_data["attended_on"])
    except KeyError:
        words = " ".join(form.errors.get("attended_on", []))
    return HttpResponse(words, content_type="text/plain; charset=utf-8")


@form_view
def miss_visit(request, identifier, code):
    visit = reach_visit(request.user, identifier, code)
    if closed := turned_away(request, visit):
        return closed
    form = MissedForm(posted(request))
    missed = submit(request, form, partial(attendance.miss, visit=visit, by=request.user, at=timezone.now()))
    if missed:
        messages.success(request, f"{missed} is marked missed: {missed.missed_reason}.")
        return redirect("participant", identifier)
    return visit_page(request, "visits/missed.html", visit, form)


def visit_page(request, template, visit, form, **context):
    today = visit.site.today(timezone.now())
    context |= {
        "visit": visit,
        "participant": visit.participant,
        "today": today,
        "status": visit.status(today),
        "form": form,
        "procedures": [visit.participant.protocol.procedure(code) for code in visit.planned.procedures],
    }
    return render(request, template, context, status=status_for(form))
