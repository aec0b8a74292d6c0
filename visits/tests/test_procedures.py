from datetime import date

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY, staged
from visits.attendance import attend
from visits.models import VisitProcedure
from visits.procedures import ProceduresRefused, of, record

DAY0 = date(2025, 5, 31)
REASON = "Specimen or measurement could not be obtained"


@staged
def week_2(musc):
    return musc.infused(DAY0).visits.get(code="W2")


@staged
def answers(week_2):
    return {procedure.code: "" for procedure in of(week_2)} | {"cbc": REASON}


def test_each_procedure_is_a_row_with_its_reason_when_not_done(week_2, coordinator, answers):
    attend(visit=week_2, attended_on=TODAY, out_of_window_reason="x", procedures=answers, by=coordinator, at=NOW)
    stored = {each.code: (each.is_done, each.not_done_reason) for each in week_2.procedures.all()}
    assert stored == {code: (code != "cbc", reason) for code, reason in answers.items()}
    assert {(each.recorded_at, each.recorded_by) for each in week_2.procedures.all()} == {(NOW, coordinator)}


def test_a_procedure_left_open_refuses_the_whole_visit(week_2, coordinator, answers):
    del answers["vitals"], answers["weight"]
    facts = {"attended_on": TODAY, "out_of_window_reason": "x", "by": coordinator, "at": NOW}
    with pytest.raises(ProceduresRefused) as refusal:
        attend(visit=week_2, procedures=answers, **facts)
    assert refusal.value.sentences == [
        "Not answered yet: Vital signs; Weight. Mark each done or not done, or press “All procedures done”."
    ]
    week_2.refresh_from_db()
    assert (week_2.attended_on, VisitProcedure.objects.count()) == (None, 0)


def test_a_procedure_of_another_visit_is_refused(week_2, coordinator, answers):
    attend(visit=week_2, attended_on=TODAY, out_of_window_reason="x", by=coordinator, at=NOW)
    with pytest.raises(ProceduresRefused, match="MUSC-001 W2 has no procedure chest_x_ray. Answer those shown."):
        record(visit=week_2, procedures=answers | {"chest_x_ray": ""}, by=coordinator, at=NOW)


def test_nothing_is_recorded_of_a_visit_that_is_not_logged(week_2, coordinator, answers):
    with pytest.raises(ProceduresRefused, match="MUSC-001 W2 is not logged yet. Log the visit first."):
        record(visit=week_2, procedures=answers, by=coordinator, at=NOW)


@pytest.mark.parametrize(("is_done", "reason"), [(True, REASON), (False, "")])
def test_the_database_refuses_done_with_a_reason_and_not_done_without(week_2, coordinator, is_done, reason):
    facts = {"recorded_at": NOW, "recorded_by": coordinator}
    with pytest.raises(IntegrityError), transaction.atomic():
        VisitProcedure.objects.create(visit=week_2, code="cbc", is_done=is_done, not_done_reason=reason, **facts)


def test_the_database_refuses_a_procedure_twice(week_2, coordinator):
    facts = {"visit": week_2, "code": "cbc", "is_done": True, "recorded_at": NOW, "recorded_by": coordinator}
    VisitProcedure.objects.create(**facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        VisitProcedure.objects.create(**facts)
