"""What was done at a visit, procedure by procedure."""

from django.db import transaction

from studytracker.refusal import Refused

from . import deviations, measurements
from .measurements import Measured
from .models import Visit, VisitProcedure

# Codes of the protocol's procedures whose finding leads on.
EVENTS, MEDICINES = "adverse_events", "medicines"


class ProceduresRefused(Refused):
    """The procedures cannot be recorded like this."""


def of(visit):
    """The protocol's procedures for this visit, in its order."""
    return [visit.rules.procedure(code) for code in visit.planned.procedures]


def news(visit, code):
    """The finding of the procedure that is not the ordinary one, in the words of the protocol."""
    return visit.rules.procedure(code).findings[-1]


@transaction.atomic
def record(*, visit, procedures, measured=None, by, at):
    """Record each procedure of an attended visit once. `procedures` maps code to the reason not done, "" for done.

    Raises ProceduresRefused. A planned visit needs an answer for each procedure; an unplanned one for none.
    `measured` holds values and findings of what was done; what it lacks stays to complete.
    """
    measured = measured or Measured()
    visit = Visit.objects.select_for_update(of=("self",)).select_related("participant").get(pk=visit.pk)
    _check_visit(visit)
    _check_answers(visit, procedures)
    _check_done(visit, [code for code, why in procedures.items() if not why], measured)
    VisitProcedure.objects.bulk_create(
        VisitProcedure(
            visit=visit,
            code=procedure.code,
            is_done=not procedures[procedure.code],
            not_done_reason=procedures[procedure.code],
            finding=measured.findings.get(procedure.code, ""),
            recorded_at=at,
            recorded_by=by,
        )
        for procedure in of(visit)
        if procedure.code in procedures
    )
    measurements.record(visit=visit, values=measured.values, acknowledged=measured.acknowledged, by=by, at=at)
    if visit.needs_procedures:
        _draft_deviation(visit, procedures, by=by, at=at)
    return visit


@transaction.atomic
def complete(*, visit, measured, by, at):
    """Add values and findings to procedures recorded as done; a finding is given once. Raises ProceduresRefused."""
    visit = Visit.objects.select_for_update(of=("self",)).select_related("participant").get(pk=visit.pk)
    done = {each.code: each for each in visit.procedures.filter(is_done=True)}
    _check_done(visit, done, measured)
    if not measured.values and not measured.findings:
        raise ProceduresRefused("Nothing was typed, so nothing was saved.")
    for code, words in measured.findings.items():
        if done[code].finding and done[code].finding != words:
            raise ProceduresRefused(f"{done[code].name} has its finding already: {done[code].finding}.")
        done[code].finding = words
        done[code].save(update_fields=["finding"])
    measurements.record(visit=visit, values=measured.values, acknowledged=measured.acknowledged, by=by, at=at)
    return visit


def _check_done(visit, done, measured):
    """Values and findings belong to procedures that were done."""
    for procedure in of(visit):
        tests = [test for test in measurements.tests_of(visit.rules, procedure) if test.code in measured.values]
        if (tests or procedure.code in measured.findings) and procedure.code not in done:
            what = ", ".join(test.name for test in tests) or measured.findings[procedure.code]
            raise ProceduresRefused(
                f"{procedure.name} is not marked done, but there is a value for it: {what}. "
                "Mark it done, or clear the box."
            )


def _draft_deviation(visit, procedures, *, by, at):
    """One deviation for all that was not done at this visit."""
    if why := not_done_words(visit, procedures):
        deviations.draft(visit, category_of(visit), visit.attended_on, why, by=by, at=at)


def category_of(visit):
    return deviations.PROCEDURE_BEFORE if visit.planned.kind == "screening" else deviations.PROCEDURE


def not_done_words(visit, procedures) -> str:
    """What was not done at the visit, with each reason; empty where all was. `procedures` as for `record`."""
    missed = [f"{procedure.name} ({why})" for procedure in of(visit) if (why := procedures.get(procedure.code))]
    return f"Not done at {visit.code}: {'; '.join(missed)}." if missed else ""


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
