"""What may be exported: each listing whole, as CSV or XLSX, within the person's sites."""

from django.conf import settings
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import require


def exportable(user):
    """[(title, page, csv, xlsx)] for a person who may export, else empty."""
    if not user.can_somewhere(Permission.EXPORT):
        return []
    return [
        (title, url := reverse(name), f"{url}?format=csv", f"{url}?format=xlsx") for title, name in settings.EXPORTS
    ]


@require_safe
def exports(request):
    require(request.user, Permission.EXPORT)
    sites = sorted(request.user.sites_where(Permission.EXPORT))
    return render(request, "web/exports.html", {"exports": exportable(request.user), "sites": sites})
