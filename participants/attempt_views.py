from functools import partial

from django.contrib import messages
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.dates import day_label
from studytracker.exports.tables import as_csv
from studytracker.web.listing import listing
from studytracker.web.submission import posted, submit

from . import attempts
from .forms import ConsentForm, ScreenAgainForm
from .models import Participant
from .tables import FailureReasonTable, ScreeningLogFilter, ScreeningLogTable, for_screening_log
from .views import page

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def screening_log(request):
    """Who was screened, with consent and result (ICH E6 8.3.20), and why screenings failed, by site."""
    require(request.user, Permission.SEE)
    failed = Participant.objects.visible_to(request.user).filter(screen_failed_at__isnull=False)
    return listing(
        request,
        table_class=ScreeningLogTable,
        filterset_class=ScreeningLogFilter,
        queryset=for_screening_log(Participant.objects.visible_to(request.user)),
        template="participants/screening_log.html",
        extra={"reasons": FailureReasonTable(attempts.reasons_by_site(failed), orderable=False)},
    )


@require_safe
def failure_reasons(request):
    """The reasons of screen failures by site, as a file."""
    require(request.user, Permission.EXPORT)
    sites = request.user.sites_where(Permission.EXPORT)
    failed = Participant.objects.visible_to(request.user).filter(screen_failed_at__isnull=False, site__in=sites)
    return as_csv(FailureReasonTable(attempts.reasons_by_site(failed)), "screen-failure-reasons.csv")


@form_view
def screen_again(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.SCREEN, identifier=identifier)
    at = timezone.now()
    today = row.site.today(at)
    initial = {"screened_on": today, "consent_on": today}
    form = ScreenAgainForm(posted(request), rules=row.protocol, site=row.site_id, initial=initial)
    made = submit(request, form, partial(attempts.screen_again, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, f"{row} is screened again as {made}. Now record what the new screening finds.")
        return redirect("worksheet", made.identifier)
    return page(request, "participants/screen_again.html", row, form=form)


@form_view
def consent_again(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.SCREEN, identifier=identifier)
    at = timezone.now()
    form = ConsentForm(
        posted(request), rules=row.protocol, site=row.site_id, initial={"consent_on": row.site.today(at)}
    )
    made = submit(request, form, partial(attempts.consent_again, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, f"Consent to form {made.form_version} on {day_label(made.signed_on)} is recorded.")
        return redirect("participant", row.identifier)
    return page(request, "participants/consent_again.html", row, form=form)
