"""What comes back when a form is refused: a sentence, everything that was typed, and nothing written."""

import re
from datetime import date

import pytest
from django.db import OperationalError

from adverse_events.models import AdverseEvent
from conftest import NOW
from participants.enrollment import enroll
from participants.models import Dose, Enrollment, Infusion, Participant
from studytracker import protocol
from visits.attendance import attend
from visits.models import Visit

DAY0 = date(2025, 5, 31)


def boxes(name, day, month, year):
    return {f"{name}_day": day, f"{name}_month": month, f"{name}_year": year}


def come_back(response, *, sentence, typed):
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert [value for value in typed if f'value="{value}"' not in page] == []


SCREEN = {
    "site": "MUSC",
    "consent_version": "1.0",
    **boxes("consent_on", "17", "6", "2025"),
    "consent_time": "09:45",
    **boxes("screened_on", "17", "6", "2025"),
    "age": "41",
    "sex": "F",
}


@pytest.mark.parametrize(
    ("changes", "sentence", "typed"),
    [
        (
            boxes("screened_on", "31", "6", "2025"),
            "31 June 2025 does not exist: June 2025 has 30 days.",
            ["31", "2025", "09:45", "41"],
        ),
        (
            boxes("screened_on", "19", "6", "2025"),
            "The screening visit cannot be in the future: today is Wed 18 Jun 2025 at MUSC.",
            ["19", "09:45", "41"],
        ),
        ({"consent_time": "half past nine"}, "half past nine", ["41"]),
        ({"age": "forty"}, "&quot;forty&quot; cannot be read. Write a whole number, such as 41.", ["forty", "09:45"]),
        ({"sex": ""}, "Choose the sex.", ["41"]),
        ({"site": "NOWHERE"}, "Select a valid choice. NOWHERE is not one of the available choices.", ["41"]),
        ({"site": "EMORY"}, "Select a valid choice. EMORY is not one of the available choices.", ["41"]),
    ],
)
def test_screening(trial, browse, coordinator, frozen, changes, sentence, typed):
    response = browse(coordinator).post("/participants/screen/", SCREEN | changes)
    come_back(response, sentence=sentence, typed=typed)
    assert Participant.objects.count() == 0


def test_the_right_screening_form_goes_through_to_the_criteria(trial, browse, coordinator, frozen):
    """The negative control of the refusals above."""
    response = browse(coordinator).post("/participants/screen/", SCREEN)
    assert (response.status_code, response.url) == (302, "/participants/MUSC-001/criteria/")


def test_evidence_without_an_answer_comes_back(musc, browse, coordinator, frozen):
    musc.screened()
    response = browse(coordinator).post(
        "/participants/MUSC-001/criteria/", {"E5": "absent", "E8-evidence": "letter of 3 June"}
    )
    come_back(response, sentence="E8 has evidence but no answer. Choose an answer.", typed=[])
    assert "letter of 3 June</textarea>" in response.content.decode()
    assert Participant.objects.get().answers.count() == 0


def test_answers_may_be_saved_a_few_at_a_time(musc, browse, coordinator, frozen):
    musc.screened()
    client = browse(coordinator)
    for part in ("E5", "E8"):
        client.post("/participants/MUSC-001/criteria/", {part: "absent", f"{part}-evidence": "chart"})
    given = Participant.objects.get().answers.order_by("part").values_list("part", "answer", "evidence")
    assert list(given) == [("E5", "absent", "chart"), ("E8", "absent", "chart")]


def test_the_seventh_enrollment_is_refused_on_the_page(musc, browse, investigator, frozen, trial):
    for _ in range(trial.enrollment.cap):
        enroll(participant=musc.answered(), by=investigator, at=NOW)
    seventh = musc.answered()
    response = browse(investigator).post(f"/participants/{seventh}/enroll/")
    assert response.status_code == 422
    assert f"All 6 slots of the protocol are taken. {seventh} cannot be enrolled" in response.content.decode()
    assert Enrollment.objects.count() == 6


INFUSION = {**boxes("infused_on", "18", "6", "2025"), "start_time": "10:15", "stop_time": "10:55", "volume_ml": "80"}
DOSE = {
    "units": "1",
    **boxes("thawed_on", "18", "6", "2025"),
    "thawed_time": "09:10",
    "weight_kg": "72.4",
    **boxes("weighed_on", "18", "6", "2025"),
    "cells_per_ml": "1.25",
    "viability_percent": "91.5",
}


