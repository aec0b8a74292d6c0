from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, staged
from participants.screening import withdraw
from visits.attendance import AttendanceRefused, attend, day_words, miss
from visits.models import Visit

DAY0 = date(2025, 5, 31)
SOON = datetime(2025, 6, 10, 20, tzinfo=UTC)  # two business days after Saturday 7 June


@staged
def participant(musc):
    return musc.infused(DAY0)


@staged
def week_1(participant):
    """Window 5 to 9 June."""
    return participant.visits.get(code="W1")


def test_a_visit_in_its_window_needs_no_reason(week_1, coordinator):
    visit = attend(visit=week_1, attended_on=date(2025, 6, 9), by=coordinator, at=SOON)
    assert (visit.attended_on, visit.attended_by, visit.attended_at) == (date(2025, 6, 9), coordinator, SOON)
    assert visit.out_of_window_reason == ""


def test_a_visit_outside_its_window_needs_a_reason(week_1, coordinator):
    with pytest.raises(AttendanceRefused) as refusal:
        attend(visit=week_1, attended_on=date(2025, 6, 10), by=coordinator, at=SOON)
    assert refusal.value.field == "out_of_window_reason"
    assert refusal.value.sentences == [
        "Tue 10 Jun 2025 is 1 day after the window of W1 (Thu 5 Jun 2025 to Mon 9 Jun 2025). Give the reason."
    ]
    visit = attend(
        visit=week_1, attended_on=date(2025, 6, 10), out_of_window_reason="Weather", by=coordinator, at=SOON
    )
    assert visit.out_of_window_reason == "Weather"


def test_a_reason_given_for_a_day_inside_the_window_is_not_kept(week_1, coordinator):
    visit = attend(visit=week_1, attended_on=date(2025, 6, 7), out_of_window_reason="Weather", by=coordinator, at=SOON)
    assert visit.out_of_window_reason == ""


@pytest.mark.parametrize(
    ("on", "sentence"),
    [
        (
            date(2025, 6, 19),
            "Thu 19 Jun 2025 is in the future: today is Wed 18 Jun 2025 at MUSC. "
            "Log the visit once it has taken place.",
        ),
        (
            date(2025, 5, 31),
            "Sat 31 May 2025 is not after the infusion on Sat 31 May 2025. Follow-up visits come after Day 0.",
        ),
    ],
)
def test_an_impossible_day_is_refused(week_1, coordinator, on, sentence):
    with pytest.raises(AttendanceRefused) as refusal:
        attend(visit=week_1, attended_on=on, out_of_window_reason="x", by=coordinator, at=NOW)
    assert (refusal.value.field, refusal.value.sentences) == ("attended_on", [sentence])
    week_1.refresh_from_db()
    assert week_1.attended_on is None


def test_a_visit_after_the_withdrawal_is_refused(participant, week_1, coordinator):
    withdraw(
        participant=participant, withdrawn_on=date(2025, 6, 6), reason="pregnancy", note="", by=coordinator, at=NOW
    )
    with pytest.raises(AttendanceRefused) as refusal:
        attend(visit=week_1, attended_on=date(2025, 6, 7), by=coordinator, at=SOON)
    assert refusal.value.sentences == [
        "MUSC-001 left the study on Fri 6 Jun 2025. A visit after that day cannot be logged."
    ]
    assert attend(visit=week_1, attended_on=date(2025, 6, 6), by=coordinator, at=SOON).attended_on == date(2025, 6, 6)


def test_a_visit_is_logged_or_missed_once(week_1, participant, coordinator):
    attend(visit=week_1, attended_on=date(2025, 6, 7), by=coordinator, at=SOON)
    for again in (
        lambda: attend(visit=week_1, attended_on=date(2025, 6, 8), by=coordinator, at=SOON),
        lambda: miss(visit=week_1, reason="Illness", by=coordinator, at=NOW),
    ):
        with pytest.raises(AttendanceRefused) as refusal:
            again()
        assert refusal.value.sentences == ["MUSC-001 W1 was logged already, for Sat 7 Jun 2025. Nothing was changed."]
    week_2 = participant.visits.get(code="W2")
    miss(visit=week_2, reason="Illness", by=coordinator, at=NOW)
    with pytest.raises(AttendanceRefused, match=r"MUSC-001 W2 was marked missed already \(Illness\)"):
        attend(visit=week_2, attended_on=date(2025, 6, 12), by=coordinator, at=SOON)


def test_a_visit_cannot_be_missed_before_its_window_opens(participant, coordinator):
    week_4 = participant.visits.get(code="W4")
    with pytest.raises(AttendanceRefused) as refusal:
        miss(visit=week_4, reason="Illness", by=coordinator, at=NOW)
    assert refusal.value.sentences == [
        "The window of MUSC-001 W4 opens on Wed 25 Jun 2025. It can be marked missed from then on."
    ]
    assert miss(visit=week_4, reason="Illness", by=coordinator, at=datetime(2025, 6, 25, 12, tzinfo=UTC)).missed_at


def test_the_day_is_echoed_with_protocol_day_and_window(week_1):
    assert day_words(week_1, date(2025, 6, 7)) == "Sat 7 Jun 2025 · D7 · in window"
    assert day_words(week_1, date(2025, 6, 12)) == "Thu 12 Jun 2025 · D12 · 3 d after the window"
    assert day_words(week_1, date(2025, 6, 4)) == "Wed 4 Jun 2025 · D4 · 1 d before the window"


@pytest.mark.parametrize(
    ("at", "late"),
    [
        (datetime(2025, 6, 11, 3, 59, tzinfo=UTC), 0),  # Tuesday 23:59 at the site: two business days after Saturday
        (datetime(2025, 6, 11, 4, 0, tzinfo=UTC), 3),
    ],
)
def test_a_late_entry_starts_at_midnight_of_the_site_and_needs_a_reason(week_1, coordinator, at, late):
    facts = {"visit": week_1, "attended_on": date(2025, 6, 7), "by": coordinator, "at": at}
    if late:
        with pytest.raises(AttendanceRefused) as refusal:
            attend(**facts)
        assert refusal.value.field == "late_entry_reason"
        assert refusal.value.sentences == [
            "Sat 7 Jun 2025 is 3 business days ago; more than 2 is a late entry. Say why it is logged only now."
        ]
    visit = attend(**facts, late_entry_reason="Note found")
    assert visit.late_entry_reason == ("Note found" if late else "")


@pytest.mark.parametrize(
    "halves",
    [
        {"attended_on": date(2025, 6, 7)},
        {"missed_reason": "Illness"},
        {"missed_at": NOW},
        {"closes_on": date(2025, 6, 1)},
        {"opens_on": None},
        {"target_on": date(2025, 6, 10)},
        {"target_on": date(2025, 6, 4)},
        {"visit_type": "phone"},
        {"note": "x"},
    ],
)
def test_the_database_refuses_half_an_act_and_a_window_turned_round(week_1, halves):
    with pytest.raises(IntegrityError), transaction.atomic():
        Visit.objects.filter(pk=week_1.pk).update(**halves)


def test_the_database_refuses_a_visit_both_attended_and_missed(week_1, coordinator):
    attend(visit=week_1, attended_on=date(2025, 6, 7), by=coordinator, at=SOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        Visit.objects.filter(pk=week_1.pk).update(missed_at=NOW, missed_by=coordinator, missed_reason="Illness")


def test_the_database_refuses_a_second_visit_of_the_same_code(participant):
    with pytest.raises(IntegrityError), transaction.atomic():
        Visit.objects.create(participant=participant, site_id="MUSC", code="W1", order=9)
