from datetime import UTC, date, datetime, time, timedelta

import pytest

from conftest import NOW, staged
from participants.infusion import InfusionRefused, correct_day0
from participants.models import Day0Correction, Infusion
from participants.screening import withdraw
from visits.attendance import attend, miss
from visits.models import Visit, WindowMove

DAY0 = date(2025, 5, 31)


@staged
def participant(musc):
    return musc.infused(DAY0)


@staged
def correct(participant, coordinator):
    def make(on, start_time=time(10, 15), reason="Infusion record"):
        return correct_day0(
            participant=participant, infused_on=on, start_time=start_time, reason=reason, by=coordinator, at=NOW
        )

    return make


def spans(participant):
    return {visit.code: (visit.target_on, visit.opens_on, visit.closes_on) for visit in participant.visits.all()}


def test_what_has_not_happened_moves_and_what_has_happened_stays(participant, correct, coordinator):
    early = datetime(2025, 6, 9, 20, tzinfo=UTC)
    attend(visit=participant.visits.get(code="W1"), attended_on=date(2025, 6, 7), by=coordinator, at=early)
    miss(visit=participant.visits.get(code="W2"), reason="Illness", by=coordinator, at=NOW)
    before = spans(participant)
    correct(DAY0 + timedelta(days=2))
    after = spans(participant)
    kept = {"SCR", "W1", "W2"}
    assert {code for code in before if before[code] == after[code]} == kept
    two_days_on = {code: tuple(day + timedelta(days=2) for day in before[code]) for code in before if code not in kept}
    assert {code: after[code] for code in two_days_on} == two_days_on
    assert participant.visits.get(code="W1").attended_on == date(2025, 6, 7)


def test_the_baseline_visit_moves_with_the_infusion_and_stays_done(participant, correct):
    correct(date(2025, 6, 1))
    baseline = participant.visits.get(code="D0")
    assert (baseline.attended_on, baseline.status(NOW.date()).code) == (date(2025, 6, 1), "done")


def test_the_planned_cells_do_not_change(participant, correct):
    before = Infusion.objects.values_list("planned_cells", "weight_kg", "lot").get()
    correct(date(2025, 6, 1))
    assert Infusion.objects.values_list("planned_cells", "weight_kg", "lot").get() == before


def test_the_correction_keeps_both_days_the_reason_and_every_move(participant, correct, coordinator):
    made = correct(date(2025, 6, 2), time(9, 0), "Pharmacy log")
    assert (made.from_on, made.to_on, made.reason, made.corrected_by) == (
        DAY0,
        date(2025, 6, 2),
        "Pharmacy log",
        coordinator,
    )
    assert made.to_started_at == datetime(2025, 6, 2, 13, 0, tzinfo=UTC)
    week_1 = WindowMove.objects.get(visit__code="W1")
    assert (week_1.old_opens_on, week_1.new_opens_on) == (date(2025, 6, 5), date(2025, 6, 7))
    assert WindowMove.objects.count() == 11


def test_another_hour_of_the_same_day_moves_no_window(correct):
    correct(DAY0, time(10, 45))
    assert (Day0Correction.objects.count(), WindowMove.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("on", "start", "sentence"),
    [
        (date(2025, 6, 19), time(8), "Thu 19 Jun 2025 at this time is in the future."),
        (date(2025, 5, 20), time(8), "No infusion before consent: MUSC-001 signed on Wed 21 May 2025."),
        (date(2025, 5, 31), time(10, 15), "Sat 31 May 2025 at this time is what is recorded already."),
        (date(2025, 6, 7), time(8), "MUSC-001 attended W1 on Sat 7 Jun 2025: the infusion cannot be on Sat 7 Jun"),
    ],
)
def test_an_impossible_day_0_is_refused_and_nothing_moves(participant, correct, coordinator, on, start, sentence):
    early = datetime(2025, 6, 9, 20, tzinfo=UTC)
    attend(visit=participant.visits.get(code="W1"), attended_on=date(2025, 6, 7), by=coordinator, at=early)
    before = spans(participant)
    with pytest.raises(InfusionRefused) as refusal:
        correct(on, start)
    assert refusal.value.sentences[0].startswith(sentence)
    assert refusal.value.field == "infused_on"
    assert (spans(participant), Day0Correction.objects.count()) == (before, 0)


def test_a_day_0_before_the_enrollment_is_refused(musc, coordinator):
    participant = musc.infused(DAY0)
    type(participant.enrolled).objects.update(enrolled_on=date(2025, 5, 30))
    with pytest.raises(InfusionRefused, match="was enrolled on Fri 30 May 2025"):
        facts = {"infused_on": date(2025, 5, 29), "start_time": time(10), "reason": "x"}
        correct_day0(participant=participant, by=coordinator, at=NOW, **facts)


def test_a_day_0_after_the_withdrawal_is_refused(participant, correct, coordinator):
    withdraw(
        participant=participant, withdrawn_on=date(2025, 6, 3), reason="pregnancy", note="", by=coordinator, at=NOW
    )
    with pytest.raises(InfusionRefused, match="MUSC-001 left the study on Tue 3 Jun 2025"):
        correct(date(2025, 6, 4))


def test_who_is_not_infused_has_no_day_0_to_correct(musc, coordinator):
    facts = {"infused_on": DAY0, "start_time": time(10), "reason": "x", "by": coordinator, "at": NOW}
    with pytest.raises(InfusionRefused, match="MUSC-001 has no infusion yet."):
        correct_day0(participant=musc.enrolled(), **facts)


FORM = {
    "infused_on_day": "2",
    "infused_on_month": "6",
    "infused_on_year": "2025",
    "start_time": "10:15",
    "reason": "Infusion log",
}


def test_the_page_shows_what_would_move_before_it_moves_anything(participant, browse, coordinator, frozen):
    client, address = browse(coordinator), "/participants/MUSC-001/infusion/correct/"
    shown = client.post(address, FORM)
    page = shown.content.decode()
    assert shown.status_code == 200
    assert "Thu 5 Jun 2025 to Mon 9 Jun 2025</td>\n<td>Sat 7 Jun 2025 to Wed 11 Jun 2025" in page
    assert "Stays: attended Wed 21 May 2025" in page
    assert 'name="apply" value="2025-06-02"' in page
    assert Day0Correction.objects.count() == 0
    assert client.post(address, FORM | {"apply": "2025-06-02"}).status_code == 302
    assert "W1: Thu 5 Jun 2025 to Mon 9 Jun 2025 → Sat 7 Jun 2025 to Wed 11 Jun 2025" in (
        client.get(address).content.decode()
    )


def test_a_day_changed_after_the_preview_is_shown_again_and_not_applied(participant, browse, coordinator, frozen):
    client = browse(coordinator)
    response = client.post(
        "/participants/MUSC-001/infusion/correct/", FORM | {"infused_on_day": "3", "apply": "2025-06-02"}
    )
    assert 'name="apply" value="2025-06-03"' in response.content.decode()
    assert (Day0Correction.objects.count(), Visit.objects.get(code="W1").opens_on) == (0, date(2025, 6, 5))
