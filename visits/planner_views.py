from datetime import timedelta

from django.contrib import messages
from django.db.models import F
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from participants.models import Participant
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.dates import day_label
from studytracker.web.submission import status_for

from . import planner
from .planner_forms import PlanForm

WEEKS_AHEAD = 6
MOST_SHOWN = 100


@require_safe
def planning(request):
    """Whose Day 0 is to be planned: everybody on the way to the infusion, who is enrolled first."""
    require(request.user, Permission.SEE)
    rows = Participant.objects.visible_to(request.user).for_listing().filter(infusion=None)
    rows = rows.filter(screen_failed_at=None, withdrawn_at=None)
    found = list(rows.order_by(F("enrollment__pk").asc(nulls_last=True), "-screened_on", "id")[: MOST_SHOWN + 1])
    context = {"rows": found[:MOST_SHOWN], "is_cut": len(found) > MOST_SHOWN, "most_shown": MOST_SHOWN}
    return render(request, "visits/planning.html", context)


@require_safe
def plan_day0(request, identifier):
    """Which Day 0 suits the calendar of the site. Stores nothing; the address holds all that was asked."""
    row = reach(Participant.objects.for_listing(), request.user, needs=Permission.SEE, identifier=identifier)
    if row.infused or not row.is_open:
        day0 = f"Day 0 was {day_label(row.infused_on)}" if row.infused else row.stage
        messages.info(request, f"There is no Day 0 to plan for {row}: {day0}.")
        return redirect("participant", identifier)
    form = PlanForm(request.GET or None, initial=_range(row))
    asked = _asked(form)
    rules, site = row.protocol, row.site.rules
    best = planner.best(rules, site, asked["first"], asked["last"], row.screened_on) if asked else []
    day0 = asked.get("day0") or (best[0].day0 if best else None)
    context = {"participant": row, "today": row.site.today(timezone.now()), "form": form, "best": best, "asked": asked}
    context |= {"chosen": day0 and planner.candidate(rules, site, day0, row.screened_on), "site": site}
    return render(request, "visits/planner.html", context, status=status_for(form))


def _range(participant):
    """From tomorrow, or from the screening's day 1, for six weeks."""
    first = max(participant.screened_on, participant.site.today(timezone.now())) + timedelta(days=1)
    return {"first": first, "last": first + timedelta(weeks=WEEKS_AHEAD)}


def _asked(form):
    """The range and the day asked for; the initial ones when nothing was, and nothing when it cannot be read."""
    if not form.is_bound:
        return form.initial
    return form.cleaned_data if form.is_valid() else {}
