"""The one way to rows: through the person who asks."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from studytracker import protocol
from studytracker.trust.versions import VersionedQuerySet

from .grants import Permission


class ScopedQuerySet(VersionedQuerySet):
    """For models with a `site` foreign key."""

    def visible_to(self, user):
        return self.filter(site__in=user.sites_where(Permission.SEE))


def reach(queryset, user, *, needs=Permission.SEE, **lookup):
    """One row by `lookup`, through `visible_to(user)`.

    Another site's row and a missing row raise the same Http404; a row that may be seen but not worked on with
    the permission `needs` raises PermissionDenied.
    """
    try:
        row = get_object_or_404(queryset.visible_to(user), **lookup)
    except (ValueError, OverflowError):
        raise Http404 from None
    if not user.can(needs, row.site_id):
        raise PermissionDenied(f"Your role does not let you {needs.value} at {row.site_id}.")
    return row


def require(user, permission):
    """Refuse a person who holds `permission` at no site."""
    if not user.can_somewhere(permission):
        raise PermissionDenied(f"Your role does not let you {permission.value}.")


def holds_everywhere(user, permission) -> bool:
    return user.sites_where(permission) >= {site.code for site in protocol.current().sites}


def require_everywhere(user, permission):
    """Refuse a person who does not hold `permission` at every site: what is shown is of the whole trial."""
    if not holds_everywhere(user, permission):
        raise PermissionDenied(f"Your role does not let you {permission.value} at every site.")
