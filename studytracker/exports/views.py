from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.contrib import messages
from django.db import transaction
from django.http import FileResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from kombu.exceptions import OperationalError

from studytracker.access.grants import Permission
from studytracker.access.scope import holds_everywhere, require, require_everywhere
from studytracker.refusal import Refused
from studytracker.web.listing import listing
from studytracker.web.submission import posted, status_for, submit

from . import jobs, tasks
from .catalogue import exportable
from .forms import ExportForm, OdmForm
from .history import ExportFilter, ExportTable
from .models import ExportJob
from .odm import importing
from .order import Order
from .package import kept_back, preview, record
from .registry import tables as registry

PREVIEW_ROWS = 5
MOST_DIFFERENCES = 200
HTMX_STOP_POLLING = 286


def exports(request):
    """The form, its preview, and the exports made before."""
    require(request.user, Permission.EXPORT)
    form = ExportForm(posted(request), user=request.user)
    shown = None
    if "preview" in request.POST:
        shown = _preview(request.user, form)
    else:
        job = submit(request, form, lambda **facts: _request(by=request.user, **facts))
        if job:
            messages.success(request, f"{job} was asked for. You can leave this page: it will be listed here.")
            return redirect(job)
    recent = ExportJob.objects.visible_to(request.user).for_listing()[:5]
    context = {"form": form, "preview": shown, "recent": recent, "exports": exportable(request.user)}
    context["may_compare"] = holds_everywhere(request.user, Permission.EXPORT_IDENTIFIED)
    return render(request, "exports/exports.html", context, status=status_for(form))


def _request(**facts):
    job = jobs.request_export(options=ExportForm.options(facts), at=timezone.now(), **facts)
    transaction.on_commit(lambda: _wake(job.pk))
    return job


def _wake(pk):
    # Without a broker the row waits: the scheduler's next look, or manage.py export --waiting, takes it up.
    with suppress(OperationalError):
        tasks.export.delay(pk)


def _preview(user, form):
    """What the preview template shows, or None where the form has errors, which it then has in words."""
    if not form.is_valid():
        return None
    given = dict(form.cleaned_data)
    options, purpose = ExportForm.options(given), given.pop("purpose")
    try:
        jobs.check(by=user, **given)
        order = Order(
            export=f"preview:{user.pk}",
            purpose=purpose,
            role="",
            at=timezone.now(),
            options=registry.options(given["format"], options, given["sites"]),
            **{name: given[name] for name in ("format", "level", "as_of")},
            **{name: tuple(given[name]) for name in ("datasets", "sites")},
        )
        return _shown(order)
    except Refused as refused:
        refused.add_to(form)
        return None


def _shown(order):
    if order.format == "registry":
        with record(order):
            return {"registry": registry.results(order)}
    return {"tables": preview(order, PREVIEW_ROWS), "kept_back": kept_back(order)}


def odm(request):
    """What an ODM snapshot holds that the record here does not, and the other way round. Nothing is changed."""
    require_everywhere(request.user, Permission.EXPORT_IDENTIFIED)
    form = OdmForm(posted(request), request.FILES or None)
    found = _compared(form) if form.is_valid() else None
    return render(request, "exports/odm.html", {"form": form, "found": found}, status=status_for(form))


def _compared(form):
    try:
        with NamedTemporaryFile(suffix=".xml") as kept:
            for block in form.cleaned_data["file"].chunks():
                kept.write(block)
            kept.flush()
            contents = importing.read(Path(kept.name))
        differences = importing.compared(contents)
        shown = list(islice(differences, MOST_DIFFERENCES))
        return {"contents": contents, "shown": shown, "further": sum(1 for _ in differences)}
    except Refused as refused:
        form.add_error("file", str(refused))
        return None


@require_safe
def history(request):
    require(request.user, Permission.EXPORT)
    return listing(
        request,
        table_class=ExportTable,
        filterset_class=ExportFilter,
        queryset=ExportJob.objects.visible_to(request.user).for_listing(),
        template="exports/history.html",
        site_field=None,
    )


@require_safe
def export(request, pk):
    """One export. Asked by htmx it is the progress alone, with 286 once there is nothing more to wait for."""
    require(request.user, Permission.EXPORT)
    job = get_object_or_404(ExportJob.objects.visible_to(request.user).for_listing(), pk=pk)
    context = {"job": job, "downloads": job.downloads.select_related("downloaded_by")}
    if request.htmx:
        status = 200 if job.is_unfinished else HTMX_STOP_POLLING
        return render(request, "exports/progress.html", context, status=status)
    return render(request, "exports/export.html", context)


@require_POST
def cancel_export(request, pk):
    require(request.user, Permission.EXPORT)
    job = get_object_or_404(ExportJob.objects.visible_to(request.user), pk=pk)
    if jobs.cancel(job=job, by=request.user, at=timezone.now()):
        messages.success(request, f"{job} was cancelled. No file is kept of it.")
    else:
        messages.info(request, f"{job} had ended already.")
    return redirect(job)


@require_POST
def download_export(request, pk):
    """The file as it was made, or a sentence that it is gone. POST, because each download is recorded."""
    require(request.user, Permission.EXPORT)
    job = get_object_or_404(ExportJob.objects.visible_to(request.user), pk=pk)
    if job.state != "ready" or not jobs.path_of(job).exists():
        return render(request, "exports/gone.html", {"job": job}, status=410)
    jobs.note_download(job=job, by=request.user, at=timezone.now())
    return FileResponse(jobs.path_of(job).open("rb"), as_attachment=True, filename=job.file_name)
