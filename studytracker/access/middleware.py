from django.utils import timezone


class LocalTimeMiddleware:
    """Shows times in the zone of the person's site. What is stored stays UTC."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(request.user.home_zone):
            return self.get_response(request)
