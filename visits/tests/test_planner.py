from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import NOW
from studytracker import protocol
from studytracker.business_days import knows_region, public_holidays
from visits import planner
from visits.bookings import book

DAY0 = date(2025, 5, 31)


@pytest.fixture
def site():
    return protocol.current().site("MUSC")


def with_holidays(site, *days):
    return type(site).model_validate(site.model_dump() | {"holidays": days})


@pytest.mark.parametrize(
    ("code", "on", "why"),
    [
        ("MUSC", date(2025, 7, 4), "Independence Day"),
        ("MUSC", date(2025, 7, 5), "Saturday"),
        ("MUSC", date(2025, 7, 6), "Sunday"),
        ("MUSC", date(2025, 7, 7), ""),
        # The two states differ: one keeps the day after Thanksgiving under its own name, the other Columbus Day.
        ("EMORY", date(2025, 10, 13), "Columbus Day"),
        ("MUSC", date(2025, 10, 13), ""),
    ],
)
def test_a_site_is_closed_on_weekends_and_on_the_holidays_of_its_own_state(code, on, why):
    assert protocol.current().site(code).why_closed(on) == why


def test_a_day_of_the_site_s_own_list_is_closed_too(site):
    own = with_holidays(site, date(2025, 7, 7))
    assert (own.why_closed(date(2025, 7, 7)), own.why_closed(date(2025, 7, 8))) == ("site holiday", "")


def test_a_region_that_nobody_knows_would_be_refused_when_the_file_is_read():
    assert [knows_region(region) for region in ("US", "US-SC", "US-XX", "Atlantis")] == [True, True, False, False]
    assert public_holidays("US", 2025)[date(2025, 12, 25)] == "Christmas Day"


def test_a_tuesday_puts_every_target_on_a_tuesday(trial, site):
    """All targets are whole weeks from Day 0, so only holidays can move a visit."""
    found = planner.candidate(trial, site, date(2025, 7, 8))
    assert [each.code for each in found.prospects] == [each.code for each in trial.visits if each.kind == "follow_up"]
    assert (found.closed, found.score, found.on_target, found.to_move, found.without_day) == ("", 100, 10, 0, 0)
    assert found.prospects[0].words == "On target"


def test_a_thursday_meets_thanksgiving_and_christmas(trial, site):
    found = planner.candidate(trial, site, date(2025, 7, 10))
    moved = [(each.code, each.window.target_on, each.words) for each in found.prospects if each.points == 1]
    assert moved == [
        ("W20", date(2025, 11, 27), "Another day: the target is closed (Thanksgiving Day)"),
        ("W24", date(2025, 12, 25), "Another day: the target is closed (Christmas Day)"),
    ]
    assert (found.score, found.to_move) == (90, 2)
    assert found.prospects[6].closures == ((date(2025, 11, 27), "Thanksgiving Day"),)


def test_a_saturday_cannot_be_day_0(trial, site):
    found = planner.candidate(trial, site, date(2025, 7, 12))
    assert (found.closed, found.score, found.on_target) == ("Saturday", 0, 0)


def test_a_visit_without_a_working_day_is_told_apart(trial, site):
    """Week 1 (5 to 9 January) wholly on the site's list: no other day of the window helps."""
    closed = [date(2026, 1, day) for day in range(5, 10)]
    found = planner.candidate(trial, with_holidays(site, *closed), date(2025, 12, 31))
    assert (found.prospects[0].points, found.without_day) == (0, 1)
    assert found.prospects[0].words == "No working day in the window (site holiday)"


def test_the_best_days_leave_out_closed_ones_and_those_that_spoil_the_screening(trial, site):
    screened = date(2025, 6, 1)
    days = [each.day0 for each in planner.best(trial, site, date(2025, 6, 20), date(2025, 7, 10), screened)]
    assert sorted(days) == [date(2025, 6, day) for day in (20, 23, 24, 25, 26, 27)]
    assert days[0] == date(2025, 6, 25)
    assert planner.best(trial, site, date(2025, 7, 5), date(2025, 7, 6)) == []