@pytest.mark.parametrize(
    ("changes", "sentence", "typed"),
    [
        (boxes("infused_on", "28", "5", "2025"), "No infusion before consent", ["28", "10:15", "10:55", "80"]),
        (boxes("infused_on", "29", "2", "2025"), "29 February 2025 does not exist", ["29", "10:15", "80"]),
        (boxes("infused_on", "19", "6", "2025"), "is in the future", ["19", "80"]),
        ({"stop_time": "quarter to"}, "quarter to", ["10:15"]),
        ({"volume_ml": "80,5"}, "&quot;80,5&quot; cannot be read.", ["80,5", "10:55"]),
        ({"volume_ml": ""}, "Give the volume infused, in mL.", ["10:55"]),
        ({"stop_time": "11:30"}, "This time is still to come.", ["11:30", "80"]),
        ({"start_time": "07:15"}, "The cells were thawed later than this time.", ["07:15", "80"]),
    ],
)
def test_infusion(musc, browse, coordinator, frozen, changes, sentence, typed):
    musc.dosed(musc.enrolled())
    response = browse(coordinator).post("/participants/MUSC-001/infusion/", INFUSION | changes)
    come_back(response, sentence=sentence, typed=typed)
    assert Infusion.objects.count() == 0


def test_the_right_infusion_form_goes_through_to_the_day_of_the_infusion(musc, browse, coordinator, frozen):
    musc.dosed(musc.enrolled())
    response = browse(coordinator).post("/participants/MUSC-001/infusion/", INFUSION)
    assert (response.status_code, response.url) == (302, "/participants/MUSC-001/infusion/day/")


@pytest.mark.parametrize(
    ("changes", "sentence", "typed"),
    [
        (
            {"weight_kg": "72,4"},
            "&quot;72,4&quot; cannot be read. Write a number with at most 2 decimals after a point, such as 72.4.",
            ["72,4", "1.25"],
        ),
        ({"weight_kg": "724"}, "724 is outside 20 to 300. Check what was typed.", ["724", "1.25"]),
        ({"lot": ""}, "Choose the lot.", ["72.4", "1.25"]),
        ({"lot": "99999"}, "Select a valid choice.", ["72.4"]),
        ({"viability_percent": "60"}, "60 % viable cells are below the protocol&#x27;s 70 %", ["60", "1.25"]),
        ({"units": "25"}, "25 is outside 1 to 20.", ["25"]),
        ({"thawed_time": "11:30"}, "The thawing cannot be in the future.", ["11:30"]),
        ({"cells_per_ml": "0.001"}, "mL cannot be right. Check concentration and viability.", ["0.001"]),
    ],
)
def test_dose(musc, browse, coordinator, frozen, changes, sentence, typed):
    musc.enrolled()
    form = DOSE | {"lot": musc.lot().pk} | changes
    response = browse(coordinator).post("/participants/MUSC-001/dose/", form)
    come_back(response, sentence=sentence, typed=typed)
    assert Dose.objects.count() == 0


def test_the_cell_dose_is_echoed_for_what_is_typed_and_a_sentence_for_anything_else(musc, browse, coordinator, frozen):
    musc.enrolled()
    client = browse(coordinator)

    def echo(query):
        return client.get(f"/participants/MUSC-001/dose/echo/?{query}").content.decode()

    assert echo("weight_kg=72.4") == "72.4 kg × 1,000,000 cells/kg = 72,400,000 cells"
    assert echo("weight_kg=72.4&cells_per_ml=1.25&viability_percent=80") == (
        "72.4 kg × 1,000,000 cells/kg = 72,400,000 cells. 1,000,000 viable cells/mL: 72.4 mL"
    )
    assert echo("weight_kg=abc") == (
        '"abc" cannot be read. Write a number with at most 2 decimals after a point, such as 72.4.'
    )


ALL_DONE = {f"procedure-{code}": "done" for code in protocol.current().visit("W1").procedures}
LOG = {"visit_type": "clinic", **ALL_DONE}


