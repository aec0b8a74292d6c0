"""Correcting a logged visit and its procedures: with a reason, with what follows from it, and against two at once."""

import re
from datetime import date
from decimal import Decimal

import pytest

from conftest import NOW, staged
from studytracker.trust.models import Entry
from visits import deviations
from visits.attendance import AttendanceRefused, attend
from visits.correcting import correct_procedure, correct_visit
from visits.measurements import Measured, Typed
from visits.models import Deviation, Visit
from visits.procedures import of, record

DAY0 = date(2025, 5, 30)  # W2 has its window from 10 to 16 June
IN_WINDOW, AFTER = date(2025, 6, 16), date(2025, 6, 17)
EARLIER = date(2025, 6, 12)  # in the window, and logged late
MOVED = "Other: moved"


@staged
def logged(musc, coordinator, frozen):
    """W2 out of its window, with one procedure not done: two drafted deviations."""
    visit = musc.infused(DAY0).visits.get(code="W2")
    every = {procedure.code: "" for procedure in of(visit)} | {"vitals": "Participant refused"}
    facts = {"visit_type": "clinic", "procedures": every, "out_of_window_reason": MOVED}
    return attend(visit=visit, attended_on=AFTER, **facts, by=coordinator, at=NOW)


def standing(*categories):
    rows = Deviation.objects.filter(voided_at=None, category__in=categories or [deviations.OUT_OF_WINDOW])
    return [(row.happened_on, row.description) for row in rows.order_by("number")]


def corrected(visit, coordinator, **facts):
    return correct_visit(visit=visit, reason="Source says so", by=coordinator, at=NOW, **facts)


def test_the_window_of_the_fixture_is_the_one_these_tests_speak_of(logged):
    assert (logged.opens_on <= IN_WINDOW <= logged.closes_on < AFTER, logged.days_out > 0) == (True, True)


def test_a_day_corrected_into_the_window_voids_the_draft_that_said_otherwise(logged, coordinator):
    assert len(standing()) == 1
    visit = corrected(logged, coordinator, attended_on=IN_WINDOW)
    assert (visit.status(AFTER).words, visit.out_of_window_reason) == ("Done 16 Jun", "")
    assert standing() == []
    voided = Deviation.objects.get(category=deviations.OUT_OF_WINDOW)
    assert (voided.voided_by, voided.voided_reason) == (coordinator, "Source says so")
    assert standing(deviations.PROCEDURE)[0][0] == IN_WINDOW
    assert visit.doubts == []
    entry = Entry.objects.filter(table="visits_visit", row_id=str(visit.pk)).first()
    assert (entry.username, entry.reason) == ("tests", "Source says so")


def test_a_day_corrected_out_of_the_window_wants_its_reason_and_drafts_the_deviation(logged, coordinator):
    corrected(logged, coordinator, attended_on=IN_WINDOW)
    with pytest.raises(AttendanceRefused, match="after the window of W2.*Give the reason"):
        corrected(logged, coordinator, attended_on=AFTER)
    corrected(logged, coordinator, attended_on=AFTER, out_of_window_reason="Illness")
    assert [words.endswith("Reason: Illness.") for _, words in standing()] == [True]


def test_a_day_that_was_long_before_the_log_wants_the_reason_of_a_late_entry(logged, coordinator):
    with pytest.raises(AttendanceRefused, match="logged 4 business days after that day"):
        corrected(logged, coordinator, attended_on=EARLIER)
    corrected(logged, coordinator, attended_on=EARLIER, late_entry_reason="Letter came")
    assert [day for day, _ in standing(deviations.LATE_ENTRY)] == [EARLIER]
    assert corrected(logged, coordinator, attended_on=IN_WINDOW).late_entry_reason == ""
    assert standing(deviations.LATE_ENTRY) == []


