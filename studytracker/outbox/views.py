from django.conf import settings
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from kombu.exceptions import OperationalError

from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.web.listing import listing

from . import delivery, tasks
from .health import health
from .models import Mail
from .tables import MailFilter, MailTable


@require_safe
def reminders(request):
    require(request.user, Permission.OPERATE)
    return listing(
        request,
        table_class=MailTable,
        filterset_class=MailFilter,
        queryset=Mail.objects.visible_to(request.user).select_related("recipient").order_by("-created_at", "-id"),
        template="outbox/reminders.html",
        extra={
            "health": health(request.user, timezone.now()),
            "mail_folder": settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"),
        },
    )


@require_safe
def mail(request, pk):
    require(request.user, Permission.OPERATE)
    row = get_object_or_404(Mail.objects.visible_to(request.user).select_related("recipient"), pk=pk)
    return render(request, "outbox/mail.html", {"mail": row, "notices": row.notices.order_by("id")})


@require_POST
def try_again(request, pk):
    require(request.user, Permission.OPERATE)
    row = get_object_or_404(Mail.objects.visible_to(request.user), pk=pk)
    if delivery.try_again(row, timezone.now()):
        messages.success(request, "The mail is waiting again. It goes out with the next sweep.")
    else:
        messages.warning(request, "Only a mail that was given up can be tried again.")
    return redirect("mail", pk)


@require_POST
def sweep_now(request):
    require(request.user, Permission.OPERATE)
    try:
        tasks.sweep.delay()
    except OperationalError:
        messages.error(
            request,
            "The broker (Redis) does not answer, so nothing was started. Overdue visits are still on the worklist. "
            'Start the broker, or run "manage.py sweep", which needs none.',
        )
    else:
        messages.success(request, "The sweep was started. New mails appear here within a few seconds.")
    return redirect("reminders")