def test_a_visit_out_of_its_window_comes_back_for_the_reason(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client, typed = browse(coordinator), LOG | boxes("attended_on", "12", "6", "2025")
    response = client.post("/visits/MUSC-001/W1/log/", typed)
    come_back(response, sentence="Thu 12 Jun 2025 is 3 days after the window of W1", typed=["12", "2025"])
    assert Visit.objects.get(code="W1").attended_on is None
    reason = response.context["form"].fields["out_of_window_reason"].choices[1][0]
    typed |= {"out_of_window_reason": reason}
    response = client.post("/visits/MUSC-001/W1/log/", typed)
    come_back(response, sentence="4 business days ago; more than 2 is a late entry.", typed=["12", "2025"])
    typed |= {"late_entry_reason": "Note found today"}
    assert client.post("/visits/MUSC-001/W1/log/", typed).status_code == 302
    assert Visit.objects.get(code="W1").late_entry_reason == "Note found today"
    assert Visit.objects.get(code="W1").out_of_window_reason == reason


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (boxes("attended_on", "19", "6", "2025"), "is in the future"),
        (boxes("attended_on", "31", "4", "2025"), "31 April 2025 does not exist: April 2025 has 30 days."),
        (boxes("attended_on", "", "", ""), "Give the full date: day, month and year."),
    ],
)
def test_a_visit_on_an_impossible_day(musc, browse, coordinator, frozen, typed, sentence):
    musc.infused(DAY0)
    response = browse(coordinator).post("/visits/MUSC-001/W1/log/", LOG | typed)
    come_back(
        response, sentence=sentence, typed=[value for key, value in typed.items() if value and "month" not in key]
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"procedure-vitals": ""}, "Not answered yet: Vital signs. Mark each done or not done"),
        ({"procedure-vitals": "not_done"}, "Vital signs: choose why it was not done."),
        ({"reason-vitals": "Oversight"}, "Vital signs: is it done, or is there a reason?"),
        ({"visit_type": ""}, "This field is required."),
    ],
)
def test_a_visit_with_a_procedure_left_open_comes_back(musc, browse, coordinator, frozen, changes, sentence):
    musc.infused(DAY0)
    typed = LOG | boxes("attended_on", "17", "6", "2025") | {"note": "called first"} | changes
    response = browse(coordinator).post("/visits/MUSC-001/W2/log/", typed)
    come_back(response, sentence=sentence, typed=["17", "2025"])
    assert "called first" in response.content.decode()
    assert Visit.objects.get(code="W2").attended_on is None


def test_all_procedures_done_marks_what_is_open_and_saves_nothing(musc, browse, coordinator, frozen):
    """The button without JavaScript: a procedure marked not done stays not done."""
    musc.infused(DAY0)
    typed = boxes("attended_on", "17", "6", "2025") | {"procedure-weight": "not_done", "all_done": "1"}
    response = browse(coordinator).post("/visits/MUSC-001/W2/log/", typed)
    form = response.context["form"]
    assert response.status_code == 200
    assert {procedure.code: answer.value() for procedure, answer, *_ in form.rows} == {
        code: "not_done" if code == "weight" else "done" for code in protocol.current().visit("W2").procedures
    }
    assert 'value="17"' in response.content.decode()
    assert Visit.objects.get(code="W2").attended_on is None


