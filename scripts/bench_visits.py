"""The first page of the listing of visits over 1,000,000 visits beside the same page over 1,000, and the home page.

    make bench ONLY=visits        (or: .venv/bin/python scripts/bench_visits.py [rows] [rounds])

Starts a PostgreSQL of its own, fills two databases with the same days relative to today, without random choice and
without the audit trail's triggers, and asks for the page in every order the listing offers, both ways, alone and with
every filter. A ratio of the fastest above 1.3, or more than 8 queries, fails; so do more than 15 on the home page of a
coordinator, whose time is told. The negative control is what this listing does not do: count, and an order without
an index.
"""

import sys

from side_by_side import (
    control,
    databases,
    fill_all,
    grid,
    measure,
    measure_again,
    orders,
    report,
    sizes_given,
    verdict,
)

SMALL = 1_000
MOST_ROUNDS = 25  # more, for the pages above the limit
PER_PARTICIPANT = 10
LIMIT, MOST_QUERIES, MOST_AT_HOME = 1.3, 8, 15
STATUSES = ["awaiting", "upcoming", "soon", "open", "late", "overdue", "done", "done-out", "missed", "na"]
FILTERS = {
    "none": ("chair", ""),
    "of one site's own": ("crc", ""),
    "site": ("chair", "site=EMORY"),
    "participant": ("chair", "identifier=MUSC-010"),
    "participant, absent": ("chair", "identifier=ZZ"),
    "visit": ("chair", "code=W4"),
    "visit, absent": ("chair", "code=U9"),
    **{name: ("chair", f"status={name}") for name in STATUSES},
    "overdue, one site": ("crc", "status=overdue"),
    "to do": ("chair", "status=overdue&status=late&status=open"),
}
HOME = {("home", name): (name, "/") for name in ("crc", "chair")}


def main(rows: int, rounds: int) -> int:
    with databases(fill, SMALL, rows) as sizes:
        from visits.models import Visit
        from visits.tables import VisitTable

        cases = grid("/visits/", FILTERS, orders(VisitTable))
        times, queries = measure(sizes, cases | HOME, rounds)
        measure_again(sizes, cases, times, LIMIT, MOST_ROUNDS)
        print(f"\n{len(FILTERS)} filters by {len(cases) // len(FILTERS)} orders, {rounds} rounds")
        fastest = report(times, queries)
        failed = verdict({case: fastest[case] for case in cases}, queries, LIMIT, MOST_QUERIES)
        control(
            sizes,
            {
                "count": lambda: Visit.objects.filter(attended_on__isnull=False).count(),
                "order": lambda: list(Visit.objects.order_by("attended_at", "pk")[:25]),
            },
        )
        return failed or int(queries["home", "crc"] > MOST_AT_HOME)


def fill(cursor, rows, by):
    from studytracker import protocol

    codes = [visit.code for visit in protocol.current().visits][2 : 2 + PER_PARTICIPANT]
    fill_all(cursor, contents(by, rows, codes))


def contents(by, rows, codes):
    """Half of the visits lie ahead. Of a hundred behind, one is overdue, one missed, two were attended late, the
    others on their target. One participant in a hundred left; one visit ahead in two hundred was dropped. Among few
    visits all of this is so much denser that a page is as full as among many.
    """
    from django.apps import apps

    people = rows // PER_PARTICIPANT
    dense = rows <= SMALL
    rare, span = (12, 80) if dense else (100, 800)
    leaves = f"n % {rare} = 3"
    screened = {"screened_on": "CURRENT_DATE - 600", "screened_at": "now()", "screened_by_id": str(by)}
    yield (
        apps.get_model("participants.Participant"),
        people,
        {
            **{
                "id": "n",
                "site_id": site_of("n"),
                "number": "n",
                "age": "40",
                "sex": "'F'",
                "protocol_version": "'1.0'",
            },
            "identifier": f"{site_of('n')} || '-' || lpad(n::text, greatest(3, length(n::text)), '0')",
            **screened,
            **when(leaves, withdrawn_on=f"CURRENT_DATE - {span // 8}", withdrawn_at="now()", withdrawn_by_id=str(by)),
            "withdrawn_reason": f"CASE WHEN {leaves} THEN 'death' ELSE '' END",
        },
    )
    yield (
        apps.get_model("participants.Infusion"),
        people,
        {
            **{"participant_id": "n", "infused_on": "CURRENT_DATE - 580", "started_at": "now()", "weight_kg": "72.4"},
            **{"planned_cells": "72400000", "volume_ml": "150", "lot": "'UC'", "recorded_at": "now()"},
            "recorded_by_id": str(by),
        },
    )
    person, turn = f"(1 + (n - 1) / {PER_PARTICIPANT})", f"(1 + (n - 1) % {PER_PARTICIPANT})"
    day = f"(CURRENT_DATE - {span // 2} + ({person} * 7919 + {turn} * 97) % {span})"
    mark = f"({person} + {turn}) % {rare}"
    past = f"{day} < CURRENT_DATE - 6"
    came, missed = f"{past} AND {mark} > 1", f"{past} AND {mark} = 1"
    late = f"CASE WHEN {mark} < 4 THEN 5 ELSE 0 END"
    yield (
        apps.get_model("visits.Visit"),
        rows,
        {
            **{"participant_id": person, "site_id": site_of(person), "order": turn},
            "code": f"(ARRAY{codes})[{turn}]",
            "dropped_in": f"CASE WHEN NOT {past} AND ({person} + {turn}) % {2 * rare} = 5 THEN '1.0' ELSE '' END",
            **{"target_on": day, "opens_on": f"{day} - 3", "closes_on": f"{day} + 3"},
            **when(came, attended_on=f"{day} + {late}", attended_at="now()", attended_by_id=str(by)),
            **when(missed, missed_at="now()", missed_by_id=str(by)),
            "missed_reason": f"CASE WHEN {missed} THEN 'Illness' ELSE '' END",
        },
    )


def site_of(number):
    return f"CASE WHEN {number} % 2 = 0 THEN 'MUSC' ELSE 'EMORY' END"


def when(condition, **facts):
    return {column: f"CASE WHEN {condition} THEN {fact} END" for column, fact in facts.items()}


if __name__ == "__main__":
    sys.exit(main(*sizes_given()))
