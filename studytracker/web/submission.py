"""Running a domain call for a form: its refusals come back as sentences, and sending it twice saves once."""

from django.contrib import messages
from django.db import IntegrityError, OperationalError, transaction
from django.shortcuts import redirect
from django.utils import timezone

from studytracker.refusal import Refused
from studytracker.trust.versions import Overtaken, claim

from . import drafts
from .editing import opened_version, set_conflict
from .models import FormKey

# Others wrote for so long that this write was given up, by SQLite or by PostgreSQL.
BUSY = ("database is locked", "deadlock detected")
TOO_BUSY = "The database was busy for too long. Nothing was saved: what you typed is here, save again."


class SavedBefore(Exception):
    """This very form was saved already; `url` is where the result is."""

    def __init__(self, url):
        self.url = url


class SavedBeforeMiddleware:
    """Answers the second of two clicks with the page the first one led to."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if isinstance(exception, SavedBefore):
            messages.info(request, "This form was sent twice. It was saved once.")
            return redirect(exception.url)


def posted(request):
    """What a form is bound to: the POST, even an empty one, else nothing."""
    return request.POST if request.method == "POST" else None


def submit(request, form, act, row=None):
    """`act(**cleaned_data)` for a valid POST. Returns its result, or None when there is nothing or it was refused.

    A form that carries its one-time key is saved at most once: the key is stored in the same transaction, and
    whoever comes second with it is sent to the result's own page, or back to the form's (SavedBefore).
    What was kept of it as a draft goes with the save. A database that is too busy to take it is a sentence too.

    `row` is the versioned row that the form edits: it is saved only as long as it is what the form was opened with
    (`studytracker.web.editing`).
    """
    if row is not None:
        form.opened_version = opened_version(request, row)
    if request.method != "POST" or not form.is_valid():
        return None
    key = request.POST.get("form_key", "").replace("\0", "")[:32]
    _refuse_repeat(request.user, key)
    try:
        with transaction.atomic():
            if row is not None:
                claim(row, form.opened_version)
            result = act(**form.cleaned_data)
            if key:
                url = result.get_absolute_url() if hasattr(result, "get_absolute_url") else request.path
                FormKey.objects.create(user=request.user, key=key, url=url, used_at=timezone.now())
            drafts.discard(request.user, request.path)
            return result
    except OperationalError as error:
        if not any(words in str(error) for words in BUSY):
            raise
        form.add_error(None, TOO_BUSY)
        return None
    except (Refused, IntegrityError) as error:
        _refuse_repeat(request.user, key)
        if not isinstance(error, Refused):
            raise
        error.add_to(form)
        if isinstance(error, Overtaken):
            set_conflict(form, error, getattr(form, "opened_version", error.row.version))
        return None


def _refuse_repeat(user, key):
    saved = FormKey.objects.filter(user=user, key=key).first() if key else None
    if saved:
        raise SavedBefore(saved.url)


def status_for(form):
    """409 for a form that somebody else was faster with, 422 for one with other errors, else 200."""
    if getattr(form, "overtaken", None):
        return 409
    return 422 if form.is_bound and form.errors else 200