def test_nothing_is_marked_before_a_person_marks_it(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    form = browse(coordinator).get("/visits/MUSC-001/W2/log/").context["form"]
    assert {answer.value() for _, answer, *_ in form.rows} == {None}


def test_one_reason_answers_for_all_that_is_left_open(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    typed = boxes("attended_on", "17", "6", "2025") | {
        "visit_type": "phone",
        "procedure-medicines": "done",
        "rest_reason": "Not indicated for this participant",
    }
    assert browse(coordinator).post("/visits/MUSC-001/W2/log/", typed).status_code == 302
    visit = Visit.objects.get(code="W2")
    assert [each.code for each in visit.procedures.filter(is_done=True)] == ["medicines"]
    assert visit.procedures.filter(not_done_reason="Not indicated for this participant").count() == 11


def test_save_and_report_leads_to_the_event_form(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    typed = LOG | boxes("attended_on", "17", "6", "2025") | {"report": "1"}
    response = browse(coordinator).post("/visits/MUSC-001/W2/log/", typed)
    assert response.url == "/adverse-events/MUSC-001/new/"
    assert Visit.objects.get(code="W2").attended_on == date(2025, 6, 17)


def test_the_procedures_of_the_infusion_are_recorded_afterwards_and_once(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    done = {f"procedure-{code}": "done" for code in protocol.current().visit("D0").procedures}
    assert client.post("/visits/MUSC-001/D0/procedures/", done).url == "/visits/MUSC-001/D0/"
    assert "Not recorded" not in client.get("/visits/MUSC-001/D0/").content.decode()
    response = client.post("/visits/MUSC-001/D0/procedures/", done)
    come_back(response, sentence="The procedures of MUSC-001 D0 are recorded already.", typed=[])
    assert Visit.objects.get(code="D0").procedures.count() == len(done)


def test_a_missed_visit_needs_a_reason(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    come_back(client.post("/visits/MUSC-001/W1/missed/", {}), sentence="Choose why the visit was missed.", typed=[])
    assert Visit.objects.get(code="W1").missed_at is None


def test_an_event_that_contradicts_itself_comes_back_whole(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    typed = {
        "term": "Shingles <b>left</b>",
        **boxes("started", "", "6", "2025"),
        "grade": "5",
        "note": "called the ward",
        "is_hospitalization": "on",
    }
    response = browse(coordinator).post("/adverse-events/MUSC-001/new/", typed)
    page = response.content.decode()
    assert response.status_code == 422
    assert "Grade 5 is death, and the criterion death is not ticked. Is this so?" in page
    assert "Shingles &lt;b&gt;left&lt;/b&gt;" in page
    assert "<b>left</b>" not in page
    assert "called the ward" in page
    assert AdverseEvent.objects.count() == 0
    assert browse(coordinator).post("/adverse-events/MUSC-001/new/", typed | {"confirmed": "on"}).status_code == 302
    event = AdverseEvent.objects.get()
    assert [each.code for each in event.confirmations.all()] == ["grade_5_without_death"]
    assert "Confirmed 18 Jun 2025" in browse(coordinator).get("/adverse-events/MUSC-001/1/").content.decode()


def test_an_event_with_an_unknown_day_is_saved_as_known(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    typed = {"term": "Shingles", **boxes("started", "", "6", "2025"), "is_ongoing": "on"}
    assert browse(coordinator).post("/adverse-events/MUSC-001/new/", typed).url == "/adverse-events/MUSC-001/1/"
    assert str(AdverseEvent.objects.get().started) == "UN-JUN-2025"


def test_a_withdrawal_without_a_reason_comes_back(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    typed = {**boxes("withdrawn_on", "17", "6", "2025"), "note": "moved away"}
    response = browse(coordinator).post("/participants/MUSC-001/withdraw/", typed)
    come_back(response, sentence="Choose the reason.", typed=["17", "2025", "moved away"])
    assert Participant.objects.get().withdrawn_on is None


@pytest.mark.parametrize("times", [2, 5])
def test_a_form_sent_several_times_is_saved_once(musc, browse, coordinator, frozen, times):
    musc.infused(DAY0)
    client = browse(coordinator)
    page = client.get("/adverse-events/MUSC-001/new/").content.decode()
    key = re.search(r'name="form_key" value="([0-9a-f]{32})"', page)[1]
    typed = {"term": "Shingles", **boxes("started", "", "6", "2025"), "is_ongoing": "on", "form_key": key}
    answers = [client.post("/adverse-events/MUSC-001/new/", typed).url for _ in range(times)]
    assert answers == ["/adverse-events/MUSC-001/1/"] * times
    assert AdverseEvent.objects.count() == 1
    client.post("/adverse-events/MUSC-001/new/", typed | {"form_key": "0" * 32, "confirmed": "on"})
    assert AdverseEvent.objects.count() == 2


def test_a_second_click_on_what_can_happen_once_leads_to_the_result_and_not_to_a_refusal(
    musc, browse, investigator, frozen
):
    musc.answered()
    client = browse(investigator)
    for _ in range(2):
        response = client.post("/participants/MUSC-001/enroll/", {"form_key": "a" * 32})
        assert (response.status_code, response.url) == (302, "/participants/MUSC-001/")
    assert Enrollment.objects.count() == 1


def test_one_person_s_key_does_not_stop_another_s_form(musc, browse, coordinator, investigator, frozen):
    musc.infused(DAY0)
    typed = {"term": "Shingles", **boxes("started", "", "6", "2025"), "is_ongoing": "on", "form_key": "b" * 32}
    typed |= {"confirmed": "on"}  # the same event twice is asked about
    for person in (coordinator, investigator):
        browse(person).post("/adverse-events/MUSC-001/new/", typed)
    assert AdverseEvent.objects.count() == 2


def test_a_form_that_can_only_be_refused_is_not_offered(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    musc.screened()
    client = browse(coordinator)
    for address in ("/visits/MUSC-001/D0/log/", "/visits/MUSC-001/D0/missed/", "/visits/MUSC-002/SCR/log/"):
        response = client.get(address)
        assert (response.status_code, response.url) == (302, f"/participants/{address.split('/')[2]}/")


def test_the_echo_of_a_visit_without_a_window_says_so(musc, browse, coordinator, frozen):
    musc.screened()
    query = "attended_on_day=1&attended_on_month=6&attended_on_year=2025"
    answer = browse(coordinator).get(f"/visits/MUSC-001/SCR/log/day/?{query}")
    assert answer.content.decode() == "MUSC-001 SCR has no window yet: the infusion sets Day 0."


def test_an_open_event_is_completed_on_its_page_and_nothing_recorded_is_replaced(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    client.post(
        "/adverse-events/MUSC-001/new/",
        {"term": "Shingles", **boxes("started", "", "6", "2025"), "is_ongoing": "on", "grade": "2"},
    )
    page = client.get("/adverse-events/MUSC-001/1/complete/").content.decode()
    assert 'name="grade"' not in page
    assert 'name="outcome"' in page
    answer = {"outcome": "recovered", "causality": "possible", "grade": "4", **boxes("ended", "17", "6", "2025")}
    answer["special_interest"] = "none"
    assert client.post("/adverse-events/MUSC-001/1/complete/", answer).url == "/adverse-events/MUSC-001/1/"
    event = AdverseEvent.objects.get()
    assert (event.grade, event.outcome, event.causality, str(event.ended), event.is_ongoing) == (
        2,
        "recovered",
        "possible",
        "17-JUN-2025",
        False,
    )
    assert (event.completed_by, event.completed_at, event.open_answers) == (coordinator, NOW, [])


def seen(page):
    """The hidden boxes that say what the page showed when it was opened."""
    return dict(re.findall(r'name="(initial-[^"]+)" value="([^"]*)"', page))


def test_two_people_answering_at_once_lose_nothing_and_see_each_other(musc, browse, coordinator, investigator, frozen):
    musc.screened()
    address = "/participants/MUSC-001/criteria/"
    mine, theirs = browse(coordinator), browse(investigator)
    mine.post(address, {"E8": "absent", "E8-evidence": "chart"})
    opened = seen(mine.get(address).content.decode())
    answered = {"E8": "present", "E8-evidence": "CT of today", "reason": "CT of today"}
    assert theirs.post(address, answered | opened).status_code == 302

    untouched = {"E8": "absent", "E8-evidence": "chart", "E5": "absent", "E5-evidence": "history"}
    assert mine.post(address, untouched | opened).status_code == 302
    answers = Participant.objects.get().answers.order_by("part").values_list("part", "answer", "evidence")
    assert list(answers) == [("E5", "absent", "history"), ("E8", "present", "CT of today")]

    changed = {"E8": "unknown", "E8-evidence": "asked the ward", "reason": "Not clear to the ward"}
    response = mine.post(address, changed | opened)
    page = response.content.decode()
    assert response.status_code == 409
    assert "<td>Absent (chart)</td><td>Present (CT of today)</td><td>Unknown (asked the ward)</td>" in page
    assert "asked the ward</textarea>" in page
    assert list(answers.all()) == [("E5", "absent", "history"), ("E8", "present", "CT of today")]
    assert mine.post(address, changed | seen(page)).status_code == 302
    assert list(answers.all()) == [("E5", "absent", "history"), ("E8", "unknown", "asked the ward")]


def test_leaving_for_another_reason_needs_a_note(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    typed = {**boxes("withdrawn_on", "17", "6", "2025"), "reason": "other"}
    client = browse(coordinator)
    come_back(
        client.post("/participants/MUSC-001/withdraw/", typed),
        sentence="needs a note that says what it was.",
        typed=["17"],
    )
    assert client.post("/participants/MUSC-001/withdraw/", typed | {"note": "moved away"}).status_code == 302


def test_nobody_leaves_before_a_visit_they_came_to(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    attend(visit=Visit.objects.get(code="W2"), attended_on=date(2025, 6, 17), by=coordinator, at=NOW)
    typed = {**boxes("withdrawn_on", "16", "6", "2025"), "reason": "death"}
    come_back(
        client.post("/participants/MUSC-001/withdraw/", typed),
        sentence="W2 was attended on Tue 17 Jun 2025, after Mon 16 Jun 2025. "
        "Nobody leaves the study before a visit they came to: check the day.",
        typed=["16"],
    )


@pytest.mark.parametrize("words", ["database is locked", "deadlock detected"])
def test_a_database_too_busy_to_save_is_a_sentence_and_nothing_typed_is_lost(
    browse, coordinator, frozen, monkeypatch, words
):
    def busy(**given):
        raise OperationalError(words)

    monkeypatch.setattr("participants.screening.screen", busy)
    response = browse(coordinator).post("/participants/screen/", SCREEN)
    come_back(response, sentence="The database was busy for too long. Nothing was saved", typed=["09:45", "41"])
    assert Participant.objects.count() == 0


def test_another_failure_of_the_database_is_no_sentence(browse, coordinator, frozen, monkeypatch):
    def broken(**given):
        raise OperationalError("no such table")

    monkeypatch.setattr("participants.screening.screen", broken)
    with pytest.raises(OperationalError, match="no such table"):
        browse(coordinator).post("/participants/screen/", SCREEN)
