from functools import partial

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from participants.models import Participant
from studytracker.access.grants import Permission
from studytracker.access.scope import reach
from studytracker.protocol.approving import later_versions
from studytracker.web.fields import DateField, TextField
from studytracker.web.submission import posted, status_for, submit

from . import amending


class AmendmentForm(forms.Form):
    version = forms.ChoiceField(label="Protocol version")
    consented_on = DateField(label="Date the participant consented to it")
    reason = TextField(label="Reason for the move", max_length=500)

    def __init__(self, *args, versions, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = [(number, f"{number}, approved {on:%Y-%m-%d}") for number, on in versions]


@require_http_methods(["GET", "HEAD", "POST"])
def amend(request, identifier):
    """First what would change, then, with the same form again, the move."""
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.AMEND, identifier=identifier)
    at = timezone.now()
    versions = later_versions(row.protocol_version, row.site_id)
    form = AmendmentForm(posted(request), versions=versions, initial={"consented_on": row.site.today(at)})
    differences = None
    if _is_confirmed(request, form):
        made = submit(request, form, partial(amending.amend, participant=row, by=request.user, at=at))
        if made:
            messages.success(request, f"{row} is under protocol {made.to_version}. What changed is listed below.")
            return redirect("amend", identifier)
    elif request.method == "POST" and form.is_valid():
        differences = _differences(row, form, at)
    context = {"participant": row, "today": row.site.today(at), "form": form, "differences": differences}
    context |= {"versions": versions, "changes": row.version_changes.prefetch_related("visits__visit")}
    return render(request, "visits/amendment.html", context, status=status_for(form))


def _is_confirmed(request, form):
    """Whether the version to be applied is the one whose differences the person was shown."""
    shown = request.POST.get("apply")
    return bool(shown) and form.is_valid() and form.cleaned_data["version"] == shown


def _differences(row, form, at):
    """What the move would change, or None with the refusal on the form. Changes nothing."""
    given = form.cleaned_data
    try:
        amending.check(row, given["version"], given["consented_on"], at)
    except amending.AmendmentRefused as refusal:
        refusal.add_to(form)
        return None
    return amending.preview(row, given["version"], row.site.today(at))
