from datetime import timedelta
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.module_loading import import_string
from django.views.decorators.http import require_http_methods, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.dates import day_label
from studytracker.trust.replaced import replaced
from studytracker.web.editing import opened_version
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import decisions, enrollment, evidence, gates, holds, infusion, profile, screening, steroid_curve, timeline
from .actions import actions
from .forms import (
    CriteriaForm,
    Day0Form,
    EnrollmentForm,
    ScreenFailureForm,
    ScreenForm,
    WithdrawalForm,
)
from .models import Participant
from .tables import ParticipantFilter, ParticipantTable, for_table
from .vitals import weight_on, weights_of

STEROID_DAYS_BEFORE = 92  # before the screening visit: the look-back of a month and what led to it
form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def participants(request):
    require(request.user, Permission.SEE)
    return listing(
        request,
        table_class=ParticipantTable,
        filterset_class=ParticipantFilter,
        queryset=for_table(Participant.objects.visible_to(request.user)),
        template="participants/list.html",
        extra={"may_screen": request.user.can_somewhere(Permission.SCREEN)},
    )


@require_safe
def find(request):
    """Jump to a participant by identifier; without an exact one, to the list filtered by what was typed."""
    wanted = request.GET.get("q", "").strip()[:20]
    if not wanted:
        return redirect("participants")
    row = Participant.objects.visible_to(request.user).filter(identifier=wanted.replace("\0", "").upper()).first()
    if row:
        return redirect("participant", row.identifier)
    messages.warning(request, f'No participant at your sites is called "{wanted}". These contain it.')
    return redirect(f"{reverse('participants')}?{urlencode({'identifier': wanted})}")


@require_safe
def participant(request, identifier):
    row = reach(Participant.objects.for_listing().select_related("site"), request.user, identifier=identifier)
    today = row.site.today(timezone.now())
    consents = list(row.consents.all())
    return page(
        request,
        "participants/participant.html",
        row,
        replaced=replaced([row, row.infused, *consents]),
        actions=actions(row, request.user),
        assessment=None if row.infused else screening.assessment(row, today),
        consents=consents,
        may_correct=request.user.can(Permission.SCREEN, row.site_id),
        corrections=row.infused.corrections.count() if row.infused else 0,
        panels=[import_string(path)(row, request.user, today) for path in settings.PARTICIPANT_PANELS],
        timeline=_timeline(row, request.user, today),
        weight=weight_on(row, today),
    )


def _timeline(row, user, today):
    """Every room's lane on one axis of days, with the lanes themselves for the words below it."""
    lanes = [import_string(path)(row, user, today) for path in settings.PARTICIPANT_LANES]
    return {"drawing": timeline.draw(lanes, timeline.axis(lanes, row, today), today), "lanes": lanes}


@require_safe
def patient_profile(request, identifier):
    """Everything of one participant on one axis, and what is new since this person last looked."""
    row = reach(Participant.objects.for_listing().select_related("site"), request.user, identifier=identifier)
    at = timezone.now()
    today = row.site.today(at)
    return page(
        request,
        "participants/profile.html",
        row,
        news=profile.news(row, request.user, at),
        histories=row.histories.all(),
        panels=[import_string(path)(row, request.user, today) for path in settings.PROFILE_PANELS],
        **profile.pictures(row, request.user, today),
    )


@require_safe
def medicines(request, identifier):
    """Concomitant medicines and medical history, and the prednisone equivalent of every day."""
    row = reach(Participant.objects.for_listing(), request.user, identifier=identifier)
    today = row.site.today(timezone.now())
    courses = list(row.medications.all())
    weights = weights_of(row)
    for each in courses:
        each.participant = row
    standing = [each for each in courses if not each.voided_at]
    first = row.screened_on - timedelta(days=STEROID_DAYS_BEFORE)
    found = steroid_curve.stretches(row.protocol, standing, weights, first, today)
    allowed = steroid_curve.limit(row.protocol)
    context = {
        "courses": courses,
        "histories": row.histories.all(),
        "stretches": found,
        "drawing": steroid_curve.draw(found, allowed, row.infused_on),
        "allowed": allowed,
        "rules": row.protocol.corticosteroids,
    }
    return page(request, "participants/medicines.html", row, **context)


@form_view
def screen(request):
    require(request.user, Permission.SCREEN)
    at = timezone.now()
    today = timezone.localdate(at, request.user.home_zone)
    form = ScreenForm(posted(request), user=request.user, today=today)
    made = submit(request, form, partial(screening.screen, by=request.user, at=at))
    if made:
        messages.success(request, f"{made} is screened. Now answer the criteria.")
        return redirect("criteria", made.identifier)
    return render(request, "participants/screen.html", {"form": form}, status=status_for(form))


