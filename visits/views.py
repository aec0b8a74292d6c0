from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from participants.models import Participant
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.dates import day_label
from studytracker.protocol.marks import UnknownCode
from studytracker.protocol.models import Site
from studytracker.trust.replaced import replaced
from studytracker.web.editing import opened_version
from studytracker.web.listing import filtered, listing
from studytracker.web.pdf import NoPdf, as_pdf
from studytracker.web.submission import posted, status_for, submit

from . import attendance, bookings, panels, planner, procedures, strip, unplanned
from .forms import AttendanceForm, BookingForm, CancelForm, MissedForm, ProceduresForm, UnplannedForm
from .measurements import last_values, lines, scored, to_complete
from .models import Visit
from .tables import VisitFilter, VisitTable

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def visits(request):
    require(request.user, Permission.SEE)
    today = Site.todays(timezone.now())
    rows = Visit.objects.visible_to(request.user).for_listing()
    filterset = partial(VisitFilter, today=today)
    if request.GET.get("view") == "strip" and "format" not in request.GET:
        found = filtered(request.GET, filterset, rows)
        context = {"filter": found, "strip": strip.draw(found.qs, today), "heading": "Visits along the days"}
        return render(request, "visits/strip.html", context)
    return listing(
        request,
        table_class=partial(VisitTable, today=today),
        filterset_class=filterset,
        queryset=rows.order_by("target_on", "id"),
        template="visits/list.html",
        counted=False,
    )


def reach_visit(user, identifier, code, needs=Permission.LOG_VISIT):
    return reach(Visit.objects.for_page(), user, needs=needs, participant__identifier=identifier, code=code)


@require_safe
def printed_schedule(request, identifier):
    """One page for the participant to take home. The name is written on it by hand."""
    row = reach(Participant.objects.for_listing(), request.user, identifier=identifier)
    ahead = row.visits.unresolved().filter(dropped_in="", closes_on__gte=row.site.today(timezone.now()))
    context = {"participant": row, "site": row.site.rules}
    if row.is_open:
        context["visits"] = ahead.with_booking().select_related("participant").order_by("order")
    with timezone.override(row.site.zone):
        if request.GET.get("format") != "pdf":
            return render(request, "visits/printed.html", context)
        try:
            return as_pdf("visits/printed_pdf.html", context, f"{row}-visits.pdf")
        except NoPdf as missing:
            messages.warning(request, str(missing))
            return redirect("printed_schedule", identifier)


def turned_away(request, visit):
    """Nobody fills in a form that can only be refused: back to the participant, with the sentence."""
    closed = attendance.why_closed(visit)
    if closed and request.method != "POST":
        messages.warning(request, closed)
        return redirect("participant", visit.participant.identifier)


@require_safe
def visit(request, identifier, code):
    row = reach_visit(request.user, identifier, code, needs=Permission.SEE)
    today = row.site.today(timezone.now())
    may_log = request.user.can(Permission.LOG_VISIT, row.site_id)
    recorded = list(row.procedures.order_by("id"))
    for each in recorded:
        each.visit = row
    lacking = to_complete(row, recorded)
    context = {
        "visit": row,
        "participant": row.participant,
        "today": today,
        "status": row.status(today),
        "why": row.why(today),
        "booked_for": bookings.booked_for(row),
        "may_book": may_log and not row.attended_on and not row.missed_at and row.closes_on,
        "recorded": recorded,
        "replaced": replaced([row, *recorded]),
        "planned": procedures.of(row),
        "links": panels.links(row, row.status(today), True) if may_log else (),
        "lacking": lacking,
        "values": list(lines(row)) if recorded else (),
        "sledai": scored(row) if recorded else None,
        "contacts": list(row.contacts.select_related("recorded_by")),
        "may_complete": may_log and lacking,
        "may_contact": may_log and row.opens_on and not row.attended_on,
        "may_log": may_log,
        "may_record": may_log and row.attended_on and not recorded and procedures.of(row),
    }
    return render(request, "visits/visit.html", context)


@form_view
def log_visit(request, identifier, code):
    visit = reach_visit(request.user, identifier, code)
    if closed := turned_away(request, visit):
        return closed
    at = timezone.now()
    today = visit.site.today(at)
    day = bookings.day_to_log(visit, today)
    form = bound(
        request,
        visit,
        partial(AttendanceForm, initial={"attended_on": day}, echo_url=reverse("day_echo", args=[identifier, code])),
    )
    logged = accepted(request, form, partial(attendance.attend, visit=visit, by=request.user, at=at), row=visit)
    if logged:
        messages.success(request, f"{logged} is logged for {day_label(logged.attended_on)}.")
        return redirect(after_log(request, logged, form), identifier)
    if form.is_bound:
        day = getattr(form, "cleaned_data", {}).get("attended_on")
    context = {
        "echo": day and attendance.echo(visit, day, today),
        "theirs": form.is_bound and attendance.recorded_meanwhile(visit),
    }
    return visit_page(request, "visits/log.html", visit, form, **context)


