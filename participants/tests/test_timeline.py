from datetime import timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from conftest import TODAY
from participants.axis import WIDTH
from participants.timeline import LETTER, Lane, Mark, axis, draw

DAY0 = TODAY - timedelta(days=60)
TREATED = SimpleNamespace(infused_on=DAY0, infused=True, screened_on=DAY0 - timedelta(days=14))


def mark(first, last, label="x"):
    return Mark(DAY0 + timedelta(days=first), DAY0 + timedelta(days=last), label, label, "cm")


def drawn(*marks, participant=TREATED):
    lanes = [Lane("Medicines", "Medicines", list(marks))]
    return draw(lanes, axis(lanes, participant, TODAY), TODAY)


def test_days_count_from_the_infusion_and_today_is_on_the_axis():
    drawing = drawn(mark(0, 0))
    at = dict((label, x) for x, label in drawing.ticks)
    [(code, name, y, [bar])] = drawing.lanes
    assert (bar.x, drawing.today) == (at["D0"], "D60")
    assert at["D56"] < drawing.today_x < WIDTH


def test_before_the_infusion_days_count_from_the_screening_visit():
    screened = SimpleNamespace(infused_on=None, infused=None, screened_on=DAY0)
    drawing = drawn(mark(3, 3), participant=screened)
    assert ("S0" in [label for x, label in drawing.ticks], drawing.today) == (True, "S60")


def test_what_ended_before_the_axis_is_left_out_and_what_began_before_is_cut_at_its_edge():
    assert drawn(mark(-400, -300)).lanes == []
    [(_, _, _, [bar])] = drawn(mark(-400, 5)).lanes
    assert bar.x == 96


def test_a_lane_that_holds_nothing_is_not_drawn():
    assert drawn().lanes == []


@given(st.lists(st.tuples(st.integers(-30, 60), st.integers(0, 40), st.text("abc", max_size=30)), max_size=12))
def test_no_bar_and_no_label_covers_another_in_its_row(spans):
    drawing = drawn(*(mark(first, first + length, label) for first, length, label in spans))
    rows = {}
    for _, _, _, bars in drawing.lanes:
        for bar in bars:
            end = max(bar.x + bar.width, bar.text_x + len(bar.label) * LETTER)
            rows.setdefault(bar.y, []).append((min(bar.x, bar.text_x), end))
    for spans_of_row in rows.values():
        ordered = sorted(spans_of_row)
        assert all(one[1] <= other[0] for one, other in zip(ordered, ordered[1:], strict=False))
