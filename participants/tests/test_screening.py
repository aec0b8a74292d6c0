from datetime import date, time

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY
from participants.models import Consent, Participant
from participants.screening import ScreeningRefused, answer, assessment, fail_screening, screen, withdraw
from studytracker.trust.versions import ReasonNeeded


def screening(coordinator, **changes):
    facts = {
        "site": "MUSC",
        "screened_on": TODAY,
        "age": 41,
        "sex": "F",
        "consent_version": "1.0",
        "consent_on": TODAY,
        "consent_time": time(9, 30),
    }
    return screen(**facts | changes, by=coordinator, at=NOW)


def test_screening_gives_the_next_identifier_of_the_site(coordinator, trial):
    assert [screening(coordinator).identifier for _ in range(2)] == ["MUSC-001", "MUSC-002"]
    assert screening(coordinator, site="EMORY").identifier == "EMO-001"


def test_screening_stamps_the_protocol_version_and_keeps_the_consent_in_utc(coordinator, trial):
    participant = screening(coordinator)
    assert participant.protocol_version == "1.0"
    consent = participant.consents.get()
    assert (consent.form_version, consent.signed_on) == ("1.0", TODAY)
    assert consent.signed_at.isoformat() == "2025-06-18T13:30:00+00:00"


def test_screening_logs_the_screening_visit(coordinator, trial):
    visit = screening(coordinator).visits.get()
    assert (visit.code, visit.attended_on, visit.closes_on) == ("SCR", TODAY, None)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        (
            {"screened_on": date(2025, 6, 19)},
            "screened_on",
            "The screening visit cannot be in the future: today is Wed 18 Jun 2025 at MUSC. "
            "Screen the participant on the day.",
        ),
        (
            {"consent_time": time(11, 1)},
            "consent_on",
            "The consent cannot be signed in the future. Check its date and time.",
        ),
        (
            {"screened_on": date(2025, 6, 16), "consent_on": date(2025, 6, 17)},
            "consent_on",
            "Consent on Tue 17 Jun 2025 is after the screening visit on Mon 16 Jun 2025. "
            "Consent comes before any study procedure: check both dates.",
        ),
        (
            {"consent_version": "9.9"},
            "consent_version",
            "Consent form version 9.9 is not valid at MUSC on Wed 18 Jun 2025. Valid then: 1.0.",
        ),
        (
            {"consent_on": date(2016, 1, 1)},
            "consent_version",
            "Consent form version 1.0 is not valid at MUSC on Fri 1 Jan 2016. Valid then: none.",
        ),
        ({"site": "NOWHERE"}, "site", "This site is not in the protocol. Choose one of the list."),
        (
            {"consent_on": date(2025, 3, 9), "consent_time": time(2, 30)},
            "consent_time",
            "02:30 on Sun 9 Mar 2025 does not exist in America/New_York: the clocks went forward past it. "
            "Did you mean 03:30?",
        ),
    ],
)
def test_screening_refuses_with_a_sentence_and_writes_nothing(coordinator, trial, changes, field, sentence):
    with pytest.raises(ScreeningRefused) as refusal:
        screening(coordinator, **changes)
    assert (refusal.value.field, refusal.value.sentences) == (field, [sentence])
    assert Participant.objects.count() == Consent.objects.count() == 0


def test_an_answer_keeps_who_and_when_and_an_equal_one_changes_nothing(musc, coordinator, investigator):
    participant = musc.screened()
    answer(participant=participant, answers={"E5": ("absent", "history")}, by=coordinator, at=NOW)
    answer(participant=participant, answers={"E5": ("absent", "history")}, by=investigator, at=NOW)
    assert participant.answers.get().answered_by == coordinator
    with pytest.raises(ReasonNeeded, match="Say why it is changed"):
        answer(participant=participant, answers={"E5": ("present", "history")}, by=investigator, at=NOW)
    facts = {"answers": {"E5": ("present", "history")}, "reason": "CT of 3 June", "by": investigator}
    answer(participant=participant, at=NOW, **facts)
    assert (participant.answers.get().answer, participant.answers.get().answered_by) == ("present", investigator)


