import re

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import require

from . import feeds, month


@require_safe
def calendar(request):
    """A month of visits. `?month=2025-06`; what cannot be read is the month of today."""
    require(request.user, Permission.SEE)
    return page(request)


def page(request, **context):
    at = timezone.now()
    first = asked(request.GET.get("month", "")) or timezone.localdate(at).replace(day=1)
    around = {"before": month.before(first), "after": month.after(first), "title": month.title(first)}
    context |= {"weeks": month.weeks(request.user, first, at), "first": first} | around
    context["feed"] = request.user.calendar_feeds.in_force().first()
    return render(request, "visits/calendar.html", context)


def asked(text):
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text)
    try:
        return found and month.of(int(found[1]), int(found[2]))
    except ValueError:
        return None


@require_POST
def make_feed(request):
    """The address is on the answer itself and nowhere else: only its hash is stored."""
    require(request.user, Permission.SEE)
    token = feeds.make(user=request.user, at=timezone.now())
    addresses = [(kind, request.build_absolute_uri(reverse("feed", args=[token, kind]))) for kind in feeds.FEEDS]
    return page(request, addresses=addresses)


@require_POST
def revoke_feed(request):
    try:
        feeds.revoke(user=request.user, at=timezone.now())
        messages.success(request, "The calendar address is revoked: programs that use it get nothing from now on.")
    except feeds.FeedRefused as refusal:
        messages.warning(request, str(refusal))
    return redirect("calendar")


@login_not_required
@require_safe
def feed(request, token, kind):
    """For a calendar program, which cannot sign in: the token in the address stands for its person."""
    at = timezone.now()
    user = feeds.owner(token, at)
    if user is None or kind not in feeds.FEEDS:
        raise Http404
    answer = HttpResponse(feeds.FEEDS[kind](user, at).to_ical(), content_type="text/calendar; charset=utf-8")
    answer.headers["Content-Disposition"] = f'inline; filename="{kind}.ics"'
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
