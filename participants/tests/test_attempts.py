from datetime import date, time, timedelta

import pytest

from conftest import NOW, TODAY, staged
from participants.attempts import consent_again, reasons_by_site, screen_again
from participants.models import Consent, Participant
from participants.screening import ScreeningRefused, fail_screening

FAILED = TODAY - timedelta(days=10)


@staged
def failed(musc):
    participant = musc.screened(TODAY - timedelta(days=20))
    facts = {"failed_on": FAILED, "reason": "White cells and zoster", "criteria": ["E2", "E6"]}
    return fail_screening(participant=participant, by=musc.coordinator, at=NOW, **facts)


def again(participant, by, **changes):
    facts = {"screened_on": TODAY, "age": 42, "consent_version": "1.0", "consent_on": TODAY, "consent_time": time(9)}
    return screen_again(participant=participant, by=by, at=NOW, **facts | changes)


def test_a_screen_failure_names_its_criteria(failed):
    assert (failed.screen_failed_criteria, failed.stage) == ("E2 E6", "Screen failure")


def test_a_criterion_the_protocol_does_not_have_fails_nobody(musc):
    with pytest.raises(ScreeningRefused, match="The protocol has no criterion E99"):
        facts = {"failed_on": FAILED, "reason": "x", "criteria": ["E2", "E99"]}
        fail_screening(participant=musc.screened(), by=musc.coordinator, at=NOW, **facts)


def test_screening_again_is_a_new_attempt_with_its_own_anchor_linked_to_the_old_one(failed, coordinator):
    new = again(failed, coordinator, obtained_by="Dr. Lopez")
    assert (new.identifier, new.rescreens, new.screened_on, new.age, new.sex) == ("MUSC-002", failed, TODAY, 42, "F")
    assert (new.consents.get().obtained_by, new.answers.count()) == ("Dr. Lopez", 0)
    failed.refresh_from_db()
    assert (failed.rescreened_as, failed.screened_on) == (new, TODAY - timedelta(days=20))


def test_screening_again_is_refused_while_the_first_screening_stands_or_was_repeated(musc, failed, coordinator):
    with pytest.raises(ScreeningRefused, match="has not failed"):
        again(musc.screened(), coordinator)
    with pytest.raises(ScreeningRefused, match="The new one cannot be before it"):
        again(failed, coordinator, screened_on=FAILED - timedelta(days=1), consent_on=FAILED - timedelta(days=1))
    new = again(failed, coordinator)
    with pytest.raises(ScreeningRefused, match=f"was screened again as {new} already"):
        again(failed, coordinator)
    assert Participant.objects.filter(rescreens=failed).count() == 1


def test_the_same_form_is_not_signed_twice_and_never_in_the_future(musc, coordinator):
    participant = musc.screened()
    facts = {"participant": participant, "consent_version": "1.0", "by": coordinator, "at": NOW}
    with pytest.raises(ScreeningRefused, match="signed form 1.0 already"):
        consent_again(consent_on=TODAY, consent_time=time(9), **facts)
    with pytest.raises(ScreeningRefused, match="cannot be signed in the future"):
        consent_again(consent_on=TODAY + timedelta(days=1), consent_time=time(9), **facts)
    with pytest.raises(ScreeningRefused, match="Consent form version 9 is not valid"):
        consent_again(consent_on=TODAY, consent_time=time(9), **facts | {"consent_version": "9"})
    assert Consent.objects.count() == 1


def test_reasons_are_counted_by_site_and_criterion(musc, emory, failed, emory_coordinator):
    other = emory.screened()
    facts = {"failed_on": TODAY, "reason": "Consent taken back", "by": emory_coordinator, "at": NOW}
    fail_screening(participant=other, **facts)
    assert reasons_by_site(Participant.objects.filter(screen_failed_at__isnull=False)) == [
        {"site": "EMORY", "criterion": "other", "participants": 1},
        {"site": "MUSC", "criterion": "E2", "participants": 1},
        {"site": "MUSC", "criterion": "E6", "participants": 1},
    ]


def test_the_log_shows_both_attempts_with_consent_and_result(failed, coordinator, browse, frozen):
    again(failed, coordinator, obtained_by="Dr. Lopez")
    client = browse(coordinator)
    page = client.get("/participants/screening-log/").content.decode()
    assert [word for word in ("MUSC-002", "Dr. Lopez", "Screen failure", "E2 E6") if word not in page] == []
    found = b"".join(client.get("/participants/screening-log/?format=csv&criterion=e6")).decode()
    assert ("MUSC-001" in found, "MUSC-002" in found) == (True, False)


def test_the_reasons_leave_as_csv_of_the_own_site_only(failed, emory, emory_coordinator, coordinator, browse, frozen):
    mine, theirs = (
        b"".join(browse(person).get("/participants/screening-log/reasons.csv")).decode()
        for person in (coordinator, emory_coordinator)
    )
    assert '"MUSC","E2","1"' in mine
    assert "MUSC" not in theirs


@pytest.mark.parametrize("many", [1, 6])
def test_the_log_takes_the_same_queries_however_many_were_screened(
    musc, coordinator, browse, frozen, many, django_assert_max_num_queries
):
    for _ in range(many):
        musc.screened()
    client = browse(coordinator)
    client.get("/participants/screening-log/")
    with django_assert_max_num_queries(10):
        client.get("/participants/screening-log/")


def test_a_new_screening_is_made_on_the_page(failed, coordinator, browse, frozen):
    boxes = {f"{name}_{part}": value for name in ("consent_on", "screened_on") for part, value in
             (("day", "18"), ("month", "6"), ("year", "2025"))}  # fmt: skip
    typed = boxes | {"consent_version": "1.0", "consent_time": "09:00", "age": "42"}
    client = browse(coordinator)
    response = client.post(f"/participants/{failed}/screen-again/", typed)
    assert response.url == "/participants/MUSC-002/eligibility/"
    assert Participant.objects.get(identifier="MUSC-002").screened_on == date(2025, 6, 18)
    assert client.post(f"/participants/{failed}/screen-again/", typed).status_code == 422
