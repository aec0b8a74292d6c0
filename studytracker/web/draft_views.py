from django.http import Http404, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.views.decorators.http import require_POST

from . import drafts


@require_POST
def save_draft(request):
    """Called by htmx while somebody types. Answers with a few words for the form's corner."""
    try:
        kept = drafts.keep(request.user, _form(request), request.POST, at=timezone.now())
    except drafts.DraftRefused as refusal:
        return HttpResponse(str(refusal), content_type="text/plain; charset=utf-8")
    words = f"Draft saved {timezone.localtime(kept.saved_at):%H:%M:%S}" if kept else "Saved"
    return HttpResponse(words, content_type="text/plain; charset=utf-8")


@require_POST
def discard_draft(request):
    """Throws away what was kept and shows the form afresh."""
    form = _form(request)
    drafts.discard(request.user, form)
    return HttpResponse(status=204, headers={"HX-Redirect": form})


def _form(request):
    """The address of the form: one of this site's own pages."""
    form = request.POST.get("draft_of", "")
    try:
        resolve(form)
    except Resolver404:
        raise Http404 from None
    if not form.isprintable() or len(form) > 200:
        raise Http404
    return form
