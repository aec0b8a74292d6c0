from decimal import Decimal
from functools import partial

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.passwords import client_address
from studytracker.access.scope import reach
from studytracker.dates import day_label
from studytracker.trust.replaced import replaced
from studytracker.web.submission import posted, status_for, submit

from . import doses, gates, infusion, observation
from .forms import InfusionDespiteForm, InfusionForm
from .models import Participant
from .observation_forms import VitalsForm
from .treatment_forms import MILLION, CheckForm, DoseForm, InterruptForm, ResumeForm, StopForm

form_view = require_http_methods(["GET", "HEAD", "POST"])


def reach_participant(request, identifier, needs=Permission.INFUSE):
    return reach(Participant.objects.for_listing(), request.user, needs=needs, identifier=identifier)


def page(request, template, row, at, **context):
    form = context.get("form")
    context |= {"participant": row, "today": row.site.today(at)}
    with timezone.override(row.site.zone):  # a participant's times are those of the participant's site
        return render(request, template, context, status=status_for(form) if form else 200)


@form_view
def prepare_dose(request, identifier):
    """The bench: what is typed is worked out beside the form, and stored when it is saved."""
    row = reach_participant(request, identifier)
    at = timezone.now()
    form = DoseForm(posted(request), participant=row, today=row.site.today(at), at=at)
    made = submit(request, form, partial(doses.prepare_dose, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, f"{made.volume_ml} mL hold {made.target_cells:,} cells. A second person checks it.")
        return redirect("prepare_dose", identifier)
    standing = row.doses.standing().select_related("lot", "prepared_by", "checked_by").first()
    words = dose_words(row, request.POST) if request.method == "POST" else ""
    rules = {"treatment": row.protocol.treatment, "product": row.protocol.product}
    return page(request, "participants/dose.html", row, at, form=form, dose=standing, words=words, **rules)


@require_safe
def dose(request, identifier):
    """What follows from the numbers typed so far, as a fragment beside the form. Stores nothing."""
    words = dose_words(reach_participant(request, identifier), request.GET)
    return HttpResponse(words, content_type="text/plain; charset=utf-8")


def dose_words(row, typed):
    """'72.4 kg × 1,000,000 cells/kg = 72,400,000 cells; in 80.0 mL'."""
    try:
        weight = DoseForm.base_fields["weight_kg"].clean(typed.get("weight_kg", ""))
        per_kg = row.protocol.treatment.dose_per_kg
        target = doses.planned_cells(weight, per_kg)
        words = f"{weight} kg × {per_kg:,} cells/kg = {target:,} cells"
        if not (typed.get("cells_per_ml") and typed.get("viability_percent")):
            return words
        density = int(DoseForm.base_fields["cells_per_ml"].clean(typed["cells_per_ml"]) * MILLION)
        viable = DoseForm.base_fields["viability_percent"].clean(typed["viability_percent"])
    except ValidationError as error:
        return " ".join(error.messages)
    viable_per_ml = doses.cells_in(Decimal(1), density, viable)
    return f"{words}. {viable_per_ml:,} viable cells/mL: {doses.volume_for(target, density, viable)} mL"


@form_view
def check_dose(request, identifier):
    row = reach_participant(request, identifier)
    at = timezone.now()
    standing = row.doses.standing().select_related("lot", "prepared_by", "checked_by").first()
    form = CheckForm(posted(request), user=request.user, address=client_address(request), at=at)
    if standing and submit(request, form, partial(doses.check_dose, dose=standing, by=request.user, at=at)):
        messages.success(request, f"The dose is checked: {standing.volume_ml} mL of lot {standing.lot}.")
        return redirect("infuse", identifier)
    return page(request, "participants/check_dose.html", row, at, form=form, dose=standing)


@form_view
def infuse(request, identifier):
    row = reach_participant(request, identifier)
    if row.infused and request.method != "POST":
        return redirect("infusion_day", identifier)
    at = timezone.now()
    form = InfusionForm(posted(request), today=row.site.today(at))
    made = submit(request, form, partial(infusion.infuse, participant=row, by=request.user, at=at))
    if made:
        messages.success(
            request,
            f"The infusion on {day_label(made.infused_on)} is Day 0: {made.planned_cells:,} cells planned for "
            f"{made.weight_kg.normalize():f} kg. The follow-up visits are planned.",
        )
        return redirect("infusion_day", identifier)
    standing = row.doses.standing().select_related("lot", "prepared_by", "checked_by").first()
    context = {"form": form, "gates": gates.gates(row, at), "dose": standing, "treatment": row.protocol.treatment}
    may_despite = not row.infused and request.user.can(Permission.CLASSIFY_DEVIATION, row.site_id)
    context["may_despite"] = may_despite and any(not gate.is_open for gate in context["gates"])
    return page(request, "participants/infusion.html", row, at, **context)


@form_view
def infuse_despite(request, identifier):
    """An investigator records an infusion that took place against a closed gate, with its deviations."""
    row = reach_participant(request, identifier, needs=Permission.CLASSIFY_DEVIATION)
    if row.infused and request.method != "POST":
        return redirect("infusion_day", identifier)
    at = timezone.now()
    form = InfusionDespiteForm(posted(request), today=row.site.today(at))
    made = submit(request, form, partial(infusion.infuse_despite, participant=row, by=request.user, at=at))
    if made:
        count = len(made.closed_gates.splitlines())
        words = "A major deviation is" if count == 1 else f"{count} major deviations are"
        messages.warning(request, f"The infusion on {day_label(made.infused_on)} is Day 0. {words} to be reported.")
        return redirect("infusion_day", identifier)
    standing = row.doses.standing().select_related("lot", "prepared_by", "checked_by").first()
    context = {"form": form, "gates": gates.closed(row, at), "dose": standing}
    return page(request, "participants/infusion_despite.html", row, at, **context)


@require_safe
def infusion_day(request, identifier):
    """The hours of the infusion: how it runs, the vital signs due, and what lies outside its limits."""
    row = reach_participant(request, identifier, needs=Permission.SEE)
    at = timezone.now()
    may_record = request.user.can(Permission.INFUSE, row.site_id)
    context = {"day": observation.day(row, at), "may_record": may_record, "watch": row.protocol.infusion_observation}
    context["replaced"] = replaced([row.infused])
    return page(request, "participants/infusion_day.html", row, at, **context)


@form_view
def stop_infusion(request, identifier):
    return step(request, identifier, StopForm, infusion.stop_infusion, "End of the infusion")


@form_view
def interrupt_infusion(request, identifier):
    return step(request, identifier, InterruptForm, infusion.interrupt, "Interruption of the infusion")


@form_view
def resume_infusion(request, identifier):
    return step(request, identifier, ResumeForm, infusion.resume, "The infusion goes on")


def step(request, identifier, form_class, act, title):
    row = reach_participant(request, identifier)
    if not row.infused:
        return redirect("infuse", identifier)
    at = timezone.now()
    form = form_class(posted(request))
    if submit(request, form, partial(act, infusion=row.infused, by=request.user, at=at)):
        messages.success(request, f"Saved: {title.lower()}.")
        return redirect("infusion_day", identifier)
    return page(request, "participants/infusion_step.html", row, at, form=form, title=title)


@form_view
def infusion_vitals(request, identifier):
    """The vital signs of one time point, as many as were taken."""
    row = reach_participant(request, identifier)
    at = timezone.now()
    rules = row.protocol
    state = observation.day(row, at)
    initial = {"time_point": request.GET.get("at", "")[:40] or state.next_code, "measured_on": state.on}
    form = VitalsForm(posted(request), rules=rules, initial=initial)
    saved = submit(request, form, partial(observation.record, participant=row, by=request.user, at=at))
    if saved:
        messages.success(request, f"{len(saved)} vital sign{'' if len(saved) == 1 else 's'} saved.")
        return redirect("infusion_day", identifier)
    return page(request, "participants/infusion_step.html", row, at, form=form, title="Vital signs")
