"""Two coordinators log the same visit: one wins, and the other sees both versions."""

import threading
from datetime import date

import pytest
from django.db import connection

from conftest import NOW
from studytracker.trust.acting import acting
from visits import procedures
from visits.attendance import AttendanceRefused, attend, miss
from visits.models import Visit

DAY0 = date(2025, 5, 31)
LOG = "/visits/MUSC-001/W2/log/"


def typed(visit, **differing):
    boxes = {"attended_on_month": "6", "attended_on_year": "2025", "late_entry_reason": ""}
    done = {f"procedure-{each.code}": "done" for each in procedures.of(visit)}
    return boxes | done | differing


def test_the_second_sees_what_the_first_recorded_beside_what_was_typed(musc, person, browse, coordinator, frozen):
    visit = musc.infused(DAY0).visits.get(code="W2")
    first, second = browse(coordinator), browse(person("crc.two", "coordinator", "MUSC"))
    first.get(LOG), second.get(LOG)
    theirs = {"attended_on_day": "17", "visit_type": "clinic", "procedure-cbc": "not_done", "reason-cbc": "Oversight"}
    assert first.post(LOG, typed(visit, **theirs)).status_code == 302
    answer = second.post(LOG, typed(visit, attended_on_day="16", visit_type="phone", note="Called in the morning"))
    page = " ".join(answer.content.decode().split())
    assert answer.status_code == 409
    assert "MUSC-001 W2 was logged already, for Tue 17 Jun 2025. Nothing was changed." in page
    assert "<dt>Date of the visit</dt><dd>Tue 17 Jun 2025</dd>" in page
    assert "Complete blood count (Oversight)" in page
    assert "by crc.musc" in page
    assert 'name="attended_on_day" value="16"' in page
    assert "Called in the morning" in page
    visit.refresh_from_db()
    assert (visit.attended_on, visit.attended_by, visit.note) == (date(2025, 6, 17), coordinator, "")


def test_who_logs_what_was_marked_missed_meanwhile_sees_the_decision(musc, browse, coordinator, frozen):
    visit = musc.infused(DAY0).visits.get(code="W2")
    client = browse(coordinator)
    client.get(LOG)
    miss(visit=visit, reason="Illness or adverse event", by=coordinator, at=NOW)
    answer = client.post(LOG, typed(visit, attended_on_day="16", visit_type="phone"))
    assert (answer.status_code, "<dt>Marked missed</dt>" in answer.content.decode()) == (409, True)


def test_alone_the_form_is_saved_and_shows_no_other_version(musc, browse, coordinator, frozen):
    """The negative control."""
    visit = musc.infused(DAY0).visits.get(code="W2")
    client = browse(coordinator)
    wrong = client.post(LOG, typed(visit, attended_on_day="31", visit_type="phone"))
    assert (wrong.status_code, "Recorded meanwhile" in wrong.content.decode()) == (422, False)
    assert client.post(LOG, typed(visit, attended_on_day="16", visit_type="phone")).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_is_refused(musc, coordinator):
    visit = musc.infused(DAY0).visits.get(code="W2")
    answers = {each.code: "" for each in procedures.of(visit)}
    start, outcomes = threading.Barrier(2), []

    def log(day):
        with acting("tests", source="direct"):
            start.wait()
            try:
                attend(visit=visit, attended_on=date(2025, 6, day), procedures=answers, by=coordinator, at=NOW)
                outcomes.append("saved")
            except AttendanceRefused as refusal:
                outcomes.append(str(refusal))
            finally:
                connection.close()

    threads = [threading.Thread(target=log, args=[day]) for day in (16, 17)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted("saved" if each == "saved" else "refused" for each in outcomes) == ["refused", "saved"]
    kept = Visit.objects.get(pk=visit.pk)
    assert kept.procedures.count() == len(answers)
    assert (
        f"MUSC-001 W2 was logged already, for {'Mon 16' if kept.attended_on.day == 16 else 'Tue 17'} Jun 2025."
        in " ".join(outcomes)
    )
