"""What was done at a visit, procedure by procedure."""

from django.db import transaction

from studytracker.refusal import Refused

from . import deviations
from .models import Visit, VisitProcedure


class ProceduresRefused(Refused):
    """The procedures cannot be recorded like this."""


def of(visit):
    """The protocol's procedures for this visit, in its order."""
    return [visit.rules.procedure(code) for code in visit.planned.procedures]


@transaction.atomic
def record(*, visit, procedures, by, at):
    """Record each procedure of an attended visit once. `procedures` maps code to the reason not done, "" for done.

    Raises ProceduresRefused. A planned visit needs an answer for each procedure; an unplanned one for none.
    """
    visit = Visit.objects.select_for_update(of=("self",)).select_related("participant").get(pk=visit.pk)
    _check_visit(visit)
    _check_answers(visit, procedures)
    VisitProcedure.objects.bulk_create(
        VisitProcedure(
            visit=visit,
            code=procedure.code,
            is_done=not procedures[procedure.code],
            not_done_reason=procedures[procedure.code],
            recorded_at=at,
            recorded_by=by,
        )
        for procedure in of(visit)
        if procedure.code in procedures
    )
    if visit.needs_procedures:
        _draft_deviation(visit, procedures, by=by, at=at)
    return visit


def _draft_deviation(visit, procedures, *, by, at):
    """One deviation for all that was not done at this visit."""
    missed = [f"{procedure.name} ({why})" for procedure in of(visit) if (why := procedures[procedure.code])]
    if missed:
        category = deviations.PROCEDURE_BEFORE if visit.planned.kind == "screening" else deviations.PROCEDURE
        why = f"Not done at {visit.code}: {'; '.join(missed)}."
        deviations.draft(visit, category, visit.attended_on, why, by=by, at=at)


def _check_visit(visit):
    if not visit.attended_on:
        raise ProceduresRefused(f"{visit} is not logged yet. Log the visit first.")
    if visit.procedures.exists():
        raise ProceduresRefused(f"The procedures of {visit} are recorded already. Nothing was changed.")


def _check_answers(visit, procedures):
    known = {procedure.code: procedure.name for procedure in of(visit)}
    strange = [code for code in procedures if code not in known]
    if strange:
        raise ProceduresRefused(f"{visit} has no procedure {', '.join(strange)}. Answer those shown.")
    open_still = [name for code, name in known.items() if code not in procedures]
    if open_still and visit.needs_procedures:
        raise ProceduresRefused(
            f"Not answered yet: {'; '.join(open_still)}. Mark each done or not done, or press “All procedures done”."
        )
