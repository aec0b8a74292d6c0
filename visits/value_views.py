"""What a logged visit still lacks: values, findings, the SLEDAI; and attempts to reach somebody who did not come."""

from functools import partial

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from studytracker.access.grants import Permission
from studytracker.web.submission import posted, status_for, submit

from . import contacts, procedures
from .forms import ContactForm
from .measurements import last_values
from .sledai_forms import SledaiForm, record_for
from .value_forms import ValuesForm
from .views import reach_visit, visit_page

form_view = require_http_methods(["GET", "HEAD", "POST"])


@form_view
def complete_visit(request, identifier, code):
    """Values and findings of the procedures that were done."""
    visit = reach_visit(request.user, identifier, code)
    done = {each.code for each in visit.procedures.filter(is_done=True)}
    if not done:
        messages.info(request, f"No procedure of {visit} is recorded as done yet.")
        return redirect("visit", identifier, code)
    asked = [procedure for procedure in procedures.of(visit) if procedure.code in done]
    form = ValuesForm(posted(request), visit=visit, procedures=asked, last=last_values(visit))
    act = partial(procedures.complete, visit=visit, by=request.user, at=timezone.now())
    if submit(request, form, act):
        messages.success(request, f"The values of {visit} are saved.")
        return redirect("visit", identifier, code)
    return visit_page(request, "visits/values.html", visit, form)


@form_view
def score_sledai(request, identifier, code):
    """The worksheet of the disease activity score for one attended visit."""
    visit = reach_visit(request.user, identifier, code)
    if not visit.attended_on:
        messages.info(request, f"{visit} is not logged yet. Log the visit first.")
        return redirect("visit", identifier, code)
    form = SledaiForm(posted(request), rules=visit.rules.sledai)
    score = submit(request, form, partial(record_for, visit=visit, by=request.user, at=timezone.now()))
    if score:
        total = f"total {score.total}" if score.total is not None else "total open: some descriptors are unanswered"
        messages.success(request, f"The SLEDAI of {visit} is saved, {total}.")
        return redirect("visit", identifier, code)
    return visit_page(request, "visits/sledai.html", visit, form, sledai=visit.rules.sledai)


@form_view
def contact(request, identifier, code):
    visit = reach_visit(request.user, identifier, code, needs=Permission.LOG_VISIT)
    at = timezone.now()
    form = ContactForm(posted(request), initial={"tried_on": visit.site.today(at)})
    if submit(request, form, partial(contacts.record, visit=visit, by=request.user, at=at)):
        messages.success(request, f"The attempt to reach {visit.participant} is saved.")
        return redirect("visit", identifier, code)
    context = {"visit": visit, "participant": visit.participant, "form": form, "today": visit.site.today(at)}
    return render(request, "visits/contact.html", context, status=status_for(form))
