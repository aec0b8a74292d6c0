from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.web.listing import listing

from .exported import VERIFIER, trail_lines
from .models import Entry, Signature
from .reach import identifiers, reads_everything
from .signatures import standing, verify
from .standing import standing as standing_of_trail
from .subjects import UnknownSubject
from .tables import EntryFilter, EntryTable
from .wording import instant, lines, record_name


@require_safe
def audit(request):
    require(request.user, Permission.AUDIT)
    needs = Permission.EXPORT if "format" in request.GET else Permission.AUDIT
    return listing(
        request,
        table_class=EntryTable,
        filterset_class=EntryFilter,
        queryset=Entry.objects.visible_to(request.user, needs=needs).order_by("-id"),
        template="trust/audit.html",
        site_field=None,  # an entry's own site is where its author works
        extra={"standing": standing_of_trail(timezone.now())},
    )


@require_safe
def trail_file(request):
    """Every entry and seal, whoever's site it is: for those who read and export the whole trial."""
    require(request.user, Permission.EXPORT)
    if not reads_everything(request.user, Permission.EXPORT):
        raise PermissionDenied("The sealed trail is of every site. Your role is for one; export the list instead.")
    lines = StreamingHttpResponse(trail_lines(timezone.now()), content_type="application/x-ndjson")
    lines["Content-Disposition"] = f'attachment; filename="audit-trail-{timezone.now():%Y%m%dT%H%M%SZ}.jsonl"'
    return lines


@require_safe
def trail_verifier(request):
    require(request.user, Permission.AUDIT)
    return FileResponse(VERIFIER.open("rb"), as_attachment=True, filename="verify_trail.py")


@require_safe
def history(request, table, row_id):
    """Every field of one record, with each of its values: who changed it, when and why."""
    require(request.user, Permission.AUDIT)
    entries = Entry.objects.visible_to(request.user).filter(table=table, row_id=row_id).order_by("-id")
    if not entries:
        raise Http404
    told = [(entry, instant(entry.at), lines(entry)) for entry in entries]
    context = {"record": record_name(table), "row_id": row_id, "told": told, "table": table}
    return render(request, "trust/history.html", context | {"participant": identifiers(table).get(row_id, "")})


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
