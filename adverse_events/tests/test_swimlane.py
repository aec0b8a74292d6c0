"""The pictures of the safety review: what stands where, in the drawing and in words."""

import re
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from adverse_events import onsets, swimlane
from adverse_events.reporting import report
from adverse_events.voiding import void
from conftest import NOW, TODAY, staged
from participants.axis import WIDTH, Axis
from participants.medicines import record_medication
from studytracker.dates import PartialDate

DAY0 = TODAY - timedelta(days=40)
DAYS = Axis(swimlane.ZERO - timedelta(days=14), swimlane.ZERO + timedelta(days=60), swimlane.ZERO)
SOMEBODY = SimpleNamespace(infused_on=DAY0, infused=True)


def event(started, ended=None, ongoing=False, **facts):
    """Dates are days from Day 0, or a PartialDate."""
    started, ended = (
        PartialDate.of(DAY0 + timedelta(days=on)) if isinstance(on, int) else on for on in (started, ended)
    )
    facts = {"grade": 2, "is_serious": False, "number": 1, "term": "Rash", "participant": SOMEBODY} | facts
    return SimpleNamespace(started=started, ended=ended, is_ongoing=ongoing, **facts)


def bar(*args, **kwargs):
    [[found], rows] = swimlane._bars([event(*args, **kwargs)], DAYS, SOMEBODY, TODAY, 0)
    return found


def x(day):
    return DAYS.x(swimlane.ZERO + timedelta(days=day))


def test_known_days_are_one_solid_piece_from_the_first_to_the_end_of_the_last():
    [piece] = bar(5, 9).pieces
    assert (piece.x, round(piece.x + piece.width, 1), piece.is_hatched) == (x(5), x(10), False)


def test_an_ongoing_event_reaches_to_today_and_has_its_arrow():
    found = bar(5, ongoing=True)
    assert (found.goes_on, found.end_x) == (True, x(41))


def test_a_month_without_its_day_is_hatched_up_to_today_at_most():
    """DAY0 is 9 May: June runs to its 18th, which is today."""
    found = bar(PartialDate(2025, 6), ongoing=True)
    assert [(piece.x, piece.is_hatched) for piece in found.pieces] == [(x(23), True), (x(40), False)]
    assert "UN-JUN-2025 (D23 to D52)" in found.words


def test_an_end_that_nobody_knows_is_hatched_after_the_onset():
    assert [piece.is_hatched for piece in bar(5).pieces] == [False, True]


def test_an_end_known_to_the_month_is_hatched_over_what_is_not_known():
    found = bar(1, PartialDate(2025, 5))
    assert [(piece.x, piece.is_hatched) for piece in found.pieces] == [(x(1), False), (x(2), True)]


def test_a_serious_event_says_so_in_its_label_and_in_words():
    found = bar(5, 6, is_serious=True, grade=4)
    assert (found.label, "grade 4, SERIOUS" in found.words) == ("S AE 1 Rash", True)


def test_what_ended_before_the_axis_is_left_out():
    assert swimlane._bars([event(-40, -30)], DAYS, SOMEBODY, TODAY, 0) == ([], 0)


spans = st.lists(st.tuples(st.integers(-20, 40), st.integers(0, 30), st.text("abc", max_size=40)), max_size=12)


@given(spans)
def test_no_bar_covers_another_s_bar_or_label(given_spans):
    events = [event(first, first + days, term=term) for first, days, term in given_spans]
    bars, rows = swimlane._bars(events, DAYS, SOMEBODY, DAY0 + timedelta(days=60), 0)
    assert all(0 <= each.y < rows * swimlane.ROW and each.end_x <= WIDTH for each in bars)
    for one in bars:
        for other in bars:
            if one is not other and one.y == other.y and one.x <= other.x:
                assert max(one.end_x, one.text_x) <= other.x


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        (-1, onsets.BEFORE),
        (0, 0),
        (27, 0),
        (28, 1),
        (PartialDate(2025, 6), onsets.UNSURE),
        (PartialDate(2025, 4), onsets.BEFORE),
        (PartialDate(2025), onsets.UNSURE),
    ],
)
def test_an_onset_is_counted_where_it_is_certain_to_have_been(started, expected):
    assert onsets.bin_of(event(started)) == expected


@given(st.lists(st.tuples(st.integers(-30, 200), st.sampled_from([None, 1, 2, 3, 4, 5]), st.booleans()), min_size=1))
def test_the_columns_hold_every_event_once(facts):
    events = [event(on, grade=grade, is_serious=serious) for on, grade, serious in facts]
    chart = onsets.draw(events)
    assert sum(column.total for column in chart.columns) == len(events)
    assert sum(column.serious for column in chart.columns) == sum(serious for _, _, serious in facts)
    for index, grade in enumerate(onsets.GRADES):
        assert sum(column.counts[index] for column in chart.columns) == sum((g or 0) == grade for _, g, _ in facts)
    for column in chart.columns:
        assert [each.count for each in column.segments] == [count for count in column.counts if count]
        assert all(onsets.TOP - 1 <= each.y <= onsets.HEIGHT - onsets.FOOT for each in column.segments)


def test_nothing_is_drawn_of_nobody():
    assert (onsets.draw([]), onsets.draw([event(1, participant=SimpleNamespace(infused=None))])) == (None, None)


@staged
def told(musc, coordinator):
    participant = musc.infused(DAY0)
    facts = {"participant": participant, "by": coordinator, "at": NOW}
    report(term="Shingles", started=PartialDate(2025, 6), grade=3, is_hospitalization=True, **facts)
    gone = report(term="Typing error", started=PartialDate(2025, 6, 1), grade=1, **facts)
    void(event=gone, reason="Entered twice, by mistake", by=coordinator, at=NOW)
    course = {"drug": "Prednisone", "drug_class": "corticosteroid", "route": "oral", "dose": 20, "dose_unit": "mg"}
    record_medication(**course, per_day=1, started=date(2025, 5, 1), is_ongoing=True, **facts)
    return participant


def test_the_page_says_in_words_what_the_pictures_show(told, browse, investigator, frozen):
    page = browse(investigator).get(reverse("site_review", args=["MUSC"])).content.decode()
    lane = re.search(r"<caption[^>]*>What the picture shows.*?</tbody>", page, re.DOTALL)[0]
    assert "AE 1 Shingles, grade 3, SERIOUS: UN-JUN-2025 (D23 to D52) ongoing" in lane
    assert "Thu 1 May 2025 to Wed 18 Jun 2025: 20 mg a day" in lane
    assert "W1 D7: Overdue" in lane
    assert "Typing error" not in re.search(r'<svg class="chart swimlane".*?</svg>', page, re.DOTALL)[0]
    assert '<tr><th scope="row">Weeks not known</th><td>0</td><td>0</td><td>1</td>' in page
    assert ' style="' not in page


@pytest.mark.parametrize("people", [1, 6])
def test_the_board_takes_the_same_queries_however_many_participants(
    musc, coordinator, investigator, browse, frozen, people, django_assert_max_num_queries
):
    for _ in range(people):
        participant = musc.infused(DAY0)
        for _ in range(3):
            report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    client = browse(investigator)
    address = reverse("site_review", args=["MUSC"])
    client.get(address)
    with django_assert_max_num_queries(20):
        assert client.get(address).status_code == 200


def test_another_site_s_participants_are_not_drawn(told, emory, browse, emory_investigator, frozen):
    emory.infused(DAY0)
    page = browse(emory_investigator).get(reverse("safety_review")).content.decode()
    assert ("EMO-001" in page, "MUSC-001" in page) == (True, False)
