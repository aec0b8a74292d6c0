from functools import partial

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import product as acts
from .models import CustodyEvent, ProductLot
from .product_log import CustodyFilter, CustodyTable, LotFilter, LotTable, with_balance
from .treatment_forms import CustodyForm, LotForm, ReleaseForm

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def product(request):
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=LotTable,
        filterset_class=LotFilter,
        queryset=with_balance(ProductLot.objects.visible_to(request.user)),
        template="participants/product.html",
        extra={"may_handle": request.user.can_somewhere(Permission.HANDLE_PRODUCT)},
    )


@require_safe
def custody(request):
    """The accountability log: every step of every lot, with the balance after it."""
    require(request.user, Permission.SEE)
    events = CustodyEvent.objects.filter(lot__in=ProductLot.objects.visible_to(request.user))
    return listing(
        request,
        table_class=CustodyTable,
        filterset_class=CustodyFilter,
        queryset=events.select_related("lot", "participant", "recorded_by").order_by("site", "lot", "number"),
        template="participants/custody.html",
        extra={"sums": acts.accountability(events)},
    )


@form_view
def new_lot(request):
    require(request.user, Permission.HANDLE_PRODUCT)
    at = timezone.now()
    today = timezone.localdate(at, request.user.home_zone)
    form = LotForm(posted(request), user=request.user, today=today)
    made = submit(request, form, partial(acts.receive_lot, by=request.user, at=at))
    if made:
        messages.success(request, f"Lot {made} is on file. An investigator releases it.")
        return redirect(made)
    return render(request, "participants/new_lot.html", {"form": form}, status=status_for(form))


def reach_lot(user, pk, needs=Permission.SEE):
    return reach(ProductLot.objects.select_related("site", "recorded_by", "released_by"), user, needs=needs, pk=pk)


@require_safe
def lot(request, pk):
    row = reach_lot(request.user, pk)
    events = list(row.custody.select_related("participant", "recorded_by"))
    context = {
        "lot": row,
        "events": events,
        "sums": acts.accountability(events),
        "tests": row.donor_tests.all(),
        "against": [] if row.released_at else acts.reasons_against_release(row, timezone.now()),
        "may_handle": request.user.can(Permission.HANDLE_PRODUCT, row.site_id),
        "may_release": not row.released_at and request.user.can(Permission.RELEASE_PRODUCT, row.site_id),
    }
    return at_site(request, "participants/lot.html", row, context)


@form_view
def release_lot(request, pk):
    row = reach_lot(request.user, pk, Permission.RELEASE_PRODUCT)
    at = timezone.now()
    form = ReleaseForm(posted(request))
    if submit(request, form, partial(acts.release_lot, lot=row, by=request.user, at=at)):
        messages.success(request, f"Lot {row} is released: it may be thawed and given.")
        return redirect(row)
    context = {"lot": row, "form": form, "tests": row.donor_tests.all(), "title": f"Release lot {row}"}
    context["against"] = [] if row.released_at else acts.reasons_against_release(row, at)
    return at_site(request, "participants/release_lot.html", row, context)


@form_view
def record_custody(request, pk):
    row = reach_lot(request.user, pk, Permission.HANDLE_PRODUCT)
    at = timezone.now()
    form = CustodyForm(posted(request), site=row.site, today=row.site.today(at))
    made = submit(request, form, partial(acts.move, lot=row, by=request.user, at=at))
    if made:
        messages.success(request, f"Saved. {made.on_hand} of lot {row} on hand.")
        return redirect(row)
    context = {"lot": row, "form": form, "held": acts.on_hand(row)}
    return at_site(request, "participants/record_custody.html", row, context)


def at_site(request, template, row, context):
    form = context.get("form")
    with timezone.override(row.site.zone):
        return render(request, template, context, status=status_for(form) if form else 200)
