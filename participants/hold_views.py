from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.passwords import client_address
from studytracker.access.scope import require
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import holds as acts
from . import lifting
from .hold_forms import HoldForm, LiftForm, PlaceForm, ReasonForm
from .hold_log import HoldFilter, HoldTable
from .models import Hold

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def holds(request):
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=HoldTable,
        filterset_class=HoldFilter,
        queryset=Hold.objects.visible_to(request.user).for_listing(),
        template="participants/holds.html",
        site_field=None,  # what a person may see of the holds may leave: no participant is in them
        extra={"new": _new_words(request.user)},
    )


def reach_hold(user, pk, needs=None):
    """One hold that the person may see; PermissionDenied where a step of it is not theirs."""
    row = get_object_or_404(Hold.objects.visible_to(user).for_listing(), pk=pk)
    if needs and not acts.may(user, needs, row):
        raise PermissionDenied(f"Your role does not let you {needs.value} at {row.scope_words}.")
    return row


@require_safe
def hold(request, pk):
    row = reach_hold(request.user, pk)
    context = {"hold": row, "steps": acts.steps(row, request.user)}
    if row.lifted_at:
        context["standing"] = lifting.standing(lifting.KIND, str(row.pk))
    return render(request, "participants/hold.html", context)


def _new_words(user):
    if user.can_somewhere(Permission.PLACE_HOLD):
        return "Place a hold"
    return "Propose a hold" if user.can_somewhere(Permission.PROPOSE_HOLD) else ""


@form_view
def new_hold(request):
    """Opened at once by those who may place one there, proposed by the others."""
    words = _new_words(request.user)
    if not words:
        require(request.user, Permission.PROPOSE_HOLD)
    form = HoldForm(posted(request), user=request.user)
    made = submit(request, form, partial(_raise, by=request.user, at=timezone.now()))
    if made:
        messages.success(request, f"{made} is {made.stage.lower()}.")
        return redirect(made)
    context = {"form": form, "title": words}
    return render(request, "participants/hold_form.html", context, status=status_for(form))


def _raise(*, site, by, at, **facts):
    permission = Permission.PLACE_HOLD
    may_place = by.can(permission, site.pk) if site else by.can_somewhere(permission)
    return (acts.open_hold if may_place else acts.propose_hold)(site=site, **facts, by=by, at=at)


@form_view
def place_hold(request, pk):
    return step(request, pk, Permission.PLACE_HOLD, PlaceForm, acts.place_hold, "Place the hold")


@form_view
def decline_hold(request, pk):
    return step(request, pk, Permission.PLACE_HOLD, ReasonForm, acts.decline_hold, "Decline the hold")


@form_view
def lift_hold(request, pk):
    """With a signature: the password again, over the hold as it is shown."""
    row = reach_hold(request.user, pk, Permission.LIFT_HOLD)
    at = timezone.now()
    signer = {"user": request.user, "address": client_address(request), "at": at}
    form = LiftForm(posted(request), initial={"displayed_hash": lifting.displayed_hash(row)}, **signer)
    done = submit(request, form, partial(lifting.lift_signed, hold=row, by=request.user, at=at), row=row)
    if done:
        messages.success(request, f"{done} is lifted, under your signature.")
        return redirect(done)
    return _form_page(request, row, form, "Lift the hold")


def step(request, pk, needs, form_class, act, title):
    row = reach_hold(request.user, pk, needs)
    form = form_class(posted(request))
    done = submit(request, form, partial(act, hold=row, by=request.user, at=timezone.now()), row=row)
    if done:
        messages.success(request, f"{done} is {done.stage.lower()}.")
        return redirect(done)
    return _form_page(request, row, form, title)


def _form_page(request, row, form, title):
    context = {"form": form, "hold": row, "title": title}
    return render(request, "participants/hold_form.html", context, status=status_for(form))
