"""Clocks that are about no event: their page, the milestones they start from, and who was told."""

from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.protocol.models import Site
from studytracker.web.submission import posted, status_for, submit

from . import study_clocks, study_telling
from .clock_forms import MilestoneForm, StudyNoticeForm
from .clock_tables import chip, due_words
from .forms import VoidForm
from .models import Milestone, StudyBreach, StudyNotice
from .models.clock import UNDONE, WAITING

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def study(request):
    require(request.user, Permission.SEE)
    user, at = request.user, timezone.now()
    breaches = {
        (each.rule_id, each.occurrence): each
        for each in StudyBreach.objects.visible_to(user).select_related("deviation__participant")
    }
    notices = list(StudyNotice.objects.visible_to(user).select_related("recorded_by", "voided_by"))
    clocks = study_clocks.visible(study_clocks.everything(at), user.sites_where(Permission.SEE))
    context = {
        "rows": [_row(clock, at, user, breaches) for clock in clocks],
        "milestones": [(each, _may(user, each.site_id)) for each in _milestones(user)],
        "notices": [(each, _may(user, each.site_id)) for each in notices],
        "may_record": user.can_somewhere(Permission.TELL_OF_STUDY),
    }
    return render(request, "adverse_events/study_clocks.html", context)


def _milestones(user):
    return Milestone.objects.visible_to(user).select_related("recorded_by", "voided_by")


def _row(clock, at, user, breaches):
    undone = clock.state_at(at) in UNDONE and clock.state_at(at) != WAITING
    breach = breaches.get((clock.rule_id, clock.occurrence)) if clock.is_breached(at) else None
    # The clock of the trial is seen everywhere, its deviation where it is kept.
    draft = breach and breach.deviation
    return {
        "clock": clock,
        "chip": chip(clock, at),
        "due": due_words(clock),
        "breach": breach,
        "may_open": draft and draft.site_id in user.sites_where(Permission.SEE),
        "may_tell": undone and may_tell(user, clock),
    }


def _may(user, site):
    """Whether this person records what concerns a site, or with None the whole trial."""
    held = user.sites_where(Permission.TELL_OF_STUDY)
    return site in held if site else {each.code for each in protocol.current().sites} <= held


def may_tell(user, clock):
    """Who answers for the clock by the protocol, where it is about. A deviation is reported in its own log."""
    is_theirs = bool(user.roles & set(clock.rule.responsible)) and clock.rule.notify and not clock.deviation
    return bool(is_theirs and _may(user, clock.site_id if clock.is_of_one_site else None))


@form_view
def tell_of_study(request, rule_id, occurrence):
    user, at = request.user, timezone.now()
    clocks = study_clocks.visible(study_clocks.of_the_study(at), user.sites_where(Permission.SEE))
    clock = next((each for each in clocks if (each.rule_id, each.occurrence) == (rule_id, occurrence)), None)
    if clock is None:
        raise Http404
    if not may_tell(user, clock):
        raise PermissionDenied(f"Your role does not let you record who was told for {clock.rule_id}.")
    place = {"site": Site.objects.get(pk=clock.site_id), "rules": protocol.current(), "at": at}
    form = StudyNoticeForm(posted(request), **place, recipients=clock.rule.notify)
    made = submit(request, form, partial(study_telling.tell, clock=clock, by=user, at=at))
    if made:
        messages.success(request, f"Recorded: {made.recipient_words} told for {clock.rule_id}, {clock.about}.")
        return redirect("study_clocks")
    rule = clock.rule
    lede = f"{clock.about}: {rule.trigger}. {rule.sender.capitalize()} to {rule.recipient}, {due_words(clock)}."
    return _page(request, form, f"{clock.rule_id}: record that somebody was told", "Record", lede)


@form_view
def reach_milestone(request):
    user = request.user
    if not user.can_somewhere(Permission.TELL_OF_STUDY):
        require(user, Permission.SEE)
        raise PermissionDenied(f"Your role does not let you {Permission.TELL_OF_STUDY.value}.")
    sites = user.sites_where(Permission.TELL_OF_STUDY)
    form = MilestoneForm(posted(request), rules=protocol.current(), sites=sites)
    act = partial(study_telling.reach_milestone, by=user, at=timezone.now())
    made = submit(request, form, act)
    if made:
        messages.success(request, f"Recorded: {made}. What it starts is shown below.")
        return redirect("study_clocks")
    lede = "A day in the life of the study from which clocks run. What each starts stands on the study page."
    return _page(request, form, "Record a milestone", "Record", lede)


@form_view
def void_milestone(request, pk):
    return _void(request, Milestone, pk, "the milestone")


@form_view
def void_study_notice(request, pk):
    return _void(request, StudyNotice, pk, "the notification")


def _void(request, model, pk, words):
    row = get_object_or_404(model.objects.visible_to(request.user), pk=pk)
    if not _may(request.user, row.site_id):
        raise PermissionDenied(f"Your role does not let you {Permission.TELL_OF_STUDY.value}.")
    form = VoidForm(posted(request))
    done = submit(request, form, partial(study_telling.void, record=row, by=request.user, at=timezone.now()))
    if done:
        messages.success(request, f"{row} is voided, and the clocks run without it. The reason is kept.")
        return redirect("study_clocks")
    return _page(request, form, f"Void {words}: it was recorded in error", "Void", f"{row}.")


def _page(request, form, title, button, lede):
    context = {"form": form, "title": title, "button": button, "lede": lede}
    return render(request, "adverse_events/study_form.html", context, status=status_for(form))
