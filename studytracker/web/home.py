"""The first page after signing in: what this person has to do now."""

from django.conf import settings
from django.shortcuts import render
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from studytracker.access.grants import Permission
from studytracker.exports.catalogue import exportable

from .worklist import MOST_SHOWN, size, worklist


@require_safe
def home(request):
    at = timezone.now()
    user = request.user
    groups = worklist(user, at)
    return render(
        request,
        "web/home.html",
        {
            "groups": [(group, items[:MOST_SHOWN], size(items), items[0].listing) for group, items in groups],
            "most_shown": MOST_SHOWN,
            "counts": [(group, size(items), items[0].listing) for group, items in groups],
            "panels": [import_string(path)(user, at) for path in settings.HOME_PANELS],
            "exports": exportable(user),
            "may_screen": user.can_somewhere(Permission.SCREEN),
            "sees_nothing": not user.can_somewhere(Permission.SEE),
        },
    )


@require_safe
def help_page(request):
    return render(request, "web/help.html")
