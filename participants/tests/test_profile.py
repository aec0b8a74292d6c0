"""The patient profile: strips on one axis, what is new since the last look, and its few queries."""

import re
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from conftest import NOW, TODAY, staged
from participants import strips
from participants.axis import WIDTH, Axis
from participants.labs import record_lab, record_range
from participants.medicines import record_medication
from participants.models import LabResult, Participant
from participants.vitals import record_vital
from studytracker.dates import PartialDate
from studytracker.trust.acting import because

DAY0 = TODAY - timedelta(days=40)
DAYS = Axis(DAY0, TODAY, DAY0)


def result(on, value, low=None, high=None, test="AST", **facts):
    """`on` in days from Day 0."""
    flag = "LOW" if low is not None and value < low else "HIGH" if high is not None and value > high else ""
    return SimpleNamespace(
        test=test,
        planned=SimpleNamespace(name=test),
        standard_value=Decimal(value),
        standard_unit="U/L",
        low=low if low is None else Decimal(low),
        high=high if high is None else Decimal(high),
        flag=flag,
        comparator="",
        collected=PartialDate.of(DAY0 + timedelta(days=on)),
        **facts,
    )


def test_a_value_stands_on_its_day_and_higher_values_stand_higher():
    [strip] = strips.of_labs([result(3, 20), result(10, 90)], DAYS)
    assert [point.x for point in strip.points] == [DAYS.middle(DAY0 + timedelta(days=day)) for day in (3, 10)]
    assert strip.points[1].y < strip.points[0].y
    assert [point.label for point in strip.points] == ["20", "90"]


def test_the_band_holds_the_values_inside_the_limits_and_no_other():
    rows = [result(1, 20, 10, 34), result(9, 90, 10, 34), result(20, 5, 10, 34)]
    [strip] = strips.of_labs(rows, DAYS)
    inside = [band.y <= point.y <= band.y + band.height for band, point in zip(strip.bands, strip.points, strict=True)]
    assert inside == [True, False, False]
    assert [point.flag for point in strip.points] == ["", "HIGH", "LOW"]
    assert strip.words == "3 values, 1 below the limits, 1 above the limits"


def test_new_limits_begin_a_new_band_and_no_limits_leave_a_gap():
    [strip] = strips.of_labs([result(1, 20, 10, 34), result(9, 20), result(20, 20, 10, 60)], DAYS)
    assert len(strip.bands) == 2
    assert strip.bands[0].height < strip.bands[1].height
    assert round(strip.bands[1].x + strip.bands[1].width) == WIDTH - 12


def test_a_limit_on_one_side_reaches_to_the_edge():
    [strip] = strips.of_labs([result(1, 20, high=34)], DAYS)
    [band] = strip.bands
    assert band.y + band.height == pytest.approx(strips.HEIGHT - strips.FOOT)


def test_each_test_has_its_own_strip_and_words_alone_have_none():
    rows = [result(1, 20), result(1, 4, test="WBC"), SimpleNamespace(test="ANA", standard_value=None)]
    assert [strip.name for strip in strips.of_labs(rows, DAYS)] == ["AST", "WBC"]


values = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**6)), min_size=1, max_size=30)


@given(values, st.one_of(st.none(), st.integers(0, 10**6)))
def test_nothing_is_drawn_outside_its_strip_and_no_label_covers_another(given_values, high):
    [strip] = strips.of_labs([result(on, value, high=high) for on, value in sorted(given_values)], DAYS)
    assert all(strips.TOP <= point.y <= strips.HEIGHT - strips.FOOT for point in strip.points)
    assert all(band.width >= 0 and band.height >= 0 for band in strip.bands)
    spans = [(point.x + 6, point.x + 6 + len(point.label) * strips.LETTER) for point in strip.points if point.label]
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))


@staged
def told(musc, coordinator, frozen):
    participant = musc.infused(DAY0)
    limits = {"low": None, "high": 34, "unit": "U/L", "starts_on": DAY0}
    record_range(site=participant.site, test="AST", **limits, by=coordinator, at=NOW)
    _measure(participant, coordinator, "AST", 88, DAY0 + timedelta(days=3))
    return participant


def _measure(participant, by, test, value, on, unit="U/L"):
    facts = {"participant": participant, "test": test, "collected": on, "value": value, "unit": unit}
    return record_lab(**facts, by=by, at=NOW)


def shown(client):
    return client.get(reverse("patient_profile", args=["MUSC-001"])).content.decode()


def test_the_page_draws_a_value_above_its_limit_and_says_it_in_words(told, browse, coordinator):
    page = shown(browse(coordinator))
    assert re.search(r'<title id="strip-\d+">AST[^<]* in U/L: 1 value, 1 above the limits; the same', page)
    assert '<path class="outside"' in page
    assert re.search(r"<td>88 U/L</td><td>– to 34 U/L</td><td>high</td>", page)
    assert ' style="' not in page


def test_a_voided_value_is_not_drawn(told, browse, coordinator):
    from participants.facts import void

    void(fact=LabResult.objects.get(), reason="Another participant's", by=coordinator, at=NOW)
    assert "above the limits" not in shown(browse(coordinator))


def test_what_changed_since_the_last_look_stands_first(told, browse, coordinator, investigator):
    client = browse(investigator)
    assert "Changed since you last opened" not in shown(client)
    assert "Nothing has changed since." in shown(client)
    _measure(told, coordinator, "WBC", 5, TODAY, "10^9/L")
    with because("Misread on the form"):
        row = Participant.objects.get(pk=told.pk)
        row.age += 1
        row.save()
    page = shown(client)
    assert "2 changes since, newest first" in page
    assert re.search(r"<strong>Participant</strong> \(tests, [^)]*\([^)]*\)\): Age[^:]*: 41 → 42. Why: Misread", page)
    assert "<strong>Lab result</strong> added (tests," in page
    assert "Nothing has changed since." in shown(client)


def test_each_person_has_a_last_look_of_their_own(told, browse, coordinator, investigator):
    shown(browse(investigator))
    assert "Changed since you last opened" not in shown(browse(coordinator))


@pytest.mark.parametrize("many", [0, 30])
def test_the_profile_takes_at_most_20_queries_at_any_size(
    told, browse, coordinator, many, django_assert_max_num_queries
):
    client = browse(coordinator)
    shown(client)
    facts = {"participant": told, "by": coordinator, "at": NOW}
    for number in range(many):
        on = DAY0 + timedelta(days=number)
        _measure(told, coordinator, "AST", 20 + number, on)
        record_vital(test="WEIGHT", measured_on=on, value=Decimal(70 + number), unit="kg", **facts)
        course = {"drug": "Prednisone", "drug_class": "corticosteroid", "route": "oral", "dose": 5, "dose_unit": "mg"}
        record_medication(**course, per_day=1, started=on, ended=on, **facts)
    with django_assert_max_num_queries(20):
        shown(client)
