from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import reach
from studytracker.trust.signing import SignBox

from . import confirmation, evidence
from .eligibility_forms import WhatIfForm
from .models import Participant
from .worksheet import judge


@require_safe
def worksheet(request, identifier):
    """Every criterion with its evidence and arithmetic, for the Baseline asked about; nothing is saved."""
    row = reach(Participant.objects.for_worksheet(), request.user, identifier=identifier)
    today = row.site_today(timezone.now())
    form = WhatIfForm(request.GET or None, initial={"baseline": row.infused_on or today})
    asked = form.cleaned_data["baseline"] if form.is_bound and form.is_valid() else None
    facts = evidence.of(row, until=row.infused_on)
    context = {
        "participant": row,
        "today": today,
        "form": form,
        "sheet": judge(facts, baseline=asked or row.infused_on or max(today, row.screened_on)),
        "asked": asked,
        "signed": confirmation.signed_words(row, facts),
        "may_enter": row.is_open and not row.infused and request.user.can(Permission.SCREEN, row.site_id),
        "may_sign": row.is_open and not row.infused and request.user.can(Permission.ENROLL, row.site_id),
    }
    with timezone.override(row.rules_of_site.zone):
        return render(request, "participants/worksheet.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def confirm_eligibility(request, identifier):
    """The investigator signs the worksheet as it stands on record."""
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.ENROLL, identifier=identifier)
    at = timezone.now()
    box = SignBox(request, confirmation.KIND, row.identifier, at=at)
    if box.signed:
        return redirect("worksheet" if row.enrolled else "enroll", row.identifier)
    context = {"participant": row, "today": row.site.today(at), "signing": box, "facts": box.standing.snapshot.facts}
    with timezone.override(row.site.zone):
        return render(request, "participants/confirm.html", context, status=box.status)
