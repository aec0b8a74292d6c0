from functools import partial

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from studytracker.access.grants import Permission
from studytracker.access.scope import reach
from studytracker.web.submission import posted, submit

from . import correcting, infusion
from .correction_forms import ConsentCorrectionForm, InfusionCorrectionForm, ParticipantCorrectionForm
from .models import Participant
from .views import page

form_view = require_http_methods(["GET", "HEAD", "POST"])


@form_view
def correct_participant(request, identifier):
    row = _reached(request, identifier, Permission.SCREEN)
    form = ParticipantCorrectionForm(posted(request), row=row)
    act = partial(correcting.correct_participant, participant=row, by=request.user, at=timezone.now())
    return _answer(request, row, form, act, row, "what was recorded at screening", "participant")


@form_view
def correct_consent(request, identifier, pk):
    row = _reached(request, identifier, Permission.SCREEN)
    consent = row.consents.filter(pk=pk).first()
    if consent is None:
        raise Http404
    consent.participant = row
    form = ConsentCorrectionForm(posted(request), row=consent)
    act = partial(correcting.correct_consent, consent=consent, by=request.user, at=timezone.now())
    return _answer(request, row, form, act, consent, f"the consent to form {consent.form_version}", "participant")


@form_view
def correct_infusion(request, identifier):
    row = _reached(request, identifier, Permission.INFUSE)
    given = row.infused
    if not (given and given.stopped_at):
        messages.warning(request, "There is no end of an infusion to correct yet.")
        return redirect("infusion_day", identifier)
    given.participant = row
    form = InfusionCorrectionForm(posted(request), row=given)
    act = partial(infusion.correct_end, infusion=given, by=request.user, at=timezone.now())
    return _answer(request, row, form, act, given, "the end of the infusion", "infusion_day")


def _reached(request, identifier, needs):
    return reach(Participant.objects.for_listing(), request.user, needs=needs, identifier=identifier)


def _answer(request, participant, form, act, row, what, back):
    """Saved, and back with what somebody has to look at again; or the form with what is wrong."""
    corrected = submit(request, form, act, row=row)
    if not corrected:
        return page(request, "participants/correct.html", participant, form=form, what=what, back=back, record=row)
    messages.success(request, f"{participant}: {what} is corrected. What stood before stays in its history.")
    for doubt in corrected.doubts:
        messages.warning(request, doubt)
    return redirect(back, participant.identifier)
