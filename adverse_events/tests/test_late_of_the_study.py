"""A clock of the study that ran out is a deviation of the trial, in the log of the site that keeps it."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.urls import reverse

from adverse_events import study_clocks, watching
from adverse_events.models import StudyBreach
from adverse_events.study_telling import reach_milestone
from conftest import NOW
from studytracker.exports.privacy import Level, Pseudonyms
from studytracker.exports.reading import extract
from visits import deviations
from visits.datasets import deviations as of_participants
from visits.datasets import trial_deviations
from visits.models import Deviation

# The IND of 18 April 2024 has its anniversary 60 days and a bit before the frozen 18 June 2025.
IND = date(2024, 4, 18)
WORDS = (
    "Reporting clock K14 of Year 1 of the IND (sponsor to FDA, 60 calendar days) ended Tue 17 Jun 2025 23:59 EDT; "
    "nobody is recorded as told by then."
)


@pytest.fixture
def late(musc, emory, chair, frozen):
    """The annual report that nobody has sent, as the sweep finds it."""
    reach_milestone(kind="ind_effective", reached_on=IND, reference="Letter", by=chair, at=NOW)
    watching.look(NOW)
    return Deviation.objects.get()


def test_the_annual_report_not_made_in_time_is_drafted_once_with_its_clock(late):
    watching.look(NOW + timedelta(days=1))
    assert Deviation.objects.get() == late
    assert (str(late), late.participant, late.site_id, late.visit) == ("MUSC DV 1", None, "MUSC", None)
    assert (late.category, late.happened_on, late.found_on) == (
        "late_safety_report",
        date(2025, 6, 17),
        date(2025, 6, 18),
    )
    assert (late.description, late.drafted_by.username) == (WORDS, "system")
    assert list(StudyBreach.objects.values_list("rule_id", "deviation")) == [("K14", late.pk)]


def test_the_log_of_its_site_shows_it_without_a_participant(late, coordinator, browse):
    page = browse(coordinator).get("/deviations/").content.decode()
    assert [words in page for words in ("None: of the trial", 'href="/deviations/MUSC/1/"', WORDS)] == [True] * 3
    content = browse(coordinator).get("/deviations/?format=csv").getvalue().decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(content))
    assert (row["Participant"], row["Site"], row["DV"], row["Category"], row["Stage"]) == (
        "None: of the trial",
        "MUSC",
        "1",
        "Late safety report",
        "To complete",
    )


def test_people_of_its_site_take_it_from_the_draft_to_the_closing(late, coordinator, investigator, browse):
    assert 'href="/deviations/MUSC/1/complete/"' in browse(coordinator).get("/").content.decode()
    address, stage = "/deviations/MUSC/1/", []
    steps = (
        (coordinator, "complete", {"impact": "None on anybody", "action": "Sent"}),
        (investigator, "classify", {"severity": "minor", "is_reportable": "no"}),
        (coordinator, "close", {"closed_on_day": "18", "closed_on_month": "6", "closed_on_year": "2025"}),
    )
    for person, step, answers in steps:
        client = browse(person)
        assert client.get(f"{address}{step}/").status_code == 200
        assert client.post(f"{address}{step}/", answers).status_code == 302
        late.refresh_from_db()
        stage.append(late.stage)
    assert stage == ["To classify", "To close", "Closed"]
    page = browse(coordinator).get(address).content.decode()
    assert [words in page for words in ("The trial, kept at MUSC", "None on anybody")] == [True, True]
    assert browse(coordinator).get(reverse("history", args=["visits_deviation", late.pk])).status_code == 200


def test_the_other_site_sees_that_it_ran_out_and_not_the_draft(late, emory_investigator, investigator, browse):
    theirs = browse(emory_investigator)
    assert theirs.get("/deviations/MUSC/1/").status_code == 404
    assert "MUSC DV" not in theirs.get("/deviations/").content.decode()
    pages = [browse(each).get("/safety/clocks/study/").content.decode() for each in (emory_investigator, investigator)]
    assert ["Deviation MUSC DV 1" in page for page in pages] == [True, True]
    assert ['href="/deviations/MUSC/1/"' in page for page in pages] == [False, True]


def test_there_is_nothing_to_ask_or_verify_about_a_deviation_of_no_participant(late, monitor, browse):
    address = reverse("record", args=["visits_deviation", late.pk])
    assert browse(monitor).get(address).status_code == 404
    assert f'href="{address}"' not in browse(monitor).get("/deviations/MUSC/1/").content.decode()


def test_one_that_a_person_voided_is_not_drafted_again(late, coordinator):
    deviations.void(deviation=late, reason="Sent in time; the notice was not recorded", by=coordinator, at=NOW)
    watching.look(NOW + timedelta(days=1))
    assert (Deviation.objects.count(), StudyBreach.objects.count()) == (1, 1)


def test_what_ran_out_before_the_trial_had_deviations_is_drafted_in_the_next_sweep(late):
    StudyBreach.objects.update(deviation=None)
    for _ in range(2):
        watching.look(NOW)
    assert [str(each) for each in Deviation.objects.order_by("number")] == ["MUSC DV 1", "MUSC DV 2"]
    assert str(StudyBreach.objects.get().deviation) == "MUSC DV 2"


def test_each_site_numbers_those_of_the_trial_from_one(late, emory, coordinator):
    facts = {"category": "other", "happened_on": date(2025, 6, 1), "description": "Noted", "by": coordinator}
    made = [
        deviations.draft_of_trial(site=site, **facts, at=NOW) for site in (late.site, emory.screened().site, late.site)
    ]
    assert [str(each) for each in made] == ["MUSC DV 2", "EMORY DV 1", "MUSC DV 3"]


def test_the_late_report_of_a_late_report_of_a_deviation_drafts_no_other(emory, frozen):
    """Classified as reportable each time and never reported: it ends with the second clock, not with the third."""
    people = {"by": emory.investigator}
    facts = {"category": "consent", "happened_on": date(2025, 6, 18), "description": "Wrong form"}
    first = deviations.report(participant=emory.screened(), **facts, **people, at=NOW)
    late_at = NOW + timedelta(days=30)
    watching.look(late_at)
    second = Deviation.objects.exclude(pk=first.pk).get()
    deviations.complete(deviation=second, impact="None", action="Reported", **people, at=late_at)
    deviations.classify(deviation=second, severity="minor", is_reportable=True, **people, at=late_at)
    for days in (60, 90, 120):
        watching.look(NOW + timedelta(days=days))
    assert list(StudyBreach.objects.values_list("rule_id", "occurrence", "deviation")) == [
        ("K8", f"deviation-{first.pk}", second.pk),
        ("K8", f"deviation-{second.pk}", None),
    ]
    assert Deviation.objects.count() == 2
    over = [(each.about, each.state_at(NOW + timedelta(days=120))) for each in study_clocks.of_deviations()]
    assert over == [("EMO-001 DV 1", "Breached"), ("EMO-001 DV 2", "Breached")]


def test_told_late_and_closed_at_once_says_when_it_was_told(emory, frozen):
    facts = {"category": "consent", "happened_on": date(2025, 6, 18), "description": "Wrong form"}
    people = {"by": emory.investigator}
    first = deviations.report(participant=emory.screened(), **facts, **people, at=NOW)
    at = NOW + timedelta(days=20)
    deviations.complete(deviation=first, impact="None", action="Reported", **people, at=at)
    deviations.classify(deviation=first, severity="minor", is_reportable=True, **people, at=at)
    deviations.close(deviation=first, closed_on=date(2025, 7, 8), reported_on=date(2025, 7, 7), **people, at=at)
    made = Deviation.objects.exclude(pk=first.pk).get()
    assert made.description == (
        "Reporting clock K8 of EMO-001 DV 1 (investigator to Emory IRB, 10 business days) ended "
        "Thu 3 Jul 2025 23:59 EDT; told Mon 7 Jul 2025."
    )
    assert made.drafted_by == emory.investigator


def test_it_leaves_in_a_dataset_of_its_own_and_only_as_recorded(late, musc):
    told = {"sites": ["MUSC"], "level": Level.IDENTIFIED, "pseudonyms": Pseudonyms("E", ())}
    [row] = extract(trial_deviations, **told).rows()
    assert tuple(row[:6]) == ("MUSC", 1, "late_safety_report", date(2025, 6, 17), date(2025, 6, 18), WORDS)
    assert list(extract(of_participants, **told).rows()) == []
    assert {level: trial_deviations.leaves_at(level) for level in Level} == {
        level: level == Level.IDENTIFIED for level in Level
    }
    assert list(extract(trial_deviations, **told | {"sites": ["EMORY"]}).rows()) == []
