from uuid import uuid4

from django.db import DatabaseError
from django.shortcuts import render

from .acting import ANONYMOUS, acting
from .refusals import sentence


class ActingMiddleware:
    """Whoever is signed in answers for what the request writes. It opens no transaction."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        who = request.user if request.user.is_authenticated else ANONYMOUS
        with acting(who, source="web", request_id=uuid4().hex):
            return self.get_response(request)

    def process_exception(self, request, error):
        """A refusal of the database is told in words; nothing was saved."""
        words = sentence(error) if isinstance(error, DatabaseError) else None
        if words:
            return render(request, "errors/refused.html", {"words": words}, status=409)
        return None
