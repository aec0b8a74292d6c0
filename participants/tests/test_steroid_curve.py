from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import NOW, staged
from participants.medicines import record_medication
from participants.models import Medication, VitalSign
from participants.prednisone import courses, daily
from participants.steroid_curve import draw, limit, stretches
from participants.vitals import record_vital
from studytracker import protocol
from studytracker.dates import PartialDate

FIRST, LAST = date(2025, 3, 1), date(2025, 6, 18)
DAYS = st.dates(date(2025, 1, 1), date(2025, 8, 1))
RULES = protocol.current()


def course(dose, started, ended=None, ongoing=False, drug="prednisone", per_day="1"):
    return Medication(
        drug_code=drug,
        drug_class=RULES.drugs[drug][0].code,
        route="oral",
        dose=dose and Decimal(dose),
        dose_unit="mg" if dose else "",
        per_day=dose and Decimal(per_day),
        started=started and PartialDate.parse(started),
        ended=ended and PartialDate.parse(ended),
        is_ongoing=ongoing,
    )


def weighed(on, kg):
    return VitalSign(measured_on=on, standard_value=Decimal(kg))


def told(medications, weights=(), first=FIRST, last=LAST):
    return [
        (each.first.isoformat(), each.last.isoformat(), each.least_mg, each.most_mg, each.per_kg)
        for each in stretches(RULES, medications, weights, first, last)
    ]


def test_a_changed_dose_and_a_changed_weight_begin_a_new_stretch():
    taper = [course("30", "2025-02-01", "2025-03-31"), course("20", "2025-04-01", ongoing=True)]
    weights = [weighed(date(2025, 2, 1), "60"), weighed(date(2025, 5, 1), "64")]
    assert told(taper, weights) == [
        ("2025-03-01", "2025-03-31", 30, 30, Decimal("0.500")),
        ("2025-04-01", "2025-04-30", 20, 20, Decimal("0.333")),
        ("2025-05-01", "2025-06-18", 20, 20, Decimal("0.313")),
    ]


def test_methylprednisolone_counts_by_the_protocol_s_equivalent():
    given_daily = [course("32", "2025-01-01", ongoing=True, drug="methylprednisolone")]
    assert told(given_daily, [weighed(date(2025, 1, 1), "60")]) == [
        ("2025-03-01", "2025-06-18", 40, 40, Decimal("0.667"))
    ]


def test_overlapping_courses_add_up():
    both = [course("10", "2025-01-01", ongoing=True), course("5", "2025-04-10", "2025-04-12")]
    assert [(first, most) for first, _, _, most, _ in told(both)] == [
        ("2025-03-01", 10),
        ("2025-04-10", 15),
        ("2025-04-13", 10),
    ]


def test_a_partial_start_leaves_its_month_between_two_amounts():
    assert told([course("20", "2025-04", ongoing=True)]) == [
        ("2025-03-01", "2025-03-31", 0, 0, None),
        ("2025-04-01", "2025-04-29", 0, 20, None),
        ("2025-04-30", "2025-06-18", 20, 20, None),
    ]


def test_an_unknown_dose_is_unknown_and_no_zero():
    assert told([course(None, "2025-05-01", ongoing=True)]) == [
        ("2025-03-01", "2025-04-30", 0, 0, None),
        ("2025-05-01", "2025-06-18", 0, None, None),
    ]


def test_without_courses_one_stretch_of_nothing_and_no_drawing():
    assert told([]) == [("2025-03-01", "2025-06-18", 0, 0, None)]
    assert draw(stretches(RULES, [], [], FIRST, LAST), limit(RULES), None) is None


@given(st.lists(st.tuples(st.sampled_from(["5", "10", "32.5"]), DAYS, DAYS), max_size=5))
def test_every_day_has_the_amount_of_that_day_and_no_day_is_left_out(given_courses):
    rows = [course(dose, min(a, b).isoformat(), max(a, b).isoformat()) for dose, a, b in given_courses]
    found, told_days = courses(RULES, rows), {}
    for each in stretches(RULES, rows, [], FIRST, LAST):
        for number in range((each.last - each.first).days + 1):
            told_days[each.first + timedelta(days=number)] = (each.least_mg, each.most_mg)
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    assert told_days == {day: daily(found, day) for day in days}


def test_the_limit_is_the_protocol_s():
    assert limit(RULES) == Decimal("0.5")


@staged
def treated(musc, coordinator):
    participant = musc.infused()
    facts = {"participant": participant, "by": coordinator, "at": NOW}
    steroid = {"drug": "Prednisone", "drug_class": RULES.drugs["prednisone"][0].code, "route": "oral"}
    steroid |= {"dose": Decimal("40"), "dose_unit": "mg", "per_day": Decimal(1)}
    record_medication(**facts, **steroid, started=PartialDate(2025, 4), is_ongoing=True)
    record_vital(**facts, test="WEIGHT", value=Decimal("72.4"), unit="kg", measured_on=participant.screened_on)
    return participant


def test_the_page_draws_the_curve_and_says_the_same_as_a_table(treated, browse, coordinator, frozen):
    page = browse(coordinator).get("/participants/MUSC-001/medicines/").text
    assert '<svg class="steroids"' in page
    assert "<td>40</td>" in page
    assert "0.552 <strong>above 0.5</strong>" in page
    assert "UN-APR-2025" in page


def test_the_timeline_says_in_words_what_it_draws(treated, browse, coordinator, frozen):
    page = browse(coordinator).get("/participants/MUSC-001/").text
    assert "Prednisone, 40 mg, once a day, oral: from UN-APR-2025 ongoing" in page
    assert page.count('class="bar cm vague"') == 1


@pytest.mark.parametrize("many", [1, 12])
def test_the_medicines_page_takes_the_same_queries_however_many_courses(
    treated, browse, coordinator, frozen, many, django_assert_max_num_queries
):
    for _ in range(many):
        row = treated.medications.first()
        row.pk, row._state.adding = None, True
        row.save()
    client = browse(coordinator)
    with django_assert_max_num_queries(10):
        client.get("/participants/MUSC-001/medicines/")
