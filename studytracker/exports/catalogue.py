"""What may be exported: each listing whole, as CSV or XLSX, within the person's sites."""

from django.conf import settings
from django.urls import reverse

from studytracker.access.grants import Permission


def exportable(user):
    """[(title, page, csv, xlsx)] for a person who may export, else empty."""
    if not user.can_somewhere(Permission.EXPORT):
        return []
    return [
        (title, url := reverse(name), f"{url}?format=csv", f"{url}?format=xlsx") for title, name in settings.EXPORTS
    ]
