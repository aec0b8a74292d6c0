from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """A page leads to the sign-in. A fragment must not be answered with that page: it says so, and the page asks."""

    def handle_no_permission(self, request, view_func):
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=401, headers={"HX-Trigger": "session-expired"})
        return super().handle_no_permission(request, view_func)


class LocalTimeMiddleware:
    """Shows times in the zone of the person's site. What is stored stays UTC."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(request.user.home_zone):
            return self.get_response(request)


class PrivatePagesMiddleware:
    """Keeps signed-in pages out of every cache: on a shared workstation Back must not show them after sign-out."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.user.is_authenticated:
            patch_cache_control(response, private=True, no_store=True)
        return response
