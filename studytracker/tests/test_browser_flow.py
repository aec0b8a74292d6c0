"""The pages in Chromium: one participant's whole way, and what a page must do on any screen."""

import csv
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest

from adverse_events.reporting import report
from conftest import NOW, TODAY, staged
from participants.models import Participant
from studytracker.dates import PartialDate
from studytracker.outbox.delivery import deliver
from studytracker.outbox.sweeping import sweep
from visits.models import Visit

from .browser import NOTHING, PASSWORD, with_password

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DAY_0 = datetime(2025, 5, 5, 15, 0, tzinfo=UTC)  # 11:00 at the site; NOW is protocol day 44


def screen_and_answer(crc, trial):
    crc.follow("Screen a participant")
    crc.type_date("consent_on", "1", "May", "2025")
    crc.type_date("screened_on", "1", "May", "2025")
    crc.type(consent_time="09:00", age="41")
    crc.choose(sex="Female")
    crc.click("Save and answer the criteria")
    crc.says("MUSC-001 is screened. Now answer the criteria.")
    for part in crc.page.locator("form fieldset").all():
        part.get_by_role("radio").first.check()
    crc.click("Save answers")
    asked = sum(criterion.answered for criterion in trial.criteria)
    crc.says(f"Saved: {asked} of {asked} criteria are answered.")
    assert crc.path == "/participants/MUSC-001/"


def enroll(pi):
    pi.follow("Sign and enroll MUSC-001 In screening")
    pi.page.fill("#id_password", PASSWORD)
    pi.click("Sign")
    pi.click("I confirm eligibility: enroll MUSC-001")
    pi.says("MUSC-001 is enrolled in slot 1. Next: the infusion.")


def work_out_the_dose(crc, pi):
    crc.go("/participants/MUSC-001/dose/")
    crc.choose(lot="UC-1")
    crc.type(thawed_time="09:30", cells_per_ml="1", viability_percent="90.5")
    crc.page.locator("[name=weight_kg]").press_sequentially("72.4")
    crc.says("72.4 kg × 1,000,000 cells/kg = 72,400,000 cells. 905,000 viable cells/mL: 80.0 mL")
    crc.click("Save the dose")
    crc.says("80.0 mL hold 72,400,000 cells. A second person checks it.")
    pi.go("/participants/MUSC-001/dose/check/")
    pi.page.fill("#id_password", PASSWORD)
    pi.click("I checked it: confirm")
    pi.says("The dose is checked: 80.0 mL of lot UC-1.")


def infuse(crc, trial):
    crc.go("/")
    crc.follow("Record infusion MUSC-001 Enrolled, awaiting infusion")
    crc.type(start_time="10:15", stop_time="10:55", volume_ml="79.5")
    crc.click("Save the infusion and plan the visits")
    crc.says("The infusion on Mon 5 May 2025 is Day 0: 72,400,000 cells planned for 72.4 kg.")
    crc.says("71,947,500 cells in 79.5 mL: 99.4 %")
    crc.go("/participants/MUSC-001/")
    assert [cell.split()[0] for cell in crc.column("Visit")] == [visit.code for visit in trial.visits]


def log_week_1_in_window(crc):
    crc.follow("Log visit MUSC-001 W1")
    crc.type_date("attended_on", "12", "May", "2025")
    crc.says("Mon 12 May 2025 · D7 · in window · logged 26 business days later, say why")
    crc.press("All procedures done")
    crc.type(late_entry_reason="Logged from the paper chart")
    crc.click("Save visit")
    crc.says("MUSC-001 W1 is logged for Mon 12 May 2025.")


def log_week_2_out_of_window(crc):
    crc.follow("Log visit MUSC-001 W2")
    crc.type_date("attended_on", "25", "May", "2025")
    crc.press("All procedures done")
    crc.type(late_entry_reason="Logged from the paper chart")
    crc.click("Save visit")
    crc.says("Sun 25 May 2025 is 3 days after the window of W2 (Fri 16 May 2025 to Thu 22 May 2025). Give the reason.")
    assert crc.typed_date("attended_on") == ["25", "5", "2025"]
    crc.choose(out_of_window_reason="Travel or transport")
    crc.click("Save visit")
    crc.says("MUSC-001 W2 is logged for Sun 25 May 2025.")


def mark_week_4_missed(crc):
    crc.follow("Mark missed… MUSC-001 W4")
    crc.choose(reason="Illness or adverse event")
    crc.click("Mark the visit missed")
    crc.says("MUSC-001 W4 is marked missed: Illness or adverse event.")


def report_an_event_of_an_unknown_day(crc):
    crc.follow("Report adverse event")
    crc.type(term="Herpes zoster", started_year="2025")
    crc.choose(started_month="May", causality="Possible")
    crc.tick("grade", 2)
    crc.click("Save adverse event")
    crc.says("MUSC-001 AE 1 is saved: Herpes zoster.")


