"""What the safety review board costs beside its bare template over the same rows, in one run.

    .venv/bin/python scripts/bench_board.py [rounds]

A random trial with six participants infused, in a SQLite database of its own. In turn, each round asks for the page
through the whole application; for the same page whose rows are read by plain queries and handed to the same template,
with nothing worked out; and renders the template alone, without reading a row. The budget, below 2, is for the second.
"""

import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST = 2.0
PARTICIPANTS = 6
PAGES = {"every site": ("chair", "/safety-review/"), "one site, to be signed": ("pi", "/safety-review/MUSC/")}


def main(rounds: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VAR_DIR"] = folder
        os.environ.pop("DATABASE_URL", None)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studytracker.settings")
        import django

        django.setup()
        clients = prepare()
        ratios = [measure(name, clients[who], address, rounds) for name, (who, address) in PAGES.items()]
    return int(max(ratios) >= MOST)


def prepare():
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from studytracker.access.people import grant
    from studytracker.trust.acting import acting

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    call_command("adopt_protocol", verbosity=0)
    clients = {}
    with acting("bench", source="command"):
        for name, role, site in (("chair", "chair", None), ("pi", "investigator", "MUSC")):
            user = grant(username=name, role=role, site=site, email=f"{name}@example.org").user
            clients[name] = Client()
            clients[name].force_login(user)
        fill(user)
    return clients


def fill(by):
    """The first random trial with as many infused as the protocol enrolls."""
    from django.db import transaction

    from adverse_events.models import AdverseEvent
    from adverse_events.tests.random_trials import RandomTrial

    for seed in range(1000):
        with transaction.atomic():
            made = RandomTrial(seed, by)
            if len(made.infused) == PARTICIPANTS and AdverseEvent.objects.count() >= 10:
                print(f"Seed {seed}: {PARTICIPANTS} infused, {AdverseEvent.objects.count()} events")
                return
            transaction.set_rollback(True)
    raise SystemExit("No random trial has six infused.")


def measure(name, client, address, rounds) -> float:
    from adverse_events import review_views

    board, render, kept = review_views._board, review_views.render, {}

    def keep(*given, **named):
        kept["it"] = given
        return render(*given, **named)

    def bare(request, sites):
        """The rows by plain queries, and the context that was worked out before."""
        read(sites)
        return kept["it"][2]

    review_views.render = keep
    seconds = {"page": [], "bare page": [], "template": []}
    for _ in range(rounds + 1):
        seconds["page"].append(timed(lambda: client.get(address)))
        seconds["template"].append(timed(lambda: render(*kept["it"][:3])))
        review_views._board = bare
        seconds["bare page"].append(timed(lambda: client.get(address)))
        review_views._board = board
    review_views.render = render
    whole, plain, alone = (statistics.median(each[1:]) * 1000 for each in seconds.values())
    print(f"{datetime.now(UTC):%Y-%m-%d} {name}, median of {rounds} in turn: page {whole:.1f} ms", end="")
    print(f"; the same template over the same rows, {plain:.1f} ms, ratio {whole / plain:.2f}", end="")
    print(f"; the template without reading the rows, {alone:.1f} ms, ratio {whole / alone:.2f}")
    return whole / plain


def timed(act) -> float:
    started = time.perf_counter()
    answer = act()
    taken = time.perf_counter() - started
    assert answer.status_code == 200, answer.status_code
    return taken


def read(sites):
    from adverse_events.models import AdverseEvent, ReviewMark
    from participants.models import Medication, Participant, SledaiScore
    from studytracker.trust.models import Entry
    from visits.models import Visit

    events = list(AdverseEvent.objects.filter(site__in=sites).for_listing())
    list(Entry.objects.filter(table=AdverseEvent._meta.db_table, row_id__in=[str(event.pk) for event in events]))
    list(ReviewMark.objects.filter(event__in=events))
    people = list(Participant.objects.filter(site__in=sites).for_listing())
    for model in (Visit, Medication, SledaiScore):
        list(model.objects.filter(participant__in=people))


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or ["40"])[0])))
