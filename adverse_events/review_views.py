from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from participants.models import Participant
from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import reach, require
from studytracker.trust.signing import SignBox

from . import onsets, review, swimlane
from .models import AdverseEvent
from .summary import overview
from .wording import label


@require_http_methods(["GET", "HEAD", "POST"])
def safety_review(request, site=""):
    """All events of the sites this person sees, those of one site with the signature."""
    require(request.user, Permission.SEE)
    visible = sorted(request.user.sites_where(Permission.SEE))
    if site and site not in visible:
        raise Http404
    sites = [site] if site else visible
    box = SignBox(request, review.KIND, sites[0], at=timezone.now()) if len(sites) == 1 else None
    if box and box.signed:
        messages.success(request, f"You signed the safety review of {sites[0]}.")
        return redirect("site_review", sites[0])
    context = _board(request, sites) | {"sites": visible, "site": site, "signing": box}
    return render(request, "adverse_events/review.html", context, status=box.status if box else 200)


def _board(request, sites) -> dict:
    last = review.last_reviews(sites, request.user)
    looked = review.board(sites, request.user, last)
    fresh = [each for each in looked if each.what != review.SAME]
    standing = [each.event for each in looked if not each.event.voided_at]
    infused = Participant.objects.infused_by_site(sites)
    return {
        "looked": fresh,
        "listed": [(each.event, *words(each.event)) for each in looked],
        "counts": [(words, sum(each.what == words for each in fresh)) for words in ("new", "changed", "voided")],
        "total": len(looked),
        "marked": sum(each.is_marked for each in fresh),
        "fresh": len(fresh),
        "columns": [*sites, "All"] if len(sites) > 1 else sites,
        "overview": overview(standing, infused, sites),
        "infused": [*(infused.get(each, 0) for each in sites), *([sum(infused.values())] if len(sites) > 1 else [])],
        "swimlane": swimlane.draw(sites, timezone.now(), standing),
        "onsets": onsets.draw(standing),
        "as_of": review.data_as_of(),
        "made_at": timezone.now(),
        "rules": protocol.current(),
        "last_reviews": last.items(),
    }


CODED = ("causality", "sponsor_causality", "expectedness", "outcome", "action_taken")


def words(event) -> list[str]:
    return [label(event, name, getattr(event, name)) for name in CODED]


@require_POST
def mark_reviewed(request, identifier, number):
    """Looked at, as of the audit entry that was shown."""
    row = reach(
        AdverseEvent.objects.select_related("participant"),
        request.user,
        needs=Permission.SIGN,
        participant__identifier=identifier,
        number=number,
    )
    seen = request.POST.get("entry", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 19):
        raise Http404
    review.mark(event=row, entry_number=int(seen), by=request.user, at=timezone.now())
    return redirect("site_review", row.site_id)
