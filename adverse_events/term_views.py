"""The organ systems of the terms on record, for the registry's tables: their page and their form."""

from functools import partial

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.exports.registry.tables import organ_systems as listed
from studytracker.web.editing import ReasonField
from studytracker.web.submission import posted, status_for, submit

from .models import AdverseEvent
from .organ_systems import assign, placed


class OrganSystemForm(forms.Form):
    term = forms.ChoiceField(error_messages={"required": "Choose a term."})
    organ_system = forms.ChoiceField(label="Organ system", error_messages={"required": "Choose an organ system."})
    reason = ReasonField(
        required=False,
        help_text="Only where the term has one already. The reason stays in the record beside your name.",
    )

    def __init__(self, *args, rows, **kwargs):
        super().__init__(*args, **kwargs)
        terms = [(row.key, f"{row.term} ({row.system or 'none yet'})") for row in rows]
        self.fields["term"].choices = [("", "Choose a term"), *terms]
        self.fields["organ_system"].choices = [("", "Choose one"), *((name, name) for name in listed())]

    def clean(self):
        """The chosen term as version and term."""
        given = super().clean()
        if not self.errors:
            given["version"], _, given["term"] = given["term"].partition(":")
        return given


@require_http_methods(["GET", "HEAD", "POST"])
def organ_systems(request):
    """Each coded term at the person's sites, and the form that puts one under an organ system."""
    user = request.user
    require(user, Permission.SEE)
    if request.method == "POST":
        require(user, Permission.PLACE_TERM)
    visible = AdverseEvent.objects.visible_to(user)
    rows = placed(visible)
    theirs = placed(visible.filter(site__in=user.sites_where(Permission.PLACE_TERM)))
    form = OrganSystemForm(
        posted(request),
        rows=[row for row in theirs if not row.is_from_dictionary],
        initial={"term": request.GET.get("term", "")},
    )
    made = submit(request, form, partial(assign, by=user, at=timezone.now()))
    if made:
        messages.success(request, f"{made.term} is under {made.organ_system}.")
        return redirect("organ_systems")
    context = {
        "form": form,
        "rows": rows,
        "missing": sum(not row.system for row in rows),
        "may_assign": user.can_somewhere(Permission.PLACE_TERM),
        "may_export": user.can_somewhere(Permission.EXPORT),
    }
    return render(request, "adverse_events/organ_systems.html", context, status=status_for(form))