def test_an_answer_that_is_not_offered_is_refused(musc, coordinator):
    with pytest.raises(ScreeningRefused) as refusal:
        answer(participant=musc.screened(), answers={"E5": ("met", "")}, by=coordinator, at=NOW)
    assert refusal.value.sentences == ['"met" is not an answer to E5. Choose one of those shown.']


def test_what_the_record_computes_is_not_asked(musc, coordinator):
    too_young = musc.screened(age=17)
    with pytest.raises(ScreeningRefused, match='"met" is not an answer to R1'):
        answer(participant=too_young, answers={"R1": ("met", "")}, by=coordinator, at=NOW)
    assert assessment(too_young, TODAY).failed == ("R1",)


def test_the_criteria_are_closed_once_enrolled(musc, coordinator):
    with pytest.raises(ScreeningRefused, match="closed to changes"):
        answer(participant=musc.enrolled(), answers={"E5": ("present", "")}, by=coordinator, at=NOW)


def test_a_screen_failure_closes_the_participant(musc, coordinator):
    participant = fail_screening(participant=musc.screened(), failed_on=TODAY, reason="E2b", by=coordinator, at=NOW)
    assert participant.stage == "Screen failure"
    with pytest.raises(ScreeningRefused) as refusal:
        answer(participant=participant, answers={"E5": ("absent", "")}, by=coordinator, at=NOW)
    assert refusal.value.sentences == ["MUSC-001 is closed: screen failure. Nothing more can be recorded here."]


def test_an_enrolled_participant_is_no_screen_failure(musc, coordinator):
    with pytest.raises(ScreeningRefused) as refusal:
        fail_screening(participant=musc.enrolled(), failed_on=TODAY, reason="x", by=coordinator, at=NOW)
    assert refusal.value.sentences == ["MUSC-001 is enrolled already. Withdraw the participant instead."]


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (date(2025, 6, 19), "Thu 19 Jun 2025 is in the future: today is Wed 18 Jun 2025 at MUSC."),
        (date(2025, 5, 1), "Thu 1 May 2025 is before the screening visit on Wed 21 May 2025."),
        (date(2025, 5, 30), "The infusion was on Sat 31 May 2025: the withdrawal cannot be before it."),
    ],
)
def test_a_withdrawal_on_an_impossible_day_is_refused(musc, coordinator, day, sentence):
    participant = musc.infused()
    with pytest.raises(ScreeningRefused) as refusal:
        withdraw(participant=participant, withdrawn_on=day, reason="death", note="", by=coordinator, at=NOW)
    assert refusal.value.sentences == [sentence]


def test_a_withdrawal_happens_once(musc, coordinator):
    participant = musc.infused()
    facts = {"withdrawn_on": TODAY, "reason": "pregnancy", "note": "", "by": coordinator, "at": NOW}
    assert withdraw(participant=participant, **facts).stage == "Withdrawn"
    with pytest.raises(ScreeningRefused, match="closed: withdrawn"):
        withdraw(participant=participant, **facts)


def test_the_database_refuses_two_ways_out_and_a_failure_before_the_screening(musc, coordinator):
    participant = musc.screened()
    failed = {"screen_failed_on": TODAY, "screen_failed_at": NOW, "screen_failed_by": coordinator}
    left = {"withdrawn_on": TODAY, "withdrawn_at": NOW, "withdrawn_by": coordinator, "withdrawn_reason": "death"}
    early = failed | {"screen_failed_on": date(2025, 5, 28)}
    for wrong in (failed | left, early):
        with pytest.raises(IntegrityError), transaction.atomic():
            Participant.objects.filter(pk=participant.pk).update(screen_failed_reason="E8", **wrong)


def test_the_database_refuses_half_a_withdrawal(musc):
    participant = musc.screened()
    with pytest.raises(IntegrityError), transaction.atomic():
        Participant.objects.filter(pk=participant.pk).update(withdrawn_on=TODAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Participant.objects.filter(pk=participant.pk).update(withdrawn_reason="death")
