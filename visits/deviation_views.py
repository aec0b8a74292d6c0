from functools import partial

from django.contrib import messages
from django.db.models import Q
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from participants.models import Participant
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.trust.replaced import replaced
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import deviations as acts
from .deviation_forms import ClassifyForm, CloseForm, CompleteForm, DeviationForm, RestoreForm, VoidForm
from .deviation_log import DeviationFilter, DeviationTable
from .models import CLASSIFIED, COMPLETED, DRAFTED, VOIDED, Deviation

form_view = require_http_methods(["GET", "HEAD", "POST"])

# (label, url name, permission, the stages at which it is offered), the likeliest first.
STEPS = (
    ("Complete", "complete_deviation", Permission.REPORT_DEVIATION, (DRAFTED, COMPLETED)),
    ("Classify", "classify_deviation", Permission.CLASSIFY_DEVIATION, (COMPLETED, CLASSIFIED)),
    ("Close", "close_deviation", Permission.REPORT_DEVIATION, (CLASSIFIED,)),
    ("Restore…", "restore_deviation", Permission.REPORT_DEVIATION, (VOIDED,)),
    ("Void…", "void_deviation", Permission.REPORT_DEVIATION, (DRAFTED, COMPLETED, CLASSIFIED)),
)


@require_safe
def deviations(request):
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=DeviationTable,
        filterset_class=DeviationFilter,
        queryset=Deviation.objects.visible_to(request.user).for_listing().order_by("-found_on", "-id"),
        template="web/listing.html",
    )


def reach_deviation(user, identifier, number, needs=Permission.SEE):
    rows = Deviation.objects.select_related(
        "participant__infusion", "participant__enrollment", "site", "visit", "drafted_by", "completed_by"
    )
    # A deviation of the trial is found by the site that keeps it; no identifier is the code of a site.
    rows = rows.filter(Q(participant__identifier=identifier) | Q(participant=None, site=identifier))
    return reach(rows, user, needs=needs, number=number)


@require_safe
def deviation(request, identifier, number):
    row = reach_deviation(request.user, identifier, number)
    steps = [
        (label, reverse(name, args=[identifier, number]))
        for label, name, permission, stages in STEPS
        if row.stage in stages and request.user.can(permission, row.site_id)
    ]
    state = row.report_state(row.site.today(timezone.now()))
    return page(request, "visits/deviation.html", row, steps=steps, report_state=state, replaced=replaced([row]))


@form_view
def report_deviation(request, identifier):
    row = reach(
        Participant.objects.for_listing(), request.user, needs=Permission.REPORT_DEVIATION, identifier=identifier
    )
    at = timezone.now()
    form = DeviationForm(posted(request), initial={"happened_on": row.site.today(at)})
    made = submit(request, form, partial(acts.report, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, f"{made} is drafted: {made.category_words}.")
        return redirect("deviation", identifier, made.number)
    context = {"form": form, "participant": row, "today": row.site.today(at), "title": "report a deviation"}
    context |= {"back": reverse("participant", args=[identifier])}
    return render(request, "visits/deviation_form.html", context, status=status_for(form))


@form_view
def complete_deviation(request, identifier, number):
    return step(request, identifier, number, Permission.REPORT_DEVIATION, CompleteForm, acts.complete, "complete")


@form_view
def classify_deviation(request, identifier, number):
    return step(request, identifier, number, Permission.CLASSIFY_DEVIATION, ClassifyForm, acts.classify, "classify")


@form_view
def close_deviation(request, identifier, number):
    return step(request, identifier, number, Permission.REPORT_DEVIATION, CloseForm, acts.close, "close")


@form_view
def void_deviation(request, identifier, number):
    return step(request, identifier, number, Permission.REPORT_DEVIATION, VoidForm, acts.void, "void")


@form_view
def restore_deviation(request, identifier, number):
    return step(request, identifier, number, Permission.REPORT_DEVIATION, RestoreForm, acts.restore, "restore")


def step(request, identifier, number, needs, form_class, act, title):
    row = reach_deviation(request.user, identifier, number, needs)
    at = timezone.now()
    form = form_class(posted(request), deviation=row, today=row.site.today(at))
    done = submit(request, form, partial(act, deviation=row, by=request.user, at=at), row=row)
    if done:
        messages.success(request, f"{done} is saved: {done.stage.lower()}.")
        return redirect("deviation", identifier, number)
    back = reverse("deviation", args=[identifier, number])
    words = {"title": f"{title} DV {number}", "button": f"{title.capitalize()} this deviation"}
    return page(request, "visits/deviation_form.html", row, form=form, back=back, **words)


def page(request, template, row, **context):
    form = context.get("form")
    context |= {"deviation": row, "participant": row.participant, "today": row.site.today(timezone.now())}
    return render(request, template, context, status=status_for(form) if form else 200)