@given(st.dates(date(2000, 1, 1), date(2098, 12, 31)))
def test_the_score_equals_a_count_by_hand(day0):
    """The oracle walks the calendar itself, with the holidays of the library and the days of the file."""
    rules = protocol.current()
    site = rules.site("EMORY")
    free = lambda day: day.weekday() < 5 and day not in public_holidays("US-GA", day.year)  # noqa: E731
    points = []
    for visit in rules.visits:
        if visit.kind == "follow_up":
            window = [day0 + timedelta(days=visit.day + shift) for shift in range(-visit.before, visit.after + 1)]
            points.append(2 if free(day0 + timedelta(days=visit.day)) else int(any(map(free, window))))
    expected = round(100 * sum(points) / (2 * len(points))) if free(day0) else 0
    assert planner.candidate(rules, site, day0).score == expected


def test_the_days_of_a_window_are_offered_with_the_best_one_marked(musc, coordinator):
    """Week 4: 25 June to 1 July, target 28 June, a Saturday."""
    visit = musc.infused(DAY0).visits.select_related("site", "participant").get(code="W4")
    found = planner.choices(visit, date(2025, 6, 18))
    assert [(each.on.day, each.from_target, each.closed) for each in found] == [
        (25, -3, ""), (26, -2, ""), (27, -1, ""), (28, 0, "Saturday"), (29, 1, "Sunday"), (30, 2, ""), (1, 3, ""),
    ]  # fmt: skip
    assert [each.on for each in found if each.is_best] == [date(2025, 6, 27)]


def test_other_appointments_of_the_site_count_on_their_local_day(musc, emory, coordinator):
    other = musc.infused(date(2025, 6, 2)).visits.get(code="W4")
    book(visit=other, on=date(2025, 6, 29), start_time=time(23, 30), by=coordinator, at=NOW)
    visit = musc.infused(DAY0).visits.select_related("site", "participant").get(code="W4")
    booked = {each.on: each.booked for each in planner.choices(visit, date(2025, 6, 29))}
    assert booked == {date(2025, 6, 29): 1, date(2025, 6, 30): 0, date(2025, 7, 1): 0}


def test_the_planner_page_shows_the_best_days_and_one_candidate(musc, browse, coordinator, frozen):
    musc.answered()
    client = browse(coordinator)
    page = client.get("/visits/MUSC-001/plan/").content.decode()
    assert "Day 0 on Wed 25 Jun 2025: score 100" in page
    asked = {"first_day": "1", "first_month": "7", "first_year": "2025", "last_day": "9", "last_month": "7"}
    asked |= {"last_year": "2025", "day0_day": "4", "day0_month": "7", "day0_year": "2025"}
    page = client.get("/visits/MUSC-001/plan/", asked).content.decode()
    assert "The site is closed that day: Independence Day." in page
    assert "The screening on Thu 29 May 2025 would be outside its window" in page
    refused = client.get("/visits/MUSC-001/plan/", asked | {"last_day": "31", "last_month": "6"})
    assert (refused.status_code, "31 June 2025 does not exist" in refused.content.decode()) == (422, True)


def test_a_chosen_day_fills_the_booking_and_a_closed_one_is_told(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    page = client.get("/visits/MUSC-001/W4/book/?on=2025-06-27").content.decode()
    assert 'name="on_day" value="27"' in page
    assert "★ best day" in page
    typed = {"on_day": "28", "on_month": "6", "on_year": "2025", "start_time": "09:30"}
    page = client.post("/visits/MUSC-001/W4/book/", typed, follow=True).content.decode()
    assert "MUSC is closed on Sat 28 Jun 2025: Saturday. It is booked all the same" in page


def test_there_is_no_day_0_to_plan_after_the_infusion(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    response = browse(coordinator).get("/visits/MUSC-001/plan/", follow=True)
    assert "There is no Day 0 to plan for MUSC-001: Day 0 was Sat 31 May 2025." in response.content.decode()
