"""For load balancers and watchers, who do not sign in."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from studytracker.access.grants import Permission

from .health import readiness


@never_cache
@login_not_required
@require_safe
def alive(request):
    """The process answers. Asks neither database nor broker: restarting it would mend neither."""
    return HttpResponse("alive\n", content_type="text/plain; charset=utf-8")


@never_cache
@login_not_required
@require_safe
def ready(request):
    """503 when something needs a person. The figures are for those who operate, or hold the token."""
    try:
        checks = readiness(timezone.now())
        detailed = _may_see_figures(request)
    except DatabaseError:
        return JsonResponse({"status": "fail", "checks": {"database": {"status": "fail"}}}, status=503)
    failed = any(check.state == "fail" for check in checks.values())
    told = {name: {"status": check.state} | (check.figures if detailed else {}) for name, check in checks.items()}
    body = {"status": "fail" if failed else "ok", "checks": {"database": {"status": "ok"}} | told}
    return JsonResponse(body, status=503 if failed else 200)


def _may_see_figures(request):
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.HEALTH_TOKEN and constant_time_compare(token, settings.HEALTH_TOKEN):
        return True
    return request.user.is_authenticated and request.user.can_somewhere(Permission.OPERATE)
