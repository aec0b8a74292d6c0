from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import require

from . import seats
from .models import Hold


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
    }
    return render(request, "participants/slots.html", context)
