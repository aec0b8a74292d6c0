"""The first page of the listing of adverse events over 1,000,000 events beside the same page over 1,000.

    make bench ONLY=events        (or: .venv/bin/python scripts/bench_events.py [rows] [rounds])

Starts a PostgreSQL of its own, fills two databases by seed, and asks for the page in every order the listing offers,
both ways, alone and with every filter. A ratio of the fastest above 1.5, or more than 8 queries, fails. The negative
control beside it is the page that this listing does not offer: a count of all rows and an order without an index.
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

SEED = 0.20250618
SMALL = 1_000
MOST_ROUNDS = 25  # more, for the pages above the limit
EVENTS_EACH = 10  # of a participant
LIMIT, MOST_QUERIES = 1.5, 8
FILTERS = {
    "none": ("chair", ""),
    "of one site's own": ("crc", ""),
    "participant": ("chair", "identifier=MUSC-007"),
    "site": ("chair", "site=EMORY"),
    "term, common": ("chair", "term=headache"),
    "term, rare": ("chair", "term=number+77"),
    "term, absent": ("chair", "term=zzqx"),
    "serious": ("chair", "is_serious=True"),
    "not serious": ("chair", "is_serious=False"),
    "grade at least 3": ("chair", "grade_from=3"),
    "grade 5": ("chair", "grade_from=5"),
    "relation, common": ("chair", "causality=possible"),
    "relation, rare": ("chair", "causality=definite"),
    "ended": ("chair", "is_ongoing=False"),
    "ongoing": ("chair", "is_ongoing=True"),
    "period": ("chair", "since_year=2024&since_month=3&since_day=1&until_year=2024&until_month=3&until_day=31"),
    "until": ("chair", "until_year=2016&until_month=1&until_day=31"),
}


def main(rows: int, rounds: int) -> int:
    with databases(fill, SMALL, rows) as sizes:
        from adverse_events.models import AdverseEvent
        from adverse_events.tables import AdverseEventTable

        cases = grid("/adverse-events/", FILTERS, orders(AdverseEventTable))
        times, queries = measure(sizes, cases, rounds)
        measure_again(sizes, cases, times, LIMIT, MOST_ROUNDS)
        print(f"\n{len(FILTERS)} filters by {len(cases) // len(FILTERS)} orders, {rounds} rounds, seed {SEED}")
        failed = verdict(report(times, queries), queries, LIMIT, MOST_QUERIES)
        control(
            sizes,
            {
                "count": lambda: AdverseEvent.objects.filter(grade__gte=1).count(),
                "order": lambda: list(AdverseEvent.objects.order_by("reported_at", "pk")[:25]),
            },
        )
        return failed


def fill(cursor, rows, by):
    cursor.execute("SELECT setseed(%s)", [SEED])
    fill_all(cursor, contents(by, rows))


def contents(by, rows):
    """(model, how many, {column: SQL}) in the order of the foreign keys; `n` counts from 1."""
    from django.apps import apps

    arm = "CASE WHEN n % 2 = 0 THEN 'EMORY' ELSE 'MUSC' END"
    day0 = "DATE '2015-01-01' + (n % 3500)"
    people = max(1, rows // EVENTS_EACH)
    yield (
        apps.get_model("participants.Participant"),
        people,
        {
            **{
                "id": "n",
                "site_id": arm,
                "number": "n",
                "age": "18 + n % 48",
                "sex": "'F'",
                "protocol_version": "'1.0'",
            },
            "identifier": f"{arm} || '-' || lpad(n::text, greatest(3, length(n::text)), '0')",
            **{"screened_on": f"{day0} - 14", "screened_at": f"{day0} - 14", "screened_by_id": str(by)},
        },
    )
    yield (
        apps.get_model("participants.Infusion"),
        people,
        {
            **{"participant_id": "n", "infused_on": day0, "started_at": f"{day0} + TIME '14:15'", "weight_kg": "72.4"},
            **{"planned_cells": "72400000", "volume_ml": "150", "lot": "'UC'", "recorded_at": "now()"},
            "recorded_by_id": str(by),
        },
    )
    dense = rows <= SMALL  # what is rare fills a page among few events too
    rare, rarer, rarest = ("30", "30", "30") if dense else ("40", "4001", "5003")
    number = "70 + n % 30" if dense else "n % 997"
    march = "n % 10 = 0" if dense else "false"
    day = "DATE '2015-01-15' + floor(random() * 3900)::int"
    onset = f"(CASE WHEN {march} THEN DATE '2024-03-01' + n % 28 ELSE {day} END)::text"
    term = "(ARRAY['Headache','Fatigue','Nausea','Rash','Fever','Cough','Anemia'])[1 + floor(random() ^ 2 * 7)::int]"
    grade = "(ARRAY[1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,3,3,4,NULL,NULL])[1 + floor(random() * 20)::int]"
    related = "(ARRAY['possible','unlikely','unrelated','unrelated','probable',''])[1 + floor(random() * 6)::int]"
    outcome = "(ARRAY['recovered','not_recovered','recovering',''])[1 + floor(random() * 4)::int]"
    yield (
        apps.get_model("adverse_events.AdverseEvent"),
        rows,
        {
            **{"participant_id": f"1 + (n - 1) / {EVENTS_EACH}", "number": f"1 + (n - 1) % {EVENTS_EACH}"},
            "site_id": f"CASE WHEN (1 + (n - 1) / {EVENTS_EACH}) % 2 = 0 THEN 'EMORY' ELSE 'MUSC' END",
            **{"protocol_version": "'1.0'", "ctcae_version": "'5.0'", "term": f"{term} || ' number ' || {number}"},
            "started": f"substr({onset}, 1, (ARRAY[10,10,10,10,10,10,10,10,7,4])[1 + floor(random() * 10)::int])",
            "grade": f"CASE WHEN n % {rarest} = 0 THEN 5 ELSE {grade} END",
            "causality": f"CASE WHEN n % {rarer} = 0 THEN 'definite' ELSE {related} END",
            **{"outcome": outcome, "is_ongoing": "n % 4 = 0", "is_hospitalization": f"n % {rare} = 0"},
            "ended": "CASE WHEN n % 4 = 0 THEN NULL ELSE '2026-01-' || lpad((1 + n % 28)::text, 2, '0') END",
            **{"reported_at": "now() - n * INTERVAL '1 minute'", "reported_by_id": str(by)},
        },
    )


if __name__ == "__main__":
    sys.exit(main(*sizes_given()))
