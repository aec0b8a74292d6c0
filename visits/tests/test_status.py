from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import NOW, TODAY, staged
from participants.screening import withdraw
from studytracker.protocol.models import Site
from visits import status
from visits.attendance import attend, miss
from visits.models import Visit

DAY0 = date(2025, 5, 31)


@staged
def week_2(musc):
    """Window 11 to 17 June, target 14 June."""
    return musc.infused(DAY0).visits.get(code="W2")


@pytest.mark.parametrize(
    ("on", "code", "words"),
    [
        (date(2025, 6, 3), "upcoming", "Opens 11 Jun"),
        (date(2025, 6, 4), "soon", "Opens in 7 d"),
        (date(2025, 6, 10), "soon", "Opens in 1 d"),
        (date(2025, 6, 11), "open", "Due now (to 17 Jun)"),
        (date(2025, 6, 14), "open", "Due now (to 17 Jun)"),
        (date(2025, 6, 15), "late", "Late, closes in 2 d"),
        (date(2025, 6, 17), "late", "Late, closes today"),
        (date(2025, 6, 18), "overdue", "Overdue 1 d"),
        (date(2025, 7, 17), "overdue", "Overdue 30 d"),
    ],
)
def test_an_open_visit_moves_through_its_states_day_by_day(week_2, on, code, words):
    assert (week_2.status(on).code, week_2.status(on).words) == (code, words)


@pytest.mark.parametrize(
    ("on", "code", "words"),
    [
        (date(2025, 6, 10), "done-out", "Done 10 Jun, -1 d"),
        (date(2025, 6, 11), "done", "Done 11 Jun"),
        (date(2025, 6, 17), "done", "Done 17 Jun"),
        (date(2025, 6, 18), "done-out", "Done 18 Jun, +1 d"),
    ],
)
def test_an_attended_visit_is_done_in_or_out_of_its_window(week_2, coordinator, on, code, words):
    visit = attend(
        visit=week_2,
        attended_on=on,
        out_of_window_reason="Weather",
        late_entry_reason="Letter",
        by=coordinator,
        at=NOW,
    )
    assert (visit.status(TODAY).code, visit.status(TODAY).words) == (code, words)


def test_a_missed_visit_says_why(week_2, coordinator):
    visit = miss(visit=week_2, reason="Illness", by=coordinator, at=NOW)
    assert (visit.status(TODAY).code, visit.status(TODAY).words) == ("missed", "Missed: Illness")


def test_a_screening_visit_has_no_window_before_day_0_but_is_done(musc):
    visit = musc.screened().visits.get()
    assert visit.status(TODAY).code == "done"


@pytest.mark.parametrize(("left_on", "code"), [(date(2025, 6, 17), "na"), (date(2025, 6, 18), "overdue")])
def test_leaving_before_the_window_closed_makes_the_visit_not_applicable(week_2, coordinator, left_on, code):
    facts = {"reason": "pregnancy", "note": "", "by": coordinator, "at": NOW}
    withdraw(participant=week_2.participant, withdrawn_on=left_on, **facts)
    assert Visit.objects.get(pk=week_2.pk).status(TODAY).code == code


WINDOW = "Target Sat 14 Jun 2025 (D14); window Wed 11 Jun 2025 to Tue 17 Jun 2025, both days included."


@pytest.mark.parametrize(
    ("on", "sentence"),
    [
        (date(2025, 6, 10), "Today, Tue 10 Jun 2025, is 1 day before its first day, and nothing is logged."),
        (
            date(2025, 6, 11),
            "Today, Wed 11 Jun 2025, is in the window, 3 days before the target, and nothing is logged.",
        ),
        (date(2025, 6, 14), "Today, Sat 14 Jun 2025, is in the window and on the target, and nothing is logged."),
        (
            date(2025, 6, 17),
            "Today, Tue 17 Jun 2025, is in the window, 3 days after the target, and nothing is logged.",
        ),
        (date(2025, 6, 18), "Today, Wed 18 Jun 2025, is 1 day after its last day, and nothing is logged."),
        (date(2025, 6, 30), "Today, Mon 30 Jun 2025, is 13 days after its last day, and nothing is logged."),
    ],
)
def test_the_badge_tells_its_arithmetic(week_2, on, sentence):
    assert week_2.why(on) == f"{WINDOW} {sentence}"


def test_the_badge_of_what_happened_tells_what_and_when(week_2, coordinator):
    attended = attend(
        visit=week_2, attended_on=TODAY, out_of_window_reason="Weather or emergency", by=coordinator, at=NOW
    )
    assert attended.why(TODAY) == f"{WINDOW} Attended Wed 18 Jun 2025, 1 day after its last day."


def test_the_badge_of_a_missed_visit_and_of_one_after_leaving_say_so(week_2, coordinator):
    participant = week_2.participant
    assert miss(visit=week_2, reason="Illness", by=coordinator, at=NOW).why(TODAY) == (
        f"{WINDOW} A person decided that it was missed: Illness."
    )
    withdraw(participant=participant, withdrawn_on=TODAY, reason="pregnancy", note="", by=coordinator, at=NOW)
    week_4 = Visit.objects.get(code="W4")
    assert week_4.why(TODAY).endswith(
        "The participant left the study on Wed 18 Jun 2025, 7 days before its first day."
    )


def test_without_a_window_the_badge_says_why_there_is_none(musc):
    visit = musc.screened(TODAY).visits.get()
    assert visit.why(TODAY) == (
        "Attended Wed 18 Jun 2025. There is no window: the infusion, which sets it, is still to come."
    )


