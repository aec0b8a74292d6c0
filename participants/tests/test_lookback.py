"""Look-backs against an oracle that counts days one by one on a calendar and knows no month arithmetic."""

import re
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import TODAY
from participants.findings import Moment
from participants.lookback import FOREVER, Span, begins, first_free
from participants.worksheet import judge, row_of
from studytracker import protocol
from studytracker.dates import PartialDate
from studytracker.settings import BASE_DIR

from .cases import evidence

RULES = protocol.current()
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)
DAYS = st.dates(FIRST, LAST)
LOOK_BACKS = sorted(
    {part.look_back for part in RULES.parts() if part.look_back and not part.look_back.ever},
    key=lambda look_back: look_back.words,
)
# The ends of months, and the leap days, where month arithmetic goes wrong.
AWKWARD = st.builds(
    lambda year, month, back: date(year + month // 12, month % 12 + 1, 1) - timedelta(days=back),
    st.integers(2000, 2099),
    st.integers(0, 11),
    st.integers(0, 3),
).filter(lambda day: day >= FIRST)
ANY_DAY = DAYS | AWKWARD


def one_month_back(day):
    """Step back day by day into the month before, to the same number of the day or the last day there is."""
    wanted, month = day.day, day.month
    day -= timedelta(days=1)
    while day.month == month:
        day -= timedelta(days=1)
    while day.day > wanted:
        day -= timedelta(days=1)
    return day


def oracle_begin(look_back, anchor):
    """Counted day by day. Months are stepped from the first of each month, so that a short one shortens nothing."""
    if look_back.days:
        for _ in range(look_back.days):
            anchor -= timedelta(days=1)
        return anchor
    wanted, first = anchor.day, anchor.replace(day=1)
    for _ in range(look_back.months or 12 * look_back.years):
        first = one_month_back(first)
    found = first
    while found.day < wanted and (found + timedelta(days=1)).month == first.month:
        found += timedelta(days=1)
    return found


@pytest.mark.parametrize("look_back", LOOK_BACKS, ids=lambda each: each.words)
@settings(max_examples=150, deadline=None)
@given(anchor=ANY_DAY)
def test_a_look_back_begins_where_the_calendar_says(look_back, anchor):
    assert begins(look_back, anchor) == oracle_begin(look_back, anchor)


@pytest.mark.parametrize("look_back", LOOK_BACKS, ids=lambda each: each.words)
@settings(max_examples=100, deadline=None)
@given(day=ANY_DAY)
def test_the_first_free_anchor_is_free_and_the_day_before_it_is_not(look_back, day):
    free = first_free(look_back, day)
    assert oracle_begin(look_back, free) > day
    assert oracle_begin(look_back, free - timedelta(days=1)) <= day


def test_30_days_for_a_month_would_be_found_out():
    """The negative control: the usual slip differs from the oracle."""
    month = next(each for each in LOOK_BACKS if each.months == 1)
    slips = [
        day
        for day in (date(2017, 3, 31) + timedelta(days=n) for n in range(366))
        if day - timedelta(days=30) != oracle_begin(month, day)
    ]
    assert len(slips) > 200


@pytest.mark.parametrize(
    ("anchor", "amount", "expected"),
    [
        (date(2017, 3, 31), {"months": 1}, date(2017, 2, 28)),
        (date(2017, 5, 31), {"months": 3}, date(2017, 2, 28)),
        (date(2017, 8, 31), {"months": 6}, date(2017, 2, 28)),
        (date(2017, 8, 31), {"months": 3}, date(2017, 5, 31)),
        (date(2017, 8, 31), {"days": 90}, date(2017, 6, 2)),
        (date(2020, 2, 29), {"years": 3}, date(2017, 2, 28)),
        (date(2017, 7, 30), {"days": 90}, date(2017, 5, 1)),
        (date(2017, 6, 30), {"days": 60}, date(2017, 5, 1)),
        (date(2024, 3, 31), {"months": 1}, date(2024, 2, 29)),
    ],
)
def test_the_worked_dates_of_the_study(anchor, amount, expected):
    """Trap T2."""
    look_back = SimpleNamespace(**{"days": None, "months": None, "years": None, "ever": False} | amount)
    assert begins(look_back, anchor) == expected


PARTIAL = st.one_of(
    DAYS.map(PartialDate.of),
    DAYS.map(lambda day: PartialDate(day.year, day.month)),
    DAYS.map(lambda day: PartialDate(day.year)),
)


def possible_days(partial):
    day, found = date(partial.year, 1, 1), []
    while day.year == partial.year:
        if partial.month in (None, day.month) and partial.day in (None, day.day):
            found.append(day)
        day += timedelta(days=1)
    return found


@settings(max_examples=200, deadline=None)
@given(
    started=PARTIAL, length=st.integers(0, 500), precision=st.sampled_from(["day", "month", "year"]), data=st.data()
)
def test_a_span_touches_a_window_as_every_pair_of_possible_days_says(started, length, precision, data):
    """Partial dates: the same answer for every possible first and last day, or none."""
    end = started.latest + timedelta(days=length)
    if end.year > 2100:
        return
    ended = {"day": PartialDate.of(end), "month": PartialDate(end.year, end.month), "year": PartialDate(end.year)}
    begin = data.draw(st.dates(started.earliest - timedelta(days=40), end + timedelta(days=40)))
    stop = begin + timedelta(days=data.draw(st.integers(0, 200)))
    lasts = possible_days(ended[precision])
    # The extremes of both decide; a few in between make sure.
    firsts = possible_days(started)
    firsts, lasts = firsts[:1] + firsts[len(firsts) // 2 :: 97] + firsts[-1:], lasts
    answers = {
        first <= stop and last >= begin
        for first in firsts
        for last in (lasts[0], *lasts[::61], lasts[-1])
        if last >= first
    }
    # The earliest last day that is possible with each first day is the first day itself.
    answers |= {first <= stop and first >= begin for first in firsts if lasts[0] <= first <= lasts[-1]}
    found = Span.of(started, ended[precision]).touches(begin, stop)
    assert found is (answers.pop() if len(answers) == 1 else None)


def test_what_goes_on_and_what_nobody_knows_reach_to_the_end():
    day = PartialDate(2025, 3, 1)
    assert Span.of(day, None, True).touches(date(2050, 1, 1), date(2050, 1, 1)) is True
    assert Span.of(day, None).touches(date(2050, 1, 1), date(2050, 1, 1)) is None
    assert Span.of(None, day).touches(date(1950, 1, 1), date(1950, 1, 1)) is None
    assert Span.of(day, None).last_latest == FOREVER


# --- every criterion with a look-back, through the whole worksheet --------------------------------------------

SPANS = {
    "E3": ("histories", {"category": "malignancy"}),
    "E6a": ("histories", {"category": "zoster"}),
    "E6b": ("histories", {"category": "infection_hospitalization"}),
    "E6c": ("medicines", {"drug": "Ceftriaxone", "drug_class": "antibiotic", "route": "intravenous"}),
    "E9": ("medicines", {"drug": "Prednisone", "drug_class": "corticosteroid", "dose": "60", "per_day": "1"}),
    "E10a": ("medicines", {"drug": "Azathioprine", "drug_class": "immunosuppressant"}),
    "E10b": ("medicines", {"drug": "Study drug X", "drug_class": "investigational"}),
    "E11a": ("medicines", {"drug": "Belimumab", "drug_class": "belimumab"}),
    "E11b": ("medicines", {"drug": "Rituximab", "drug_class": "rituximab"}),
    "E11c": ("medicines", {"drug": "Obinutuzumab", "drug_class": "b_cell_depleting"}),
    "E13b": ("histories", {"category": "substance_abuse"}),
}
COMPUTED_BACK = {part.id for part in RULES.parts() if part.look_back and not part.look_back.ever}


def test_every_criterion_with_a_look_back_is_under_test():
    assert set(SPANS) | {"I2a", "I2b", "I4b"} == COMPUTED_BACK


@pytest.mark.parametrize("part_id", SPANS)
@settings(max_examples=60, deadline=None)
@given(ended=PARTIAL, before=st.integers(0, 1200), gap=st.integers(1, 28))
def test_each_exclusion_says_what_counting_the_days_says(part_id, ended, before, gap):
    """For every possible last day of what was taken or had: inside the look-back, or not; else unknown."""
    part, (kind, row) = RULES.part(part_id), SPANS[part_id]
    screened_on = ended.latest + timedelta(days=before)
    if screened_on.year > 2099:
        return
    anchors = {"screening": screened_on, "baseline": screened_on + timedelta(days=gap)}
    days = [anchors[part.anchor]] + ([anchors["baseline"]] if part.recheck else [])
    possible = possible_days(ended)
    facts = {"started": ended.iso, "ended": ended.iso}
    finding = (
        judge(evidence(screened_on=screened_on, **{kind: [row | facts]}), baseline=anchors["baseline"])
        .of(part_id)
        .finding
    )

    def told(anchor):
        begin = oracle_begin(part.look_back, anchor)
        inside = {begin <= day <= anchor for day in (possible[0], possible[-1])}
        return {frozenset([True]): "present", frozenset([False]): "absent"}.get(frozenset(inside), "unknown")

    said = [told(anchor) for anchor in days]
    expected = "present" if "present" in said else "unknown" if "unknown" in said else "absent"
    assert finding.result == expected
    if expected != "absent":
        assert oracle_begin(part.look_back, finding.free_from) > possible[-1]
        assert oracle_begin(part.look_back, finding.free_from - timedelta(days=1)) <= possible[-1]


@settings(max_examples=100, deadline=None)
@given(collected=PARTIAL, before=st.integers(0, 400), test=st.sampled_from(["ANAB", "DDNAIGAB"]))
def test_the_antibodies_count_from_the_first_day_of_the_six_months(collected, before, test):
    part = RULES.part("I2a" if test == "ANAB" else "I2b")
    screened_on = collected.latest + timedelta(days=before)
    if screened_on.year > 2100:
        return
    result = {"given": "160"} if test == "ANAB" else {"given": "POSITIVE"}
    facts = evidence(screened_on=screened_on, without=["ANAB"], labs=[{"test": test, "on": collected.iso} | result])
    begin = oracle_begin(part.look_back, screened_on)
    inside = {day >= begin for day in (collected.earliest, collected.latest)}
    expected = {frozenset([True]): "met", frozenset([False]): None}.get(frozenset(inside), "unknown")
    assert judge(facts, baseline=screened_on).of(part.id).finding.result == expected


@settings(max_examples=100, deadline=None)
@given(started=DAYS, before=st.integers(150, 215))
def test_six_months_of_nephritis_therapy_are_counted_to_screening(started, before):
    part, screened_on = RULES.part("I4b"), started + timedelta(days=before)
    if screened_on.year > 2100:
        return
    facts = evidence(
        screened_on=screened_on,
        medicines=[
            {"drug": "Cyclophosphamide", "drug_class": "immunosuppressant", "started": started, "is_ongoing": True}
        ],
        histories=[{"category": "nephritis", "started": started, "is_ongoing": True}],
        answers={"I4a": "met", "I4b": "met"},
    )
    expected = "met" if started <= oracle_begin(part.look_back, screened_on) else "not_met"
    assert judge(facts, baseline=screened_on).of("I4b").finding.result == expected


@settings(max_examples=40, deadline=None)
@given(
    ends=st.lists(st.tuples(st.sampled_from(sorted(SPANS)), st.integers(0, 200)), min_size=1, max_size=4),
    screened_on=DAYS,
)
def test_the_earliest_baseline_is_the_first_day_on_which_no_clock_runs(ends, screened_on):
    """Searched day by day, without asking any finding for its date."""
    if not 2001 < screened_on.year < 2100:
        return
    given, parts = {"medicines": [], "histories": []}, set()
    for part_id, ago in ends:
        if RULES.part(part_id).anchor == "baseline":
            kind, row = SPANS[part_id]
            day = screened_on - timedelta(days=ago)
            given[kind].append(row | {"started": day, "ended": day})
            parts.add(part_id)
    facts = evidence(screened_on=screened_on, **given)

    def runs(on):
        pairs = [(RULES.criterion(each.rstrip("abc")), RULES.part(each)) for each in parts]
        return any(row_of(*pair, facts, Moment(screened_on, on)).result == "waiting" for pair in pairs)

    day = screened_on + timedelta(days=1)
    expected = day
    while runs(expected):
        expected += timedelta(days=1)
    assert judge(facts, baseline=day).earliest_on == expected


BOUNDARIES = [
    # part, the last day that is inside, anchored on 18 June 2025 (Screening) or on 19 June 2025 (Baseline)
    ("I2a", "2024-12-18"),
    ("I2b", "2024-12-18"),
    ("E3", "2022-06-18"),
    ("E6a", "2025-03-20"),
    ("E6b", "2025-04-19"),
    ("E6c", "2025-04-19"),
    ("E9", "2025-05-19"),
    ("E10a", "2025-03-19"),
    ("E10b", "2025-03-19"),
    ("E11a", "2025-03-19"),
    ("E11b", "2024-12-19"),
    ("E11c", "2024-12-19"),
    ("E13b", "2025-04-19"),
]
ANTIBODIES = {"I2a": {"test": "ANAB", "given": "160"}, "I2b": {"test": "DDNAIGAB", "given": "POSITIVE"}}


def on_day(part_id, day):
    """The worksheet's finding where that happened on that day alone."""
    if part_id in ANTIBODIES:
        facts = {"without": ["ANAB"], "labs": [ANTIBODIES[part_id] | {"on": day.isoformat()}]}
    else:
        kind, row = SPANS[part_id]
        facts = {kind: [row | {"started": day, "ended": day}]}
    return judge(evidence(**facts), baseline=TODAY + timedelta(days=1)).of(part_id).finding.result


@pytest.mark.parametrize(("part_id", "first_inside"), BOUNDARIES)
def test_the_first_day_of_a_look_back_is_inside_and_the_day_before_is_not(part_id, first_inside):
    """The table of boundary days in docs/eligibility.md."""
    inside = date.fromisoformat(first_inside)
    expected = ["met", None] if part_id in ANTIBODIES else ["present", "absent"]
    assert [on_day(part_id, inside), on_day(part_id, inside - timedelta(days=1))] == expected


def test_nephritis_therapy_begun_on_the_first_day_of_the_six_months_is_long_enough_and_the_day_after_is_not():
    """The line of the table where the later day is the one outside."""

    def begun(day):
        therapy = {"drug": "Cyclophosphamide", "drug_class": "immunosuppressant", "started": day, "is_ongoing": True}
        episode = {"category": "nephritis", "started": day, "is_ongoing": True}
        facts = evidence(medicines=[therapy], histories=[episode], answers={"I4a": "met", "I4b": "met"})
        return judge(facts, baseline=TODAY + timedelta(days=1)).of("I4b").finding.result

    assert [begun(date(2024, 12, 18)), begun(date(2024, 12, 19))] == ["met", "not_met"]


def test_the_table_in_the_docs_has_a_line_for_every_look_back_and_the_days_that_are_tested():
    lines = (BASE_DIR / "docs/eligibility.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if re.match(r"\| [IE]\d", line)]
    told = {part: row[3] for row in rows for part in re.findall(r"[IE]\d+[a-c]?", row[0])}
    tested = dict(BOUNDARIES) | {"I4b": "2024-12-18"}
    assert set(told) == COMPUTED_BACK
    assert told == {part: f"{date.fromisoformat(day):%-d %b %Y}" for part, day in tested.items()}


def test_what_passes_and_ages_says_until_when_it_serves_and_nothing_else_does():
    screened, taken = date(2025, 6, 16), date(2025, 6, 20)
    titer = {"test": "ANAB", "given": "160", "on": "2025-01-31"}
    facts = evidence(screened_on=screened, labs=[titer], taken_on=taken)
    told = {row.part.id: row.finding.expiry for row in judge(facts, baseline=date(2025, 6, 25)).rows if row.finding}
    renewed = "for a Baseline: repeat it before the infusion."
    by_list = ["E1", "E4b", "E6a", "E6b", "E6c", "E9", "E10a", "E10b", "E11a", "E11b", "E11c", "E13b"]
    assert {part: words for part, words in told.items() if words} == {
        "I2a": "Expires on Thu 31 Jul 2025 for a Screening: screen by then or test again.",
        "E4a": f"Expires on Mon 16 Jun 2025 {renewed}",
        **{part: f"Expires on Fri 20 Jun 2025 {renewed}" for part in by_list},
    }


def test_what_stands_in_the_way_or_is_unknown_has_nothing_that_expires():
    excluded = evidence(
        medicines=[{"drug": "Rituximab", "drug_class": "rituximab", "started": "2024-01-01", "is_ongoing": True}]
    )
    rows = [judge(facts, baseline=TODAY).of("E11b") for facts in (excluded, evidence(taken=False))]
    assert [(row.result, row.finding.expiry) for row in rows] == [("present", ""), (None, "")]
