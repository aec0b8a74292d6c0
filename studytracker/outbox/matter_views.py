"""What is being reminded of, what comes next, and what one wants to be told."""

from functools import partial

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.web.submission import posted, status_for, submit

from . import acknowledging, matters, muting, preferring, timetable
from .forms import AcknowledgeForm, PreferenceForm
from .models import Acknowledgement, Notice, Preference
from .sources import lines_of

form_view = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def open_matters(request):
    require(request.user, Permission.OPERATE)
    rows = matters.open_matters(request.user, timezone.now())
    may = request.user.sites_where(Permission.ACKNOWLEDGE)
    context = {"rows": [(row, row.latest.site_id in may) for row in rows], "limit": matters.SHOWN_ROWS}
    return render(request, "outbox/open.html", context)


@require_safe
def next_mails(request):
    require(request.user, Permission.OPERATE)
    at = timezone.now()
    return render(request, "outbox/next.html", {"mails": matters.next_mails(request.user, at), "at": at})


@form_view
def acknowledge(request, pk):
    rows = Notice.objects.select_related("site")
    notice = reach(rows, request.user, needs=Permission.ACKNOWLEDGE, pk=pk)
    at = timezone.now()
    form = AcknowledgeForm(posted(request))
    act = partial(acknowledging.acknowledge, notice=notice, by=request.user, at=at)
    made = submit(request, form, act)
    line = next(iter(lines_of([notice], at).values()), None)
    if made:
        messages.success(request, f"{line.text} is acknowledged: nobody is told until {made.until_words} is over.")
        return redirect("open_matters")
    days = protocol.current().reminders.longest_snooze_days
    context = {"form": form, "line": line, "today": notice.site.today(at), "days": days}
    return render(request, "outbox/acknowledge.html", context, status=status_for(form))


@require_POST
def end_acknowledgement(request, pk):
    row = reach(Acknowledgement.objects, request.user, needs=Permission.ACKNOWLEDGE, pk=pk)
    acknowledging.end(acknowledgement=row, by=request.user, at=timezone.now())
    messages.success(request, "Ended. What became due meanwhile is told in the next mail.")
    return redirect("open_matters")


@form_view
def preferences(request):
    user = request.user
    own = Preference.objects.filter(user=user).first() or Preference()
    wanted = [stage.code for stage in muting.optional_stages() if stage.code not in muting.muted(user)]
    initial = {name: getattr(own, name) for name in ("digest_time", "quiet_from", "quiet_to")} | {"stages": wanted}
    form = PreferenceForm(posted(request), initial=initial)
    act = partial(preferring.prefer, user=user, by=user, at=timezone.now())
    if submit(request, form, act):
        messages.success(request, "Saved. It holds from your next mail on.")
        return redirect("reminder_preferences")
    required = [stage for stage in protocol.current().reminder_stages if not stage.optional]
    context = {"form": form, "required": required, "zone": timetable.of(user).zone.key}
    context["operates"] = user.can_somewhere(Permission.OPERATE)
    return render(request, "outbox/preferences.html", context, status=status_for(form))
