import re

import pytest

from conftest import NOW, TODAY
from participants.labs import record_range
from participants.models import LabResult, ListTaken, MedicalHistory, Medication, SiteLabRange, SledaiScore
from studytracker import protocol

ITEMS = protocol.current().sledai.items


def boxes(name, day, month, year):
    return {f"{name}_day": day, f"{name}_month": month, f"{name}_year": year}


COLLECTED = boxes("collected", "18", "6", "2025")


@pytest.fixture
def desk(musc, browse, coordinator, frozen):
    musc.screened(TODAY)
    return browse(coordinator)


def test_a_report_is_recorded_in_one_form(desk):
    typed = COLLECTED | {
        "value-WBC": "3400", "unit-WBC": "/uL", "value-ANAB": "1:160", "value-DDNAIGAB": "<30",
        "result-HIV12AGB": "NEGATIVE", "visit_code": "SCR", "source": "Report 4711",
    }  # fmt: skip
    assert desk.post("/participants/MUSC-001/facts/labs/", typed).url == "/participants/MUSC-001/facts/"
    found = {row.test: (row.reported, row.standard_value) for row in LabResult.objects.all()}
    assert {test: words for test, (words, _) in found.items()} == {
        "WBC": "3400 /uL", "ANAB": "1:160", "DDNAIGAB": "<30 IU/mL", "HIV12AGB": "Negative"
    }  # fmt: skip
    page = desk.get("/participants/MUSC-001/facts/").content.decode()
    assert [word for word in ("3400 /uL", "1:160", "Report 4711") if word not in page] == []


def test_an_implausible_value_comes_back_with_a_box_and_is_saved_once_ticked(desk):
    typed = COLLECTED | {"value-WBC": "2000", "value-HGB": "121", "unit-HGB": "g/L"}
    response = desk.post("/participants/MUSC-001/facts/labs/", typed)
    page = response.content.decode()
    assert response.status_code == 422
    warnings = re.findall(r'name="acknowledged" value="([^"]+)"', page)
    assert warnings == [
        "White blood cells 2000 10^9/L is outside what is plausible (0.1 to 100 10^9/L). Check the unit."
    ]
    assert 'value="2000"' in page
    assert LabResult.objects.count() == 0
    assert desk.post("/participants/MUSC-001/facts/labs/", typed | {"acknowledged": warnings}).status_code == 302
    kept = dict(LabResult.objects.values_list("test", "acknowledged_warning"))
    assert kept == {"WBC": warnings[0], "HGB": ""}


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (COLLECTED | {"value-WBC": "three"}, "&quot;three&quot; cannot be read. Write it such as 3.4 or &lt;30."),
        (COLLECTED | {"value-WBC": "1:160"}, "cannot be read"),
        (COLLECTED, "Nothing is filled in. Give at least one result."),
        (boxes("collected", "19", "6", "2025") | {"value-WBC": "5"}, "is in the future"),
        (COLLECTED | {"value-WBC": "5", "unit-WBC": "mg"}, "Select a valid choice"),
        (COLLECTED | {"value-WBC": "5\0"}, "Null characters are not allowed."),
    ],
)
def test_a_report_that_cannot_be_comes_back_whole(desk, typed, sentence):
    response = desk.post("/participants/MUSC-001/facts/labs/", typed | {"source": "Report 4711"})
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert 'value="Report 4711"' in page
    assert LabResult.objects.count() == 0


def test_a_medicine_and_a_condition_are_recorded_with_what_is_known_of_their_dates(desk):
    typed = {"drug": "Azathioprine", "drug_class": "immunosuppressant", "route": "oral", "dose": "50"}
    typed |= {"dose_unit": "mg", "per_day": "2", **boxes("started", "", "2", "2025"), "is_ongoing": "on"}
    assert desk.post("/participants/MUSC-001/facts/medicine/", typed).status_code == 302
    typed = {"category": "zoster", "term": "Shingles", **boxes("started", "UNK", "UNK", "2024")}
    assert desk.post("/participants/MUSC-001/facts/history/", typed).status_code == 302
    medicine, condition = Medication.objects.get(), MedicalHistory.objects.get()
    assert (str(medicine.started), medicine.drug_code) == ("UN-FEB-2025", "azathioprine")
    assert (str(condition.started), condition.ended) == ("UN-UNK-2024", None)


