from datetime import UTC, datetime

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from studytracker import protocol
from studytracker.access.grants import Permission
from studytracker.access.scope import require
from studytracker.exports.pdf import NoPdf, as_download, pdf
from studytracker.exports.reading import snapshot
from studytracker.exports.tables import as_csv, as_xlsx
from studytracker.trust.acts import Kind, note_by
from studytracker.trust.signatures import standing
from studytracker.trust.signing import SignBox

from . import signed
from .catalogue import LISTINGS, OUTPUTS, TABLES
from .choice import Choice, ChoiceForm
from .making import make


@require_safe
def outputs(request):
    require(request.user, Permission.SEE)
    named = {
        name: [(each.code, each.caption) for each in classes]
        for name, classes in (("Listings", LISTINGS), ("Tables", TABLES))
    }
    return render(request, "adverse_events/outputs/index.html", {"named": named})


@require_http_methods(["GET", "HEAD", "POST"])
def output(request, code):
    """One output as page or file; that of one site with its signatures."""
    taken = request.GET.get("format", "")
    needs = Permission.EXPORT if taken else Permission.SEE
    require(request.user, needs)
    if code not in OUTPUTS:
        raise Http404
    form = ChoiceForm(request.GET, user=request.user, is_of_events=OUTPUTS[code].is_of_events)
    choice = Choice(**form.cleaned_data) if form.is_valid() else Choice()
    at = timezone.now()
    box = SignBox(request, signed.KIND, choice.key(code), at=at) if choice.site and not taken else None
    if box and box.signed:
        messages.success(request, f"You signed: {box.standing.snapshot.title}.")
        return redirect(f"{reverse('safety_output', args=[code])}?{urlencode(choice.query)}")
    with snapshot():
        made = make(code, choice, request.user.sites_where(needs), at=at)
        now = standing(signed.KIND, choice.key(code)) if taken and choice.site else None
    _note(request, made, taken)
    if taken:
        return _file(request, made, now, taken)
    context = {"made": made, "form": form, "signing": box, **_since(request.user, made)}
    context |= {"may_export": request.user.can_somewhere(Permission.EXPORT), "query": urlencode(choice.query)}
    return render(request, "adverse_events/outputs/output.html", context, status=box.status if box else 200)


def _since(user, made):
    """What changed since the person's own last signature of this output."""
    last = signed.last_by(user, made.choice.key(made.code)) if made.choice.site else None
    return {"last": last, "news": signed.news(last, made.table) if last else []}


def _note(request, made, taken):
    words = f"{made.title}{f' as {taken[:10].upper()}' if taken else ''}. {made.choice.words or 'No filter'}."
    note_by(request.user, Kind.EXPORT if taken else Kind.VIEW, at=datetime.now(UTC), words=words)


def _file(request, made, now, taken):
    name = "-".join([made.code, *made.choice.key("").strip("/").split("/"), f"entry-{made.entry}"])
    name = name.replace("--", "-").lower()
    made_by = ("Made", f"{made.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by {request.user.get_username()}")
    notes = [("Note", words) for words in made.table.footnotes]
    about = [*made.about, made_by, *notes, *(signed.lines_about(now) if now else [])]
    match taken:
        case "csv":
            return as_csv(made.table, f"{name}.csv", [("Title", made.title), *about])
        case "xlsx":
            return as_xlsx(made.table, f"{name}.xlsx", made.title, about)
        case "pdf":
            return _pdf(request, made, now, f"{name}.pdf")
    raise Http404


def _pdf(request, made, now, name):
    context = {"made": made, "standing": now, "made_by": request.user.get_username(), "is_demo": settings.DEMO}
    try:
        content = pdf("adverse_events/outputs/output.pdf.html", context | {"protocol": protocol.current()})
        return as_download(content, name)
    except NoPdf as refused:
        messages.warning(request, str(refused))
        return redirect(f"{request.path}?{urlencode(made.choice.query)}")
