"""Whether an investigator has signed the safety review since the visits whose data the board looks at were logged."""

from studytracker.trust.models import Signature
from studytracker.trust.signatures import standing

from .review import KIND


def unsigned(participant, codes) -> list[str]:
    """A sentence where no signature of the site is later than the last of the attended visits `codes`.

    An earlier one will do as long as it stands: nothing in the listing has changed since, and none is signed twice.
    """
    logged = participant.visits.filter(code__in=codes, attended_at__isnull=False).order_by("-attended_at").first()
    if logged is None or not participant.protocol.stagger.needs_signed_review:
        return []
    site = participant.site_id
    later = Signature.objects.of(KIND, site).filter(signed_at__gte=logged.attended_at)
    if later.exists() or standing(KIND, site).valid:
        return []
    return [
        f"the safety review of {site} is not signed since {logged.code} was logged. An investigator there signs it."
    ]
