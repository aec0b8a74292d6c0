from functools import partial

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.passwords import client_address
from studytracker.access.scope import reach
from studytracker.web.submission import posted, status_for, submit

from . import decisions as acts
from .models import DsmbDecision, Participant
from .treatment_forms import CheckForm, DecisionForm

form_view = require_http_methods(["GET", "HEAD", "POST"])
ROWS = DsmbDecision.objects.select_related("participant__site", "recorded_by", "confirmed_by")


@form_view
def record_decision(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.REVIEW_SAFETY, identifier=identifier)
    at = timezone.now()
    form = DecisionForm(posted(request), today=row.site.today(at))
    made = submit(request, form, partial(acts.record_decision, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, "The decision is recorded. It counts once a second person confirms it.")
        return redirect(made)
    context = {"form": form, "participant": row, "stagger": row.protocol.stagger, "today": row.site.today(at)}
    return render(request, "participants/record_decision.html", context, status=status_for(form))


@require_safe
def dsmb_decision(request, pk):
    row = reach(ROWS, request.user, pk=pk)
    return _page(request, "participants/decision.html", row)


@form_view
def confirm_decision(request, pk):
    row = reach(ROWS, request.user, needs=Permission.REVIEW_SAFETY, pk=pk)
    at = timezone.now()
    form = CheckForm(posted(request), user=request.user, address=client_address(request), at=at)
    if submit(request, form, partial(acts.confirm_decision, decision=row, by=request.user, at=at)):
        messages.success(request, f"Confirmed: {row}, {row.decision_words.lower()}.")
        return redirect(row)
    return _page(request, "participants/confirm_decision.html", row, form=form)


def _page(request, template, row, form=None):
    may = request.user.can(Permission.REVIEW_SAFETY, row.site_id)
    context = {
        "decision": row,
        "participant": row.participant,
        "form": form,
        "may_confirm": may and not row.confirmed_at and row.recorded_by_id != request.user.pk,
        "today": row.participant.site.today(timezone.now()),
    }
    return render(request, template, context, status=status_for(form) if form else 200)
