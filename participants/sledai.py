"""Scoring SLEDAI by the descriptors and weights of the protocol."""

from django.db import transaction

from .facts import FactRefused, about, refuse_future
from .models import SledaiItem, SledaiScore

# Left out of the clinical SLEDAI, whatever the version of the protocol.
SEROLOGICAL = frozenset({"low_complement", "dna_binding"})


def totals(items, present: dict[str, bool]) -> tuple[int | None, int | None]:
    """(total, clinical total) of the protocol's `items`; None while a descriptor it needs is unanswered."""

    def total(counted):
        if any(item.code not in present for item in counted):
            return None
        return sum(item.weight for item in counted if present[item.code])

    return total(items), total([item for item in items if item.code not in SEROLOGICAL])


@transaction.atomic
def record_sledai(*, participant, assessed_on, present, by, at, visit_code="", source="", look_back_days=None):
    """Record one assessment. `present` maps descriptor code to whether it is present and attributed to lupus; a code
    left out is unanswered, and leaves the total open.
    """
    sledai = participant.protocol.sledai
    known = {item.code: item for item in sledai.items}
    if unknown := sorted(set(present) - set(known)):
        raise FactRefused(f"SLEDAI has no descriptor {', '.join(unknown)}.", field="present")
    if not present:
        raise FactRefused("Answer at least one descriptor.", field="present")
    refuse_future(participant, assessed_on, at, field="assessed_on")
    total, clinical_total = totals(sledai.items, present)
    score = SledaiScore.objects.create(
        assessed_on=assessed_on,
        variant=sledai.variant,
        look_back_days=look_back_days or sledai.look_back_days,
        total=total,
        clinical_total=clinical_total,
        **about(participant, visit_code=visit_code, source=source, warnings=(), by=by, at=at),
    )
    SledaiItem.objects.bulk_create(
        SledaiItem(score=score, participant=participant, code=code, is_present=answer, weight=known[code].weight)
        for code, answer in present.items()
    )
    return score
