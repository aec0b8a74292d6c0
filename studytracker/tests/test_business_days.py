from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studytracker.business_days import DaysOff, add_business_days, business_days_after

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
FRIDAY, MONDAY = date(2025, 6, 13), date(2025, 6, 16)


@pytest.mark.parametrize(
    ("start", "end", "holidays", "days"),
    [
        (FRIDAY, FRIDAY, (), 0),
        (FRIDAY, date(2025, 6, 15), (), 0),
        (FRIDAY, MONDAY, (), 1),
        (FRIDAY, MONDAY, (MONDAY,), 0),
        (FRIDAY, date(2025, 6, 20), (date(2025, 6, 19),), 4),
        (MONDAY, FRIDAY, (), 0),
    ],
)
def test_weekends_and_the_site_s_holidays_do_not_count(start, end, holidays, days):
    assert business_days_after(start, end, holidays) == days


@given(DAYS, st.integers(0, 400))
def test_business_days_equal_the_closed_form_of_whole_weeks(start, length):
    """The oracle counts Mondays to Fridays by ordinal numbers: five in each whole week."""

    def up_to(ordinal):  # 1 January of year 1 was a Monday
        weeks, rest = divmod(ordinal, 7)
        return weeks * 5 + min(rest, 5)

    end = date.fromordinal(start.toordinal() + length)
    assert business_days_after(start, end) == up_to(end.toordinal()) - up_to(start.toordinal())


@given(DAYS, st.integers(1, 30))
def test_adding_business_days_is_the_way_back_of_counting_them(start, days):
    assert business_days_after(start, add_business_days(start, days)) == days


# Thanksgiving 2025 was 27 November. Georgia's list has the Friday too, as its State Holiday; South Carolina's has not.
THANKSGIVING = (
    ("US-GA", date(2025, 12, 10)),
    ("US-SC", date(2025, 12, 9)),
    (None, date(2025, 12, 8)),
)


@pytest.mark.parametrize(("calendar", "tenth"), THANKSGIVING)
def test_each_state_has_its_own_thanksgiving(calendar, tenth):
    assert add_business_days(date(2025, 11, 24), 10, DaysOff(calendar)) == tenth


def test_a_site_adds_days_of_its_own_and_works_on_others():
    friday, thursday = date(2025, 11, 28), date(2025, 11, 27)
    site = DaysOff("US-SC", own=frozenset({friday}), worked=frozenset({thursday}))
    assert (friday in site, thursday in site) == (True, False)