def test_a_medicine_of_another_class_comes_back(desk):
    typed = {"drug": "Azathioprine", "drug_class": "antibiotic", "route": "oral"}
    response = desk.post("/participants/MUSC-001/facts/medicine/", typed)
    assert response.status_code == 422
    assert "Azathioprine belongs to the class Immunosuppressant." in response.content.decode()
    assert Medication.objects.count() == 0


def test_one_box_answers_absent_for_what_is_not_marked(desk):
    typed = boxes("assessed_on", "18", "6", "2025") | {"item-arthritis": "1", "rest_absent": "on", "visit_code": "SCR"}
    assert desk.post("/participants/MUSC-001/facts/sledai/", typed).status_code == 302
    score = SledaiScore.objects.get()
    assert (score.total, score.items.count()) == (4, len(ITEMS))


def test_without_the_box_what_is_not_marked_leaves_the_total_open(desk):
    typed = boxes("assessed_on", "18", "6", "2025") | {"item-arthritis": "1", "item-rash": "0"}
    desk.post("/participants/MUSC-001/facts/sledai/", typed)
    assert SledaiScore.objects.get().total is None
    assert "incomplete" in desk.get("/participants/MUSC-001/facts/").content.decode()


def test_sledai_is_drawn_over_time(desk):
    for day, item in (("1", "arthritis"), ("18", "fever")):
        typed = boxes("assessed_on", day, "6", "2025") | {f"item-{item}": "1", "rest_absent": "on"}
        desk.post("/participants/MUSC-001/facts/sledai/", typed)
    page = desk.get("/participants/MUSC-001/facts/").content.decode()
    assert "SLEDAI over time: 4 on Sun 1 Jun 2025, 1 on Wed 18 Jun 2025" in page


def test_the_lists_are_said_to_be_complete(desk):
    typed = boxes("complete_on", "18", "6", "2025")
    for subject in ("medicines", "histories"):
        assert desk.post(f"/participants/MUSC-001/facts/complete/{subject}/", typed).status_code == 302
    assert ListTaken.objects.count() == 2
    assert desk.get("/participants/MUSC-001/facts/complete/wishes/").status_code == 404


def test_a_fact_is_voided_with_a_reason_and_stays_on_the_page(desk):
    desk.post("/participants/MUSC-001/facts/labs/", COLLECTED | {"value-WBC": "5"})
    address = f"/participants/MUSC-001/facts/lab/{LabResult.objects.get().pk}/void/"
    assert desk.post(address, {"reason": "no"}).status_code == 422
    assert desk.post(address, {"reason": "Another person's report"}).status_code == 302
    page = desk.get("/participants/MUSC-001/facts/").content.decode()
    assert 'class="voided"' in page
    assert "voided: Another person&#x27;s report" in page
    assert desk.get("/participants/MUSC-001/facts/wish/1/void/").status_code == 404


def test_a_voided_fact_is_restored_with_a_reason_and_both_stay_in_its_history(desk):
    desk.post("/participants/MUSC-001/facts/labs/", COLLECTED | {"value-WBC": "5"})
    fact = LabResult.objects.get()
    address = f"/participants/MUSC-001/facts/lab/{fact.pk}/restore/"
    early = desk.post(address, {"reason": "Right one"})
    assert (early.status_code, "is not voided" in early.content.decode()) == (422, True)
    desk.post(f"/participants/MUSC-001/facts/lab/{fact.pk}/void/", {"reason": "Another person's report"})
    assert f'href="{address}"' in desk.get("/participants/MUSC-001/facts/").content.decode()
    assert desk.post(address, {"reason": "no"}).status_code == 422
    assert desk.post(address, {"reason": "It was this one's report"}).status_code == 302
    page = desk.get("/participants/MUSC-001/facts/").content.decode()
    assert ('class="voided"' in page, LabResult.objects.standing().count()) == (False, 1)
    past = desk.get(f"/audit/{LabResult._meta.db_table}/{fact.pk}/").content.decode()
    assert "Another person&#x27;s report" in past and "It was this one&#x27;s report" in past


def test_a_voided_range_is_restored_only_while_no_other_stands_in_its_place(desk):
    typed = {"test": "AST", "high": "43", "unit": "U/L", **boxes("starts_on", "1", "1", "2025")}
    desk.post("/participants/ranges/MUSC/", typed)
    wrong = SiteLabRange.objects.get()
    desk.post(f"/participants/ranges/MUSC/{wrong.pk}/void/", {"reason": "Digits swapped"})
    address = f"/participants/ranges/MUSC/{wrong.pk}/restore/"
    assert f'href="{address}"' in desk.get("/participants/ranges/MUSC/").content.decode()
    desk.post("/participants/ranges/MUSC/", typed | {"high": "34"})
    refused = desk.post(address, {"reason": "Not swapped"})
    assert (refused.status_code, "Another one stands in place" in refused.content.decode()) == (422, True)
    other = SiteLabRange.objects.standing().get()
    desk.post(f"/participants/ranges/MUSC/{other.pk}/void/", {"reason": "It was right before"})
    assert desk.post(address, {"reason": "Not swapped"}).status_code == 302
    assert SiteLabRange.objects.standing().get() == wrong