def after_log(request, logged, form):
    """Where a saved log leads: to the report of a new event that was found, else to the participant."""
    measured = form.cleaned_data["measured"]
    if measured.findings.get(procedures.MEDICINES) == procedures.news(logged, procedures.MEDICINES):
        messages.info(request, "The medicines changed: record the change.")
    found = measured.findings.get(procedures.EVENTS)
    is_new = bool(found) and found == procedures.news(logged, procedures.EVENTS)
    return "report_event" if "report" in request.POST or is_new else "participant"


@require_safe
def day_echo(request, identifier, code):
    """What a typed day means for this visit, as a fragment. Stores nothing."""
    visit = reach_visit(request.user, identifier, code)
    form = AttendanceForm(request.GET, echo_url="", procedures=())
    form.full_clean()
    try:
        words = attendance.echo(visit, form.cleaned_data["attended_on"], visit.site.today(timezone.now()))
    except KeyError:
        words = " ".join(form.errors.get("attended_on", []))
    return HttpResponse(words, content_type="text/plain; charset=utf-8")


@form_view
def log_unplanned(request, identifier, kind):
    """A visit outside the schedule: unscheduled, or early termination."""
    participant = reach(
        Participant.objects.for_listing(), request.user, needs=Permission.LOG_VISIT, identifier=identifier
    )
    try:
        planned = participant.protocol.unplanned_visit(kind)
    except UnknownCode:
        raise Http404 from None
    at = timezone.now()
    visit = Visit(participant=participant, site=participant.site, unplanned=kind, code=planned.code)
    form = bound(request, visit, partial(UnplannedForm, initial={"attended_on": participant.site.today(at)}))
    act = partial(unplanned.log, participant=participant, kind=kind, by=request.user, at=at)
    logged = accepted(request, form, act)
    if logged:
        messages.success(request, f"{logged} is logged for {day_label(logged.attended_on)}.")
        return redirect(after_log(request, logged, form), identifier)
    context = {"form": form, "planned": planned, "participant": participant, "today": participant.site.today(at)}
    context["reasons"] = unplanned.reasons_against(participant, planned)
    return render(request, "visits/unplanned.html", context, status=status_for(form))


@form_view
def record_procedures(request, identifier, code):
    """For a visit whose day was recorded elsewhere: the screening and the infusion."""
    visit = reach_visit(request.user, identifier, code)
    form = bound(request, visit, ProceduresForm)
    act = partial(procedures.record, visit=visit, by=request.user, at=timezone.now())
    if accepted(request, form, act, row=visit):
        messages.success(request, f"The procedures of {visit} are recorded.")
        return redirect("visit", identifier, code)
    return visit_page(request, "visits/procedures.html", visit, form)


def bound(request, visit, form_class):
    """The form over what was posted. The button "All procedures done" answers those still open, and saves nothing."""
    about = {"visit": visit, "procedures": procedures.of(visit), "last": last_values(visit)}
    if "all_done" in request.POST:
        return form_class(ProceduresForm.with_all_done(request.POST, about["procedures"]), **about).unjudged()
    return form_class(posted(request), **about)


def accepted(request, form, act, row=None):
    if "all_done" in request.POST:
        form.opened_version = row and opened_version(request, row)
        return None
    return submit(request, form, act, row=row)


@form_view
def book_visit(request, identifier, code):
    visit = reach_visit(request.user, identifier, code)
    at = timezone.now()
    booked_for = bookings.booked_for(visit)
    days = planner.choices(visit, visit.site.today(at)) if visit.closes_on else []
    initial = bookings.proposal(visit, booked_for, at) | chosen_day(request, days, booked_for)
    form = BookingForm(posted(request), initial=initial | {"instead_of": bookings.in_force(visit)})
    made = submit(request, form, partial(bookings.book, visit=visit, by=request.user, at=at))
    if made:
        messages.success(request, f"{visit} is booked for {bookings.words(visit, made.starts_at)}.")
        if doubt := bookings.doubt(visit, made.starts_at):
            messages.warning(request, doubt)
        return redirect("participant", identifier)
    return visit_page(request, "visits/book.html", visit, form, booked_for=booked_for, days=days)


def chosen_day(request, days, booked_for):
    """The day the form starts with: the one chosen from the list, else the best one while nothing is booked."""
    asked = request.GET.get("on")
    chosen = [choice.on for choice in days if choice.on.isoformat() == asked or (not asked and choice.is_best)]
    return {"on": chosen[0]} if chosen and (asked or not booked_for) else {}


@form_view
def cancel_booking(request, identifier, code):
    visit = reach_visit(request.user, identifier, code)
    form = CancelForm(posted(request), initial={"instead_of": bookings.in_force(visit)})
    if submit(request, form, partial(bookings.cancel, visit=visit, by=request.user, at=timezone.now())):
        messages.success(request, f"The appointment of {visit} is cancelled.")
        return redirect("visit", identifier, code)
    return visit_page(request, "visits/book.html", visit, form, booked_for=bookings.booked_for(visit), cancels=True)


@form_view
def miss_visit(request, identifier, code):
    visit = reach_visit(request.user, identifier, code)
    if closed := turned_away(request, visit):
        return closed
    form = MissedForm(posted(request))
    act = partial(attendance.miss, visit=visit, by=request.user, at=timezone.now())
    missed = submit(request, form, act, row=visit)
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
    }
    status = 409 if context.get("theirs") else status_for(form)
    return render(request, template, context, status=status)
