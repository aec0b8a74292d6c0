import json

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.web.listing import listing
from studytracker.web.submission import status_for

from .acts import Kind, note_by
from .exported import VERIFIER, trail_lines
from .forms import PastForm
from .models import Entry, Signature
from .reach import identifiers, reads_everything
from .signatures import standing, verify
from .standing import standing as standing_of_trail
from .subjects import UnknownSubject
from .tables import EntryFilter, EntryTable
from .wording import accounts, field_name, instant, lines, row_name


@require_safe
def audit(request):
    require(request.user, Permission.AUDIT)
    needs = Permission.EXPORT if "format" in request.GET else Permission.AUDIT
    if request.GET.get("format") == "json":
        return _as_json(request)
    return listing(
        request,
        table_class=EntryTable,
        filterset_class=EntryFilter,
        queryset=Entry.objects.visible_to(request.user, needs=needs).order_by("-id"),
        template="trust/audit.html",
        site_field=None,  # an entry's own site is where its author works
        extra={"standing": standing_of_trail(timezone.now())},
    )


def _as_json(request):
    """Every entry that the person may take away, oldest first, exactly as it is stored."""
    require(request.user, Permission.EXPORT)
    note_by(request.user, Kind.EXPORT, at=timezone.now(), words="Audit trail as JSON, whole")
    entries = Entry.objects.visible_to(request.user, needs=Permission.EXPORT).order_by("id").values()
    answer = StreamingHttpResponse(_json_lines(entries.iterator(2000)), "application/json")
    answer["Content-Disposition"] = content_disposition_header(True, "audit-trail.json")
    return answer


def _json_lines(entries):
    yield "["
    for number, entry in enumerate(entries):
        yield f"{',' if number else ''}\n{json.dumps(entry, ensure_ascii=False)}"
    yield "\n]\n"


@require_safe
def trail_file(request):
    """Every entry and seal, whoever's site it is: for those who read and export the whole trial."""
    require(request.user, Permission.EXPORT)
    if not reads_everything(request.user, Permission.EXPORT):
        raise PermissionDenied("The sealed trail is of every site. Your role is for one; export the list instead.")
    note_by(request.user, Kind.EXPORT, at=timezone.now(), words="Audit trail with its seals, whole")
    lines = StreamingHttpResponse(trail_lines(timezone.now()), content_type="application/x-ndjson")
    lines["Content-Disposition"] = f'attachment; filename="audit-trail-{timezone.now():%Y%m%dT%H%M%SZ}.jsonl"'
    return lines


@require_safe
def trail_verifier(request):
    require(request.user, Permission.AUDIT)
    return FileResponse(VERIFIER.open("rb"), as_attachment=True, filename="verify_trail.py")


@require_safe
def history(request, table, row_id):
    """Every field of one record, or those of `?field=`, with each value: who changed it, when and why."""
    require(request.user, Permission.AUDIT)
    entries = Entry.objects.visible_to(request.user).filter(table=table, row_id=row_id).order_by("-id")
    if not entries:
        raise Http404
    columns = request.GET.getlist("field")
    people = accounts()
    told = [(entry, instant(entry.at), lines(entry, columns, people)) for entry in entries]
    context = {"record": row_name(table, row_id), "row_id": row_id, "told": told, "table": table}
    context["only"] = ", ".join(field_name(table, column) for column in columns)
    return render(request, "trust/history.html", context | {"participant": identifiers(table).get(row_id, "")})


@require_safe
def go_to_the_past(request):
    """From the form of the audit page to the record as it stood at an entry, or at an instant of the reader's zone."""
    require(request.user, Permission.AUDIT)
    form = PastForm(request.GET or None)
    if form.is_valid():
        point = form.cleaned_data["point"]
        return redirect(f"{get_script_prefix()}as-of/{point.entry}/participants/")
    return render(request, "trust/as_of.html", {"form": form}, status=status_for(form))


@require_safe
def signature(request, pk):
    """One signature with what was signed, whether it stands, and whether it adds up."""
    row = get_object_or_404(Signature.objects.visible_to(request.user), pk=pk)
    try:
        now = standing(row.kind, row.key)
    except UnknownSubject:
        now = None
    told = next((each for each in now.signatures if each.pk == row.pk), row) if now else row
    context = {"signature": told, "standing": now, "content": row.content, "problems": verify(row)}
    return render(request, "trust/signature.html", context)
