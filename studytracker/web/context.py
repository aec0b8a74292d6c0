"""What every page shows around its content: navigation, today at the site, the band of the demonstration."""

from datetime import datetime
from functools import partial

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.module_loading import import_string

from studytracker.access.grants import Permission
from studytracker.dates import day_label
from studytracker.trust import as_of

# Group, empty for a link of its own; then label, URL name, and the permission without which the link is not shown.
NAVIGATION = (
    ("", (("Today", "home", None), ("Participants", "participants", Permission.SEE))),
    (
        "Visits",
        (
            ("Visits", "visits", Permission.SEE),
            ("Calendar", "calendar", Permission.SEE),
            ("Planner", "planner", Permission.SEE),
            ("Deviations", "deviations", Permission.SEE),
        ),
    ),
    ("", (("Adverse events", "adverse_events", Permission.SEE),)),
    (
        "Safety",
        (
            ("Clocks", "clocks", Permission.SEE),
            ("Stopping rules", "stopping_rules", Permission.SEE),
            ("Safety review", "safety_review", Permission.SEE),
            ("Safety outputs", "safety_outputs", Permission.SEE),
            ("DSMB", "dsmb", Permission.SEE),
        ),
    ),
    ("Treatment", (("Slots", "slots", Permission.SEE), ("Product", "product", Permission.SEE))),
    (
        "Records",
        (
            ("Queries", "queries", Permission.SEE),
            ("Reminders", "reminders", Permission.OPERATE),
            ("Exports", "exports", Permission.EXPORT),
            ("Audit trail", "audit", Permission.AUDIT),
            ("Study", "study", None),
        ),
    ),
)


def page(request):
    """Worked out only when a template asks: fragments and error pages then cost no query."""
    return {"page": SimpleLazyObject(partial(_page, request, at=timezone.now()))}


def _page(request, *, at: datetime) -> dict:
    around = {"demo": settings.DEMO, "nav": [], "today_text": "", "banners": [], "as_of": as_of.current()}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return around
    return {
        **around,
        "nav": _navigation(user, request.path),
        "today_text": _today_text(user.home_zone, at),
        "banners": [banner for path in settings.BANNERS for banner in import_string(path)(user, at)],
    }


def _navigation(user, path: str) -> list[tuple[str, list[tuple[str, str, bool]], bool]]:
    """(group, its links, whether the page is one of them); of a single link the group has no name."""
    found = []
    for group, entries in NAVIGATION:
        links = [_link(label, name, path) for label, name, needs in entries if not needs or user.can_somewhere(needs)]
        if links:
            found.append((group if len(links) > 1 else "", links, any(active for *_, active in links)))
    return found


def _link(label, name, path):
    url = reverse(name)
    return label, url, path == url if name == "home" else path.startswith(url)


def _today_text(zone, at: datetime) -> str:
    """'Mon 23 Jun 2025 (America/New_York)'."""
    return f"{day_label(at.astimezone(zone).date())} ({zone.key})"
