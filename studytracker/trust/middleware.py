import re
from uuid import uuid4

from django.db import DatabaseError
from django.http import Http404
from django.shortcuts import render
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone

from studytracker.access.grants import Permission
from studytracker.access.scope import require

from . import watch
from .acting import ANONYMOUS, acting
from .as_of import point_at, standing_at
from .refusals import NOT_WHOLE, sentence

SAFE = ("GET", "HEAD", "OPTIONS")
# Whoever mends it has to get in.
STILL_POSSIBLE = ("sign_in", "sign_in_again", "sign_out")


class ActingMiddleware:
    """Whoever is signed in answers for what the request writes. It opens no transaction."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        who = request.user if request.user.is_authenticated else ANONYMOUS
        with acting(who, source="web", request_id=uuid4().hex):
            return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        """While the triggers are not what they should be nothing is saved: it might go unrecorded."""
        if request.method in SAFE or request.resolver_match.url_name in STILL_POSSIBLE:
            return None
        if not watch.standing_problems():
            return None
        watch.noticed(timezone.now())
        return render(request, "errors/refused.html", {"words": NOT_WHOLE}, status=503)

    def process_exception(self, request, error):
        """A refusal of the database is told in words; nothing was saved."""
        words = sentence(error) if isinstance(error, DatabaseError) else None
        if words:
            return render(request, "errors/refused.html", {"words": words}, status=409)
        return None


PAST = re.compile(r"/as-of/([0-9]{1,18})(/.*)")


class PastAddressMiddleware:
    """Takes `/as-of/<entry>` off the front of the address, and puts it before every address the page makes."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.as_of = None
        found = PAST.fullmatch(request.path_info)
        if found is None:
            return self.get_response(request)
        before = get_script_prefix()
        request.as_of, request.path_info = int(found[1]), found[2]
        set_script_prefix(f"{before}as-of/{found[1]}/")
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(before)


class PastMiddleware:
    """The view of an address in the past, over the rows as they were. Nothing is saved there."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.as_of is None or not request.user.is_authenticated or request.path_info.startswith("/sign-"):
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            words = "Not saved: this is the record as it stood earlier. It can be read, not changed."
            return render(request, "errors/refused.html", {"words": words}, status=405)
        require(request.user, Permission.AUDIT)
        point = point_at(request.as_of)
        if point is None:
            raise Http404
        with standing_at(point):
            return self.get_response(request)
