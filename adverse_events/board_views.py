from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.passwords import client_address
from studytracker.access.scope import require
from studytracker.exports.pdf import NoPdf, as_download
from studytracker.protocol.models import Site
from studytracker.trust.acts import Kind, note_by
from studytracker.trust.as_of import point_at
from studytracker.trust.signatures import standing
from studytracker.web.submission import posted, status_for, submit

from . import board as acts
from . import packet
from .board_forms import CarryOutForm, MeetingForm, RecommendationForm
from .models import BoardMeeting, Recommendation
from .outputs.making import last_entry

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def board(request):
    require(request.user, Permission.SEE)
    meetings = BoardMeeting.objects.visible_to(request.user).select_related("recorded_by")
    context = {
        "meetings": meetings.prefetch_related("recommendations__hold", "recommendations__carried_out_by"),
        "may_record": request.user.can_somewhere(Permission.REVIEW_SAFETY),
        "may_take": _may_take(request.user),
    }
    return render(request, "adverse_events/board/board.html", context)


def _may_take(user):
    """The packet holds the closed part, of every site."""
    return user.can_somewhere(Permission.REVIEW_SAFETY) and user.can_somewhere(Permission.EXPORT)


@form_view
def new_meeting(request):
    require(request.user, Permission.REVIEW_SAFETY)
    at = timezone.now()
    form = MeetingForm(posted(request), today=max(Site.todays(at).values()), entry=last_entry())
    made = submit(request, form, partial(acts.record_meeting, by=request.user, at=at))
    if made:
        messages.success(request, f"{made} is recorded. Add what the board recommended.")
        return redirect(made)
    context = {"form": form, "title": "Record a meeting of the DSMB", "button": "Record the meeting"}
    return render(request, "adverse_events/board/form.html", context, status=status_for(form))


@require_safe
def board_meeting(request, number):
    row = get_object_or_404(BoardMeeting.objects.visible_to(request.user), number=number)
    context = {
        "meeting": row,
        "recommendations": row.recommendations.select_related("hold", "recorded_by", "carried_out_by", "meeting"),
        "may_record": request.user.can_somewhere(Permission.REVIEW_SAFETY),
        "may_take": _may_take(request.user),
    }
    return render(request, "adverse_events/board/meeting.html", context)


@form_view
def recommend(request, number):
    row = get_object_or_404(BoardMeeting.objects.visible_to(request.user), number=number)
    require(request.user, Permission.REVIEW_SAFETY)
    form = RecommendationForm(posted(request), user=request.user)
    made = submit(request, form, partial(acts.recommend, meeting=row, by=request.user, at=timezone.now()))
    if made:
        messages.success(request, f"Recorded: {made.words}. {made.resolved_words}.")
        return redirect(made)
    context = {"form": form, "title": f"{row}: a recommendation", "button": "Record the recommendation", "back": row}
    return render(request, "adverse_events/board/form.html", context, status=status_for(form))


@form_view
def recommendation(request, pk):
    """The recommendation, with its hold: carried out here, under a signature, by whoever may lift holds."""
    rows = Recommendation.objects.visible_to(request.user).select_related("meeting", "hold", "carried_out_by")
    row = get_object_or_404(rows, pk=pk)
    waits = bool(row.step and not row.carried_out_at)
    may = waits and request.user.can_somewhere(Permission.LIFT_HOLD)
    if request.method == "POST":
        require(request.user, Permission.LIFT_HOLD)
    form = _carry_out(request, row) if may else None
    if form and getattr(form, "done", None):
        messages.success(request, f"{form.done.resolved_words}, under your signature.")
        return redirect(form.done)
    told = standing(acts.KIND, str(row.pk)) if row.step else None
    context = {"row": row, "form": form, "waits": waits, "standing": told}
    status = 409 if form and getattr(form, "is_overtaken", False) else status_for(form) if form else 200
    return render(request, "adverse_events/board/recommendation.html", context, status=status)


def _carry_out(request, row):
    at = timezone.now()
    signer = {"user": request.user, "address": client_address(request), "at": at}
    form = CarryOutForm(posted(request), initial={"displayed_hash": acts.displayed_hash(row)}, **signer)
    form.done = submit(request, form, partial(acts.carry_out, recommendation=row, by=request.user, at=at))
    return form


@require_safe
def dsmb_packet(request):
    """The whole packet as of one entry of the trail: PDF or ZIP, its open part alone, or the page that offers them."""
    require(request.user, Permission.REVIEW_SAFETY)
    require(request.user, Permission.EXPORT)
    kind, part = request.GET.get("format", "pdf"), request.GET.get("part", "")
    entry = request.GET.get("entry", "")
    point = point_at(int(entry) if entry.isascii() and entry.isdigit() and len(entry) < 19 else last_entry())
    if point is None or kind not in ("pdf", "zip") or part not in ("", *packet.PARTS):
        raise Http404
    note_by(request.user, Kind.EXPORT, at=timezone.now(), words=f"DSMB packet as {kind.upper()}. As of {point}.")
    try:
        made = packet.build(point, request.user, made_at=timezone.now())
        name = f"dsmb-packet-entry-{point.entry}"
        if kind == "pdf":
            return as_download(packet.as_pdf(made, part), f"{name}{f'-{part}' if part else ''}.pdf")
        return _zip(packet.as_zip(made), f"{name}.zip")
    except NoPdf as refused:
        messages.warning(request, str(refused))
        return redirect("dsmb")


def _zip(content, name):
    response = HttpResponse(content, "application/zip")
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    return response