TERM = "Dictionary term / reported term"
START = "Start (study day, infusion = 1)"


def sort_and_filter_the_listing(crc):
    crc.follow("Adverse events")
    crc.follow(START)
    assert crc.column(START) == ["UN-MAY-2025*", "02-JUN-2025 (29)"]
    crc.follow(START)
    assert crc.column(TERM) == ["Headache", "Herpes zoster"]
    crc.page.locator("details.filters summary").click()
    crc.type(term="zoster")
    crc.click("Filter")
    assert crc.column(TERM) == ["Herpes zoster"]


def download_the_listing(crc):
    """Both files hold the one row that the filter left, under the same headers."""
    name, path = crc.download("Download CSV")
    assert name.endswith(".csv")
    with open(path, encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    name, path = crc.download("Download XLSX")
    assert name.endswith(".xlsx")
    with open(path, "rb") as file:
        header, cells = openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True)
    assert list(header) == list(row)
    assert ["" if cell is None else str(cell) for cell in cells] == list(row.values())
    grade = "Most Extreme Intensity (CTCAE grade)"
    wanted = ("Center/Participant ID", "Reported term", "Onset", "End", grade, "Related to the cells")
    assert [row[name] for name in wanted] == ["MUSC-001", "Herpes zoster", "UN-MAY-2025", "Ongoing", "2", "Possible"]


def withdraw(crc):
    crc.follow("MUSC-001")
    crc.follow("Withdraw…")
    crc.choose(reason="Withdrawal by subject")
    crc.click("Record the withdrawal")
    crc.says("MUSC-001 is withdrawn. Visits still ahead are not applicable.")
    status = dict(zip((cell.split()[0] for cell in crc.column("Visit")), crc.column("Status"), strict=True))
    assert [
        " ".join(status[code].split()[1:]).removesuffix(" : why?").removesuffix(": why?")
        for code in ("W1", "W2", "W4", "W8")
    ] == [
        "Done 12 May",
        "Done 25 May, +3 d",
        "Missed: Illness or adverse event",
        "Not applicable: left the study on 18 Jun",
    ]


def read_the_reminder(crc):
    crc.page.locator(".nav-group summary", has_text="Records").click()
    crc.follow("Reminders")
    sent = dict(zip(crc.column("To"), crc.column("Subject"), strict=True))
    assert sent == {"crc.musc": "MUSC: 3 reminders", "pi.musc": "MUSC: 3 reminders"}
    assert crc.column("State") == ["Sent", "Sent"]
    crc.page.locator("tbody tr", has_text="crc.musc").locator("a").click()
    assert "MUSC-001 W4" in crc.text(".mail-body")


def test_a_participant_goes_the_whole_way_through_the_pages(desk, frozen, trial, musc, coordinator, investigator):
    with_password(coordinator), with_password(investigator)
    musc.lot()
    frozen.move_to(DAY_0, tick=False)
    crc, pi = desk(), desk()
    crc.sign_in("crc.musc", PASSWORD)
    screen_and_answer(crc, trial)
    pi.sign_in("pi.musc", PASSWORD)
    enroll(pi)
    work_out_the_dose(crc, pi)
    infuse(crc, trial)

    frozen.move_to(NOW, tick=False)
    assert [deliver(mail, NOW) for mail in sweep(NOW)] == [True, True]
    crc.go("/")
    assert crc.path == "/sign-in/"  # the session of that day is over
    crc.sign_in("crc.musc", PASSWORD)
    log_week_1_in_window(crc)
    log_week_2_out_of_window(crc)
    mark_week_4_missed(crc)
    report_an_event_of_an_unknown_day(crc)
    onset = PartialDate.of(date(2025, 6, 2))
    participant = Participant.objects.get()
    report(participant=participant, by=coordinator, at=NOW, term="Headache", started=onset, grade=1)
    sort_and_filter_the_listing(crc)
    download_the_listing(crc)
    withdraw(crc)
    read_the_reminder(crc)
    assert pi.watch.found == NOTHING
    assert crc.watch.found == NOTHING | {"refused": [(422, "/visits/MUSC-001/W2/log/")]}


# Week 2 is open today.
DUE_TODAY = TODAY - timedelta(days=14)


def week_2():
    return Visit.objects.get(code="W2")


def test_a_routine_visit_is_logged_with_three_clicks_from_the_home_page(desk, musc):
    musc.infused(DUE_TODAY)
    crc = desk(musc.coordinator)
    crc.go("/")
    crc.follow("Log visit MUSC-001 W2")
    crc.press("All procedures done")
    crc.click("Save visit")
    crc.says("MUSC-001 W2 is logged for Wed 18 Jun 2025.")
    assert week_2().attended_on == TODAY
    assert week_2().procedures.filter(is_done=True).count() == 12
    assert len(crc.clicks) == 3
    assert crc.watch.found == NOTHING