def test_a_correction_that_does_not_touch_their_cause_leaves_the_deviations_alone(logged, coordinator):
    before = list(Deviation.objects.values())
    corrected(logged, coordinator, note="By taxi")
    assert list(Deviation.objects.values()) == before


def test_what_a_person_has_completed_is_left_and_named(logged, coordinator):
    row = Deviation.objects.get(category=deviations.OUT_OF_WINDOW)
    deviations.complete(deviation=row, impact="None", action="None", by=coordinator, at=NOW)
    visit = corrected(logged, coordinator, attended_on=IN_WINDOW)
    assert len(standing()) == 1
    assert visit.doubts == [f"{row} ({row.category_words}) was judged on what was recorded before: look at it again."]


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (DAY0, "is not after the infusion"),
        (date(2025, 6, 19), "It cannot have taken place after that"),
    ],
)
def test_an_impossible_day_is_refused_and_nothing_is_changed(logged, coordinator, day, words):
    with pytest.raises(AttendanceRefused, match=words):
        corrected(logged, coordinator, attended_on=day, out_of_window_reason="x")
    assert Visit.objects.get(pk=logged.pk).attended_on == AFTER


def test_the_day_of_the_infusion_is_not_corrected_at_its_visit(logged, coordinator):
    baseline = Visit.objects.get(participant=logged.participant, order=1)
    with pytest.raises(AttendanceRefused, match="correct Day 0 instead"):
        corrected(baseline, coordinator, attended_on=IN_WINDOW)
    assert corrected(baseline, coordinator, note="By phone").note == "By phone"


def test_a_procedure_corrected_to_done_takes_its_deviation_along(logged, coordinator):
    row = logged.procedures.get(code="vitals")
    assert len(standing(deviations.PROCEDURE)) == 1
    correct_procedure(procedure=row, is_done=True, reason="Found in the chart", by=coordinator, at=NOW)
    row.refresh_from_db()
    assert (row.is_done, row.not_done_reason, standing(deviations.PROCEDURE)) == (True, "", [])
    with pytest.raises(AttendanceRefused, match="say why it was not done"):
        correct_procedure(procedure=row, is_done=False, reason="Wrong chart", by=coordinator, at=NOW)
    facts = {"is_done": False, "not_done_reason": "Participant refused"}
    correct_procedure(procedure=row, **facts, reason="Wrong chart", by=coordinator, at=NOW)
    assert [words for _, words in standing(deviations.PROCEDURE)] == [
        "Not done at W2: Vital signs (Participant refused)."
    ]


def test_a_procedure_with_values_is_not_corrected_to_not_done(musc, coordinator, frozen):
    visit = musc.infused(DAY0).visits.get(code="W2")
    attend(visit=visit, attended_on=IN_WINDOW, by=coordinator, at=NOW)
    every = {procedure.code: "" for procedure in of(visit)}
    measured = Measured(values={"WEIGHT": Typed(Decimal(70), "kg")})
    record(visit=visit, procedures=every, measured=measured, by=coordinator, at=NOW)
    facts = {"is_done": False, "not_done_reason": "Participant refused"}
    row = visit.procedures.get(code="weight")
    with pytest.raises(AttendanceRefused, match="Void them first"):
        correct_procedure(procedure=row, **facts, reason="Wrong chart", by=coordinator, at=NOW)
    facts = {"attended_on": EARLIER, "late_entry_reason": "Letter"}
    moved = correct_visit(visit=visit, **facts, reason="Source", by=coordinator, at=NOW)
    assert "1 value of this visit keep the day" in moved.doubts[-1]


def hidden(page):
    return dict(re.findall(r'<input type="hidden" name="(opened_version)" value="(\d+)"', page))


def typed(day, **differing):
    boxes = {"attended_on_day": str(day.day), "attended_on_month": str(day.month), "attended_on_year": str(day.year)}
    stored = {"visit_type": "clinic", "out_of_window_reason": MOVED, "late_entry_reason": "", "note": ""}
    return boxes | stored | differing