def test_another_participant_s_fact_is_not_reached_through_this_one(desk, musc):
    musc.screened(TODAY)
    desk.post("/participants/MUSC-001/facts/labs/", COLLECTED | {"value-WBC": "5"})
    address = f"/participants/MUSC-002/facts/lab/{LabResult.objects.get().pk}/void/"
    assert desk.get(address).status_code == 404


def test_a_range_goes_on_file_and_a_second_one_of_the_day_comes_back(desk):
    typed = {"test": "AST", "high": "34", "unit": "U/L", **boxes("starts_on", "1", "1", "2025")}
    assert desk.post("/participants/ranges/MUSC/", typed).status_code == 302
    assert SiteLabRange.objects.get().high == 34
    response = desk.post("/participants/ranges/MUSC/", typed)
    assert response.status_code == 422
    assert "is on file at MUSC. Void it first." in response.content.decode()
    assert desk.get("/participants/ranges/EMORY/").status_code == 404


def test_a_range_is_voided_with_a_reason_stays_on_the_page_and_makes_room_for_the_right_one(desk):
    typed = {"test": "AST", "high": "43", "unit": "U/L", **boxes("starts_on", "1", "1", "2025")}
    desk.post("/participants/ranges/MUSC/", typed)
    wrong = SiteLabRange.objects.get()
    address = f"/participants/ranges/MUSC/{wrong.pk}/void/"
    assert f'href="{address}"' in desk.get("/participants/ranges/MUSC/").content.decode()
    assert "AST, lower limit –, upper limit 43, in U/L, from Wed 1 Jan 2025." in desk.get(address).content.decode()
    assert desk.post(address, {"reason": "no"}).status_code == 422
    assert SiteLabRange.objects.standing().get() == wrong
    assert desk.post(address, {"reason": "Digits swapped"}).url == "/participants/ranges/MUSC/"
    page = desk.get("/participants/ranges/MUSC/").content.decode()
    assert ('class="voided"' in page, "voided: Digits swapped" in page, address in page) == (True, True, False)
    again = desk.post(address, {"reason": "Digits swapped"})
    assert (again.status_code, "is voided already" in again.content.decode()) == (422, True)
    assert desk.post("/participants/ranges/MUSC/", typed | {"high": "34"}).status_code == 302
    assert SiteLabRange.objects.standing().get().high == 34
    [past] = re.findall(rf'href="(/audit/[^"]*/{wrong.pk}/)"', page)
    assert "Digits swapped" in desk.get(past).content.decode()


def test_a_range_of_another_site_is_not_reached_through_this_one(desk, emory, emory_coordinator):
    facts = {"test": "AST", "low": None, "high": 34, "unit": "U/L", "starts_on": TODAY}
    theirs = record_range(site="EMORY", **facts, by=emory_coordinator, at=NOW)
    for site in ("MUSC", "EMORY"):
        assert desk.post(f"/participants/ranges/{site}/{theirs.pk}/void/", {"reason": "Not ours"}).status_code == 404
    assert SiteLabRange.objects.standing().get() == theirs


def test_the_tabs_of_a_participant_lead_to_the_results_the_worksheet_and_the_trail(desk, browse, monitor):
    for client in (desk, browse(monitor)):
        page = client.get("/participants/MUSC-001/").content.decode()
        [tabs] = re.findall(r'<nav class="tabs".*?</nav>', page, re.DOTALL)
        linked = dict(re.findall(r'<a href="(/[^"]*)">([^<]*)</a>', tabs))
        leads_to = {name: url for url, name in linked.items() if name in ("Labs", "Eligibility", "Audit")}
        assert leads_to == {
            "Labs": "/participants/MUSC-001/facts/",
            "Eligibility": "/participants/MUSC-001/eligibility/",
            "Audit": "/audit/?participant=MUSC-001",
        }
        assert [client.get(url).status_code for url in leads_to.values()] == [200, 200, 200]
