import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY
from participants.enrollment import EnrollmentRefused, enroll
from participants.models import Enrollment
from participants.screening import fail_screening, withdraw


def test_enroll_takes_the_lowest_free_slot(musc, investigator):
    first = enroll(participant=musc.answered(), by=investigator, at=NOW)
    second = enroll(participant=musc.answered(), by=investigator, at=NOW)
    assert (first.slot_id, second.slot_id, first.enrolled_on) == (1, 2, TODAY)


def test_enroll_refuses_a_seventh_participant(musc, emory, investigator, trial):
    for number in range(trial.enrollment.cap):
        enroll(participant=(musc, emory)[number % 2].answered(), by=investigator, at=NOW)
    seventh = musc.answered()
    with pytest.raises(EnrollmentRefused) as refusal:
        enroll(participant=seventh, by=investigator, at=NOW)
    assert refusal.value.sentences == [
        f"All 6 slots of the protocol are taken. {seventh} cannot be enrolled; "
        "more participants need an amended protocol."
    ]
    assert Enrollment.objects.count() == 6


def test_the_database_itself_refuses_a_seventh_slot(musc, investigator, trial):
    with pytest.raises(IntegrityError), transaction.atomic():
        Enrollment.objects.create(
            participant=musc.answered(),
            slot_id=trial.enrollment.cap + 1,
            enrolled_on=TODAY,
            enrolled_at=NOW,
            enrolled_by=investigator,
        )
        # PostgreSQL and SQLite check foreign keys of Django at commit: ask for it now.
        transaction.get_connection().check_constraints()


def test_the_database_refuses_a_slot_twice(musc, investigator):
    taken = enroll(participant=musc.answered(), by=investigator, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Enrollment.objects.create(
            participant=musc.answered(),
            slot=taken.slot,
            enrolled_on=TODAY,
            enrolled_at=NOW,
            enrolled_by=investigator,
        )


def test_enroll_refuses_the_same_participant_twice(musc, investigator):
    participant = musc.enrolled()
    with pytest.raises(EnrollmentRefused) as refusal:
        enroll(participant=participant, by=investigator, at=NOW)
    assert refusal.value.sentences == ["MUSC-001 is enrolled already, in slot 1."]


def test_enroll_refuses_an_unanswered_or_failing_participant(musc, investigator):
    with pytest.raises(EnrollmentRefused, match="Not answered yet: I1, I2"):
        enroll(participant=musc.screened(), by=investigator, at=NOW)
    with pytest.raises(EnrollmentRefused) as refusal:
        enroll(participant=musc.answered(E2b="present"), by=investigator, at=NOW)
    assert refusal.value.sentences == ["Not eligible by E2."]


def test_enroll_refuses_a_screen_failure(musc, coordinator, investigator):
    participant = musc.answered()
    fail_screening(participant=participant, failed_on=TODAY, reason="E8", by=coordinator, at=NOW)
    with pytest.raises(EnrollmentRefused) as refusal:
        enroll(participant=participant, by=investigator, at=NOW)
    assert refusal.value.sentences == ["MUSC-001 is closed: screen failure."]


def test_a_slot_is_not_given_again_after_a_withdrawal(musc, coordinator, investigator):
    gone = musc.enrolled()
    withdraw(participant=gone, withdrawn_on=TODAY, reason="pregnancy", note="", by=coordinator, at=NOW)
    assert enroll(participant=musc.answered(), by=investigator, at=NOW).slot_id == 2
