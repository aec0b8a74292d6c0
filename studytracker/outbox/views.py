from django.conf import settings
from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from kombu.exceptions import OperationalError

from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.web.listing import listing

from . import delivery, tasks, trying
from .health import health
from .matters import stage_words
from .models import Mail
from .tables import MailFilter, MailTable


@require_safe
def reminders(request):
    require(request.user, Permission.OPERATE)
    return listing(
        request,
        table_class=MailTable,
        filterset_class=MailFilter,
        queryset=Mail.objects.visible_to(request.user).for_log(),
        template="outbox/reminders.html",
        site_field=None,  # who operates at a site exports there too
        extra={
            "health": health(request.user, timezone.now()),
            "mail_folder": settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"),
        },
    )


@require_safe
def mail(request, pk):
    require(request.user, Permission.OPERATE)
    row = get_object_or_404(Mail.objects.visible_to(request.user).select_related("recipient"), pk=pk)
    notices = [(notice, stage_words(notice)) for notice in row.notices.order_by("id")]
    return render(request, "outbox/mail.html", {"mail": row, "notices": notices})


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
def test_mail(request):
    require(request.user, Permission.OPERATE)
    try:
        sent = trying.send_test_mail(by=request.user, at=timezone.now())
    except trying.TestMailRefused as refusal:
        messages.warning(request, str(refusal))
        return redirect("reminders")
    if sent.state == Mail.State.SENT:
        messages.success(request, f"A test mail was sent to {sent.address}.")
    else:
        messages.error(request, f"The test mail was not sent. {sent.get_failure_display()}: {sent.error}")
    return redirect("reminders")


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