FACTS = st.fixed_dictionaries(
    {
        "opens": st.none() | st.integers(-40, 40),
        "length": st.tuples(st.integers(0, 15), st.integers(0, 15)),
        "attended": st.none() | st.integers(-60, 60),
        "missed": st.booleans(),
        "left": st.none() | st.integers(-60, 60),
        "dropped": st.booleans(),
    }
)


def found(today):
    """{status code: the keys that the query for it finds}"""
    return {code: set(Visit.objects.among([code], today).values_list("pk", flat=True)) for code in status.NAMES}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(facts=st.lists(FACTS, min_size=1, max_size=8), shift=st.integers(-45, 45))
def test_python_and_sql_give_the_same_status_for_every_state_and_day(
    musc, coordinator, facts, shift, django_db_blocker
):
    """Random rows, valid or strange; the query for each status must find those rows and no others."""
    with transaction.atomic():
        rows = []
        for number, fact in enumerate(facts):
            participant = musc.screened()
            if fact["left"] is not None:
                type(participant).objects.filter(pk=participant.pk).update(
                    screened_on=date(2000, 1, 1),
                    withdrawn_on=TODAY + timedelta(days=fact["left"]),
                    withdrawn_at=NOW,
                    withdrawn_by=coordinator,
                    withdrawn_reason="death",
                )
            rows.append(_visit(participant, number, fact, coordinator))
        Visit.objects.bulk_create(rows)
        today = {"MUSC": TODAY + timedelta(days=shift), "EMORY": TODAY}
        by_row = {code: set() for code in status.NAMES}
        for visit in Visit.objects.select_related("participant"):
            by_row[visit.status(today["MUSC"]).code].add(visit.pk)
            assert visit.why(today["MUSC"])
        assert found(today) == by_row
        assert found(dict.fromkeys(today, today["MUSC"])) == by_row
        transaction.set_rollback(True)  # the next example starts without these


def _visit(participant, number, fact, by):
    acts = {}
    if fact["attended"] is not None:
        acts = {"attended_on": TODAY + timedelta(days=fact["attended"]), "attended_at": NOW, "attended_by": by}
    elif fact["missed"]:
        acts = {"missed_at": NOW, "missed_by": by, "missed_reason": "Illness"}
    if fact["opens"] is not None:
        opens = TODAY + timedelta(days=fact["opens"])
        before, after = fact["length"]
        target = opens + timedelta(days=before)
        acts |= {"opens_on": opens, "target_on": target, "closes_on": target + timedelta(days=after)}
    if fact["dropped"] and fact["attended"] is None and not fact["missed"]:
        acts["dropped_in"] = "2.0"
    return Visit(participant=participant, site_id="MUSC", code=f"V{number}", order=number, **acts)


def test_visits_of_several_statuses_are_those_of_each(week_2):
    today = {"MUSC": TODAY, "EMORY": TODAY}
    both = set(Visit.objects.among(["overdue", "soon"], today).values_list("pk", flat=True))
    assert both == found(today)["overdue"] | found(today)["soon"]
    assert week_2.pk in both


def test_a_status_turns_at_each_site_s_own_day(musc, emory):
    """The same windows, and a day on which it is tomorrow at one site already."""
    for cast in (musc, emory):
        cast.infused(DAY0)
    by_site = {"MUSC": date(2025, 6, 17), "EMORY": date(2025, 6, 18)}
    late = Visit.objects.among(["late"], by_site).filter(code="W2")
    overdue = Visit.objects.among(["overdue"], by_site).filter(code="W2")
    assert ([visit.site_id for visit in late], [visit.site_id for visit in overdue]) == (["MUSC"], ["EMORY"])


@pytest.mark.parametrize("code", status.NAMES)
def test_every_status_has_a_symbol_and_words(code):
    assert status.SYMBOLS[code]
    assert status.NAMES[code]


def test_overdue_starts_at_midnight_of_the_site_not_of_utc(week_2):
    """At 21:00 in New York the UTC date is tomorrow already; at the site the window is still open."""
    evening = datetime(2025, 6, 18, 1, 0, tzinfo=UTC)  # 17 June, 21:00 in New York
    assert week_2.status(week_2.site.today(evening)).code == "late"
    midnight = datetime(2025, 6, 18, 4, 0, tzinfo=UTC)
    assert week_2.status(week_2.site.today(midnight)).code == "overdue"
    assert Site.todays(evening) == {"MUSC": date(2025, 6, 17), "EMORY": date(2025, 6, 17)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (datetime(2025, 3, 9, 4, 59, tzinfo=UTC), datetime(2025, 3, 9, 5, 0, tzinfo=UTC)),  # EST, the night of change
        (datetime(2025, 3, 10, 3, 59, tzinfo=UTC), datetime(2025, 3, 10, 4, 0, tzinfo=UTC)),  # EDT from now on
        (datetime(2025, 11, 2, 3, 59, tzinfo=UTC), datetime(2025, 11, 2, 4, 0, tzinfo=UTC)),
        (datetime(2025, 11, 3, 4, 59, tzinfo=UTC), datetime(2025, 11, 3, 5, 0, tzinfo=UTC)),
    ],
)
def test_the_site_s_day_turns_at_its_midnight_through_both_clock_changes(trial, before, after):
    site = Site(code="MUSC")
    assert site.today(after) - site.today(before) == timedelta(days=1)


def test_one_definition_of_overdue_for_rows_query_and_expectation(musc, emory, coordinator):
    for cast in (musc, emory):
        cast.infused(DAY0)
    by_row = {
        visit.pk for visit in Visit.objects.select_related("participant") if visit.status(TODAY).code == "overdue"
    }
    by_query = set(Visit.objects.overdue(TODAY).values_list("pk", flat=True))
    by_filter = found({"MUSC": TODAY, "EMORY": TODAY})["overdue"]
    assert by_row == by_query == by_filter
    assert len(by_row) == 4
