from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.web.submission import posted, status_for, submit

from . import rules
from .clock_forms import AsOfForm, SwitchForm
from .rule_board import board, site_end, today


@require_safe
def stopping_rules(request):
    """Every rule as it stands, or as it stood at the end of a day (?as_of_day=…)."""
    require(request.user, Permission.SEE)
    at = timezone.now()
    asked = any(name.startswith("as_of") for name in request.GET)
    form = AsOfForm(request.GET if asked else None, auto_id="%s")
    form.latest = today(at)
    day = form.cleaned_data["as_of"] if asked and form.is_valid() else None
    context = {
        "form": form,
        "as_of": day,
        "rows": board(min(site_end(day), at) if day else at, request.user),
        "may_switch": request.user.can_somewhere(Permission.SWITCH_RULE) and not day,
    }
    return render(request, "adverse_events/stopping_rules.html", context, status=status_for(form))


@require_http_methods(["GET", "HEAD", "POST"])
def switch_rule(request, rule_id):
    if not request.user.can_somewhere(Permission.SWITCH_RULE):
        require(request.user, Permission.SEE)
        raise PermissionDenied(f"Your role does not let you {Permission.SWITCH_RULE.value}.")
    try:
        rule = protocol.current().stopping_rule(rule_id)
    except protocol.UnknownCode:
        raise Http404 from None
    is_on = not rules.runs(rule, rules.switches())
    form = SwitchForm(posted(request))
    act = partial(rules.switch, rule_id=rule.id, is_on=is_on, by=request.user, at=timezone.now())
    made = submit(request, form, act)
    if made:
        messages.success(request, f"Rule {rule.id} is switched {'on' if is_on else 'off'}. The reason is kept.")
        return redirect("stopping_rules")
    context = {"form": form, "rule": rule, "title": f"Switch rule {rule.id} {'on' if is_on else 'off'}"}
    return render(request, "adverse_events/switch_rule.html", context, status=status_for(form))
