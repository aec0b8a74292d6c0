from functools import partial

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from studytracker.web.submission import posted, submit

from . import correcting
from .correction_forms import ProcedureCorrectionForm, VisitCorrectionForm
from .views import reach_visit, visit_page

form_view = require_http_methods(["GET", "HEAD", "POST"])


@form_view
def correct_visit(request, identifier, code):
    visit = reach_visit(request.user, identifier, code)
    form = VisitCorrectionForm(posted(request), row=visit)
    act = partial(correcting.correct_visit, visit=visit, by=request.user, at=timezone.now())
    corrected = submit(request, form, act, row=visit)
    if corrected:
        return _told(request, corrected, corrected.doubts, identifier, code)
    return visit_page(request, "visits/correct.html", visit, form, what="visit")


@form_view
def correct_procedure(request, identifier, code, procedure):
    visit = reach_visit(request.user, identifier, code)
    row = visit.procedures.filter(code=procedure).first()
    if row is None:
        raise Http404
    row.visit = visit
    form = ProcedureCorrectionForm(posted(request), row=row)
    act = partial(correcting.correct_procedure, procedure=row, by=request.user, at=timezone.now())
    corrected = submit(request, form, act, row=row)
    if corrected:
        return _told(request, f"{row.name} of {visit}", corrected.doubts, identifier, code)
    return visit_page(request, "visits/correct.html", visit, form, what=row.name)


def _told(request, what, doubts, identifier, code):
    messages.success(request, f"{what} is corrected. What stood before stays in its history.")
    for doubt in doubts:
        messages.warning(request, doubt)
    return redirect("visit", identifier, code)