@form_view
def criteria(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.SCREEN, identifier=identifier)
    at = timezone.now()
    today = row.site.today(at)
    form = CriteriaForm(posted(request), sheet=screening.worksheet(row, today))
    saved = submit(request, form, partial(screening.answer, participant=row, by=request.user, at=at))
    if saved:
        state = screening.assessment(saved, today)
        messages.success(request, f"Saved: {state.answered} of {len(state.verdicts)} criteria are answered.")
        return redirect("participant" if state.is_eligible else "criteria", row.identifier)
    return page(request, "participants/criteria.html", row, form=form)


@form_view
def enroll(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.ENROLL, identifier=identifier)
    at = timezone.now()
    today = row.site.today(at)
    form = EnrollmentForm(posted(request), initial={"enrolled_on": today})
    made = submit(request, form, partial(enrollment.enroll, participant=row, by=request.user, at=at))
    if made:
        messages.success(request, f"{row} is enrolled in slot {made.slot_id}. Next: the infusion.")
        return redirect("participant", row.identifier)
    facts = evidence.of(row, until=row.infused_on)
    assessment = screening.worksheet_of(facts, row.infused_on or today).assessment
    taken, seats = enrollment.seats()
    refusals = enrollment.reasons_of(row, assessment, facts) or holds.reasons_against(row.site_id)
    if not refusals and taken >= seats:
        refusals = [enrollment.no_seat(row, seats)]
    context = {"form": form, "refusals": refusals, "seats": (taken, seats), "assessment": assessment}
    return page(request, "participants/enroll.html", row, **context)


@form_view
def correct_day0(request, identifier):
    """First what would move, then, with the same form again, the correction."""
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.INFUSE, identifier=identifier)
    if not row.infused:
        return redirect("infuse", identifier)
    at = timezone.now()
    form = Day0Form(posted(request), infusion=row.infused, zone=row.site.zone)
    form.opened_version = opened_version(request, row.infused)
    moves, closed, later = None, [], []
    if _is_confirmed(request, form):
        act = partial(infusion.correct_day0, participant=row, by=request.user, at=at)
        made = submit(request, form, act, row=row.infused)
        if made:
            days = f"{day_label(made.to_on)}, no longer {day_label(made.from_on)}"
            messages.success(request, f"Day 0 of {row} is {days}. What moved is listed below.")
            return redirect("correct_day0", row.identifier)
    elif request.method == "POST" and form.is_valid():
        moves, closed, later = _moves(row, form, at)
    corrections = row.infused.corrections.select_related("corrected_by").prefetch_related("moves__visit")
    context = {"moves": moves, "closed": closed, "later": later, "corrections": corrections}
    return page(request, "participants/day0.html", row, form=form, **context)


def _is_confirmed(request, form):
    """Whether the day to be applied is the day whose moves the person was shown."""
    shown = request.POST.get("apply")
    return bool(shown) and form.is_valid() and form.cleaned_data["infused_on"].isoformat() == shown


def _moves(row, form, at):
    """(what the typed day would move, the gates closed at the typed start, what it would close for those infused
    since). None with the refusal on the form. Changes nothing.
    """
    day, start_time = form.cleaned_data["infused_on"], form.cleaned_data["start_time"]
    try:
        started_at = infusion.check_correction(participant=row, infused_on=day, start_time=start_time, at=at)
    except infusion.InfusionRefused as refusal:
        refusal.add_to(form)
        return None, [], []
    later = [
        (str(one) if one.site_id == row.site_id else f"a participant at {one.site_id}", sentences)
        for one, sentences in decisions.closed_by_moving(row, day)
    ]
    return import_string(settings.DAY0_PREVIEW)(row, day), gates.closed(row, started_at), later


@form_view
def fail_screening(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.WITHDRAW, identifier=identifier)
    at = timezone.now()
    failed = screening.assessment(row, row.site.today(at)).failed
    initial = {"failed_on": row.site.today(at), "reason": ", ".join(failed), "criteria": list(failed)}
    form = ScreenFailureForm(posted(request), rules=row.protocol, initial=initial)
    if submit(request, form, partial(screening.fail_screening, participant=row, by=request.user, at=at)):
        messages.success(request, f"{row} is recorded as a screen failure.")
        return redirect("participant", row.identifier)
    return page(request, "participants/screen_failure.html", row, form=form)


@form_view
def withdraw(request, identifier):
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.WITHDRAW, identifier=identifier)
    at = timezone.now()
    form = WithdrawalForm(posted(request), rules=row.protocol, initial={"withdrawn_on": row.site.today(at)})
    if submit(request, form, partial(screening.withdraw, participant=row, by=request.user, at=at)):
        messages.success(request, f"{row} is withdrawn. Visits still ahead are not applicable.")
        if row.infused:
            messages.info(request, "If there is a last visit, log it below as early termination.")
        return redirect("participant", row.identifier)
    return page(request, "participants/withdraw.html", row, form=form)


def page(request, template, row, *, status=None, **context):
    """A page under the participant's banner."""
    form = context.get("form")
    context |= {"participant": row, "today": row.site.today(timezone.now())}
    with timezone.override(row.site.zone):  # a participant's times are those of the participant's site
        return render(request, template, context, status=status or (status_for(form) if form else 200))