def test_the_page_asks_for_a_reason_and_leads_back_with_what_to_look_at(logged, browse, coordinator):
    client, address = browse(coordinator), "/visits/MUSC-001/W2/correct/"
    page = client.get(address).content.decode()
    assert 'value="17"' in page and "Save the correction" in page
    assert "/visits/MUSC-001/W2/correct/" in client.get("/visits/MUSC-001/W2/").content.decode()
    refused = client.post(address, typed(IN_WINDOW) | hidden(page))
    assert (refused.status_code, "Say why it is changed" in refused.content.decode()) == (422, True)
    nothing = client.post(address, typed(AFTER, reason="No change") | hidden(page))
    assert (nothing.status_code, "Nothing was changed" in nothing.content.decode()) == (422, True)
    saved = client.post(address, typed(IN_WINDOW, reason="Source says so") | hidden(page), follow=True)
    assert "MUSC-001 W2 is corrected" in saved.content.decode()


def test_the_second_of_two_corrections_is_shown_the_first(logged, browse, coordinator, investigator):
    address = "/visits/MUSC-001/W2/correct/"
    client = browse(coordinator)
    opened = hidden(client.get(address).content.decode())
    corrected(logged, investigator, attended_on=IN_WINDOW)
    response = client.post(address, typed(AFTER, note="By taxi", reason="Taxi bill") | opened)
    page = response.content.decode()
    assert response.status_code == 409
    assert "Attended on</th><td>Tue 17 Jun 2025</td><td>Mon 16 Jun 2025</td><td>Tue 17 Jun 2025</td>" in page
    assert "By taxi</textarea>" in page and 'value="16"' in page
    assert Visit.objects.get(pk=logged.pk).note == ""
    again = typed(IN_WINDOW, note="By taxi", out_of_window_reason="", reason="Taxi bill") | hidden(page)
    assert client.post(address, again).status_code == 302
    stored = Visit.objects.get(pk=logged.pk)
    assert (stored.attended_on, stored.note) == (IN_WINDOW, "By taxi")


def test_a_procedure_is_corrected_on_its_page(logged, browse, coordinator):
    address = "/visits/MUSC-001/W2/procedures/vitals/correct/"
    client = browse(coordinator)
    page = client.get(address).content.decode()
    form = {"is_done": "False", "not_done_reason": "Other", "other_reason": "", "reason": "Asked again"}
    lacking = client.post(address, form | hidden(page))
    assert (lacking.status_code, "say what it was" in lacking.content.decode()) == (422, True)
    client.post(address, form | {"other_reason": "Cuff broken"} | hidden(page))
    assert logged.procedures.get(code="vitals").not_done_reason == "Other: Cuff broken"
    assert client.get("/visits/MUSC-001/W2/procedures/nothing/correct/").status_code == 404


def test_a_voided_deviation_stands_again_where_no_other_took_its_place(logged, browse, coordinator):
    first = Deviation.objects.get(category=deviations.OUT_OF_WINDOW)
    corrected(logged, coordinator, attended_on=IN_WINDOW)
    address = f"/deviations/MUSC-001/{first.number}/restore/"
    client = browse(coordinator)
    assert f'href="{address}"' in client.get(f"/deviations/MUSC-001/{first.number}/").content.decode()
    corrected(logged, coordinator, attended_on=AFTER, out_of_window_reason="Illness")
    refused = client.post(address, {"reason": "It was one"})
    assert (refused.status_code, "Another deviation of this kind stands" in refused.content.decode()) == (422, True)
    corrected(logged, coordinator, attended_on=IN_WINDOW)
    assert client.post(address, {"reason": "It was one"}).status_code == 302
    first.refresh_from_db()
    assert (first.stage, first.voided_reason) == ("To complete", "")
    again = client.post(address, {"reason": "It was one"})
    assert (again.status_code, "Nothing was changed" in again.content.decode()) == (422, True)
