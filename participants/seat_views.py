from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import require

from . import decisions, seats
from .models import Hold, Participant


@require_safe
def slots(request):
    """The seat board of the whole trial, the waiting list, and what stops enrollment now."""
    require(request.user, Permission.SEE)
    board = seats.board(request.user)
    context = {
        "board": board,
        "taken": sum(seat.state == "taken" for seat in board),
        "by_site": seats.by_site(board),
        "waiting": seats.waiting(request.user, timezone.now()),
        "holds": Hold.objects.visible_to(request.user).open().count(),
        "policy": protocol.current().enrollment,
        "stagger": protocol.current().stagger,
        "looks": _looks(request.user),
    }
    return render(request, "participants/slots.html", context)


def _looks(user):
    """(participant, its decisions, what the next infusion still waits for in its data), the last infused first."""
    people = Participant.objects.visible_to(user).for_listing().filter(infusion__isnull=False)
    people = people.prefetch_related("dsmb_decisions").order_by("-infusion__started_at")
    return [
        (each, each.dsmb_decisions.all(), decisions.waits_for(each, each, each.site.today(timezone.now())))
        for each in people.select_related("site")
    ]
