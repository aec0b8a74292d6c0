"""Which version is in force at a site: an amendment counts there from the day its IRB approved it."""

from datetime import date, datetime

from django.db import transaction

from studytracker import protocol
from studytracker.dates import day_label
from studytracker.refusal import Refused

from .adopting import in_order
from .models import Adoption, Approval, Site
from .schema import Protocol


class ApprovalRefused(Refused):
    """The approval cannot be recorded like this."""


@transaction.atomic
def approve(*, version: str, site: str, approved_on: date, by, at: datetime) -> Approval:
    """Record that the IRB of `site` approved an adopted version. Raises ApprovalRefused."""
    site = Site.objects.select_for_update(no_key=True).get(pk=site)
    adoption = Adoption.objects.filter(version=version).first()
    if adoption is None:
        raise ApprovalRefused(f"Version {version} is not adopted. Adopt its file first.", field="version")
    today = site.today(at)
    if approved_on > today:
        raise ApprovalRefused(
            f"{day_label(approved_on)} is in the future: today is {day_label(today)} at {site}.", field="approved_on"
        )
    held = Approval.objects.filter(adoption=adoption, site=site).first()
    if held:
        raise ApprovalRefused(
            f"Version {version} is on file as approved at {site} on {day_label(held.approved_on)}. "
            "Nothing was changed."
        )
    return Approval.objects.create(
        adoption=adoption, site=site, approved_on=approved_on, recorded_at=at, recorded_by=by
    )


def version_at(site: str, on: date) -> Protocol:
    """What a participant who consents at `site` on that day comes under: the newest version approved there by then,
    else the first that was adopted. One or two queries.
    """
    approved = Approval.objects.filter(site=site, approved_on__lte=on).values_list("adoption__version", flat=True)
    newest = max(approved, key=in_order, default=None)
    if newest is None:
        newest = min(Adoption.objects.values_list("version", flat=True), key=in_order, default=None)
    return protocol.version(newest) if newest else protocol.current()


def later_versions(version: str, site: str) -> list[tuple[str, date]]:
    """(version, approved on) of the amendments of `version` approved at the site, the newest first. One query."""
    approved = Approval.objects.filter(site=site).values_list("adoption__version", "approved_on")
    later = [(number, on) for number, on in approved if in_order(number) > in_order(version)]
    return sorted(later, key=lambda found: in_order(found[0]), reverse=True)


def adopted() -> list[Adoption]:
    """Every adopted version with its approvals, the first first. Two queries."""
    return sorted(Adoption.objects.prefetch_related("approvals"), key=lambda each: in_order(each.version))