def test_a_visit_is_logged_without_javascript(desk, musc):
    musc.infused(DUE_TODAY)
    crc = desk(musc.coordinator, java_script_enabled=False)
    crc.go("/")
    crc.follow("Log visit MUSC-001 W2")
    crc.type_date("attended_on", "17", "June", "2025")
    crc.click("All procedures done")
    assert crc.typed_date("attended_on") == ["17", "6", "2025"]
    crc.click("Save visit")
    crc.says("MUSC-001 W2 is logged for Tue 17 Jun 2025.")
    assert week_2().attended_on == date(2025, 6, 17)
    assert crc.watch.found == NOTHING


def test_an_impossible_date_is_named_and_nothing_typed_is_lost(desk, musc):
    musc.infused(DUE_TODAY)
    crc = desk(musc.coordinator)
    crc.go("/visits/MUSC-001/W2/log/")
    crc.type_date("attended_on", "31", "June", "2025")
    crc.says("31 June 2025 does not exist: June 2025 has 30 days.")
    crc.choose(out_of_window_reason="Travel or transport")
    crc.click("Save visit")
    crc.page.locator("[role=alert]").wait_for()
    assert "31 June 2025 does not exist: June 2025 has 30 days." in crc.text("[role=alert]")
    assert crc.typed_date("attended_on") == ["31", "6", "2025"]
    assert crc.page.locator("[name=out_of_window_reason]").input_value() == "Travel or transport"
    assert week_2().attended_on is None
    assert crc.watch.found == NOTHING | {"refused": [(422, "/visits/MUSC-001/W2/log/")]}


def test_a_participant_of_another_site_looks_like_a_page_that_does_not_exist(desk, musc, emory):
    emory.infused(DUE_TODAY)
    crc = desk(musc.coordinator)
    seen = []
    for path in ("/participants/EMO-001/", "/participants/EMO-999/"):
        crc.go(path)
        seen.append((crc.text("h1"), crc.text("main")))
    assert seen[0] == seen[1]
    assert seen[0][0] == "There is no such page"
    assert crc.watch.found == NOTHING | {
        "refused": [(404, "/participants/EMO-001/"), (404, "/participants/EMO-999/")],
    }


PAGES = (
    *("/", "/help/", "/study/", "/exports/", "/reminders/"),
    *("/participants/", "/visits/", "/adverse-events/", "/adverse-events/?term=zoster"),
    *("/participants/screen/", "/participants/MUSC-001/", "/participants/MUSC-001/withdraw/"),
    *("/visits/MUSC-001/W2/log/", "/visits/MUSC-001/W1/missed/"),
    *("/adverse-events/MUSC-001/new/", "/adverse-events/MUSC-001/1/"),
    *("/participants/MUSC-002/infusion/", "/participants/MUSC-003/enroll/", "/participants/MUSC-002/dose/"),
    *("/participants/MUSC-001/infusion/day/", "/participants/MUSC-001/infusion/vitals/"),
    *("/slots/", "/holds/", "/holds/new/", "/product/", "/product/new/", "/product/custody/"),
    *("/participants/MUSC-003/criteria/", "/participants/MUSC-003/screen-failure/"),
    "/no-such-page/",
)


@staged
def full_pages(musc):
    """Something to show on each of PAGES."""
    participant = musc.infused(DUE_TODAY)
    musc.enrolled(), musc.answered()
    onset = PartialDate.parse("2025-06")
    report(participant=participant, by=musc.coordinator, at=NOW, term="Herpes zoster", started=onset)
    sweep(NOW)


def test_no_page_is_wider_than_a_small_telephone(desk, investigator, full_pages):
    pi = desk(investigator, viewport={"width": 320, "height": 800})
    widths = {}
    for path in PAGES:
        pi.go(path)
        widths[path] = pi.page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > 320} == {}
    assert pi.watch.found == NOTHING | {"refused": [(404, "/no-such-page/")]}


def test_every_link_on_every_page_leads_to_a_page(desk, investigator, full_pages):
    pi = desk(investigator)
    found = {}
    for path in PAGES:
        pi.go(path)
        links = pi.page.eval_on_selector_all("a[href]", "links => links.map(link => link.href.split('#')[0])")
        found |= {link: path for link in links if link not in found}
    assert len(found) > len(PAGES)
    broken = {link: path for link, path in found.items() if pi.context.request.get(link).status != 200}
    assert broken == {}
    assert pi.watch.found == NOTHING | {"refused": [(404, "/no-such-page/")]}
