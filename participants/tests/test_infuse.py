from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import NOW, TODAY
from participants.doses import planned_cells
from participants.enrollment import enroll
from participants.infusion import InfusionRefused, infuse
from participants.models import Infusion
from participants.screening import withdraw
from visits.models import Visit

DOSE = 1_000_000


def record(participant, coordinator, **changes):
    facts = {"infused_on": TODAY, "start_time": time(10, 15)}
    return infuse(participant=participant, **facts | changes, by=coordinator, at=NOW)


def ready(cast):
    """Enrolled, with a dose worked out and checked."""
    participant = cast.enrolled()
    cast.dosed(participant)
    return participant


def test_the_cells_are_the_weight_times_the_protocol_s_dose(musc, coordinator):
    infusion = record(ready(musc), coordinator)
    assert infusion.planned_cells == 72_400_000
    assert infusion.started_at.isoformat() == "2025-06-18T14:15:00+00:00"


@given(st.decimals(min_value=20, max_value=300, places=2))
def test_cells_per_kg_come_back_exactly_for_every_weight(weight):
    assert Decimal(planned_cells(weight, DOSE)) / DOSE == weight


def test_the_follow_up_appears_with_the_infusion(musc, coordinator):
    participant = ready(musc)
    assert participant.visits.count() == 1
    record(participant, coordinator)
    codes = list(participant.visits.order_by("order").values_list("code", flat=True))
    assert codes == ["SCR", "D0", "W1", "W2", "W4", "W8", "W12", "W16", "W20", "W24", "W36", "W52"]


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        (
            {"infused_on": date(2025, 6, 19)},
            "infused_on",
            "Thu 19 Jun 2025 at this time is in the future. Record the infusion once it has started.",
        ),
        (
            {"start_time": time(11, 1)},
            "infused_on",
            "Wed 18 Jun 2025 at this time is in the future. Record the infusion once it has started.",
        ),
        (
            {"infused_on": date(2025, 5, 28)},
            "infused_on",
            "No infusion before consent: MUSC-001 signed on Thu 29 May 2025. Check the date.",
        ),
        (
            {"infused_on": date(2025, 5, 29), "start_time": time(8, 59)},
            "infused_on",
            "No infusion before consent: MUSC-001 signed on Thu 29 May 2025. Check the date.",
        ),
    ],
)
def test_an_infusion_on_an_impossible_day_is_refused_and_writes_nothing(musc, coordinator, changes, field, sentence):
    participant = ready(musc)
    with pytest.raises(InfusionRefused) as refusal:
        record(participant, coordinator, **changes)
    assert (refusal.value.field, refusal.value.sentences) == (field, [sentence])
    assert Infusion.objects.count() == 0
    assert Visit.objects.exclude(code="SCR").count() == 0


def test_an_infusion_before_the_enrollment_is_refused(musc, coordinator, investigator):
    participant = musc.answered()
    enroll(participant=participant, by=investigator, at=NOW)
    with pytest.raises(InfusionRefused) as refusal:
        record(participant, coordinator, infused_on=date(2025, 6, 17))
    assert refusal.value.sentences == [
        "MUSC-001 was enrolled on Wed 18 Jun 2025. The infusion cannot be before that day."
    ]


def test_no_infusion_without_enrollment_nor_twice_nor_after_leaving(musc, coordinator):
    with pytest.raises(InfusionRefused) as refusal:
        record(musc.answered(), coordinator)
    assert refusal.value.sentences == [
        "MUSC-001 is not enrolled. An investigator confirms eligibility and enrolls first."
    ]
    done = musc.infused()
    with pytest.raises(InfusionRefused) as refusal:
        record(done, coordinator)
    assert refusal.value.sentences == ["MUSC-002 had the single infusion on Sat 31 May 2025 already."]
    withdraw(participant=done, withdrawn_on=TODAY, reason="pregnancy", note="", by=coordinator, at=NOW)
    with pytest.raises(InfusionRefused, match="closed: withdrawn"):
        record(done, coordinator)
