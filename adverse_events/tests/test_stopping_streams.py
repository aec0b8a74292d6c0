"""Random histories, one change a day: the day-by-day replay trips on the day on which the hold was opened.

STREAMS=200 in the environment for the full size (scripts/proof_stopping.py).
"""

import os
import random
from datetime import UTC, date, datetime, time, timedelta

import pytest

from adverse_events import rule_board, rules, voiding
from adverse_events.assessing import assess, regrade
from adverse_events.models import Trip
from adverse_events.reporting import report
from adverse_events.tests.test_stopping import SHIPPED
from conftest import NOW
from studytracker import protocol
from studytracker.dates import PartialDate
from studytracker.refusal import Refused

DAY0 = date(2025, 4, 20)
FIRST, CHANGES = date(2025, 4, 22), 25
CAUSALITIES = ("", "possible", "unlikely", "unrelated")
ZONE = protocol.current().site("MUSC").zone
STREAMS = int(os.environ.get("STREAMS", "2"))
FROM = 2  # of the first two, one history does not trip the rule and one does
TRIPS = {2: False, 3: True}


class Stream:
    """What happens at both sites, drawn from one seed."""

    def __init__(self, seed, casts):
        self.random = random.Random(seed)
        self.people = [(cast, cast.infused(DAY0)) for cast in casts for _ in range(2)]
        self.events = []

    def play(self):
        for number in range(CHANGES):
            on = FIRST + timedelta(days=number)
            at = datetime.combine(on, time(16), tzinfo=UTC)
            act = self.random.choice([self.report, self.report, self.judge, self.worsen, self.void])
            if self.events or act == self.report:
                try:
                    act(on, at)
                except Refused:
                    continue  # what contradicts itself is refused, and changes nothing

    def report(self, on, at):
        cast, participant = self.random.choice(self.people)
        onset = max(on - timedelta(days=self.random.randrange(12)), DAY0 - timedelta(days=8))
        started = self.random.choice([PartialDate.of(onset), PartialDate(onset.year, onset.month)])
        facts = {"grade": self.random.choice([None, 2, 3, 3, 4]), "causality": self.random.choice(CAUSALITIES)}
        made = report(participant=participant, term="Event", started=started, **facts, by=cast.coordinator, at=at)
        self.events.append((cast, made))

    def judge(self, on, at):
        cast, event = self.random.choice(self.events)
        facts = {"causality": self.random.choice(CAUSALITIES), "grade": self.random.choice([1, 2, 3, 4])}
        assess(event=event, **facts, reason="Second look", by=cast.investigator, at=at)

    def worsen(self, on, at):
        cast, event = self.random.choice(self.events)
        since = PartialDate.of(on - timedelta(days=self.random.randrange(10)))
        regrade(event=event, grade=self.random.choice([2, 3, 4]), since=since, by=cast.coordinator, at=at)

    def void(self, on, at):
        cast, event = self.random.choice(self.events)
        voiding.void(event=event, reason="Another participant", by=cast.coordinator, at=at)


@pytest.mark.parametrize("seed", range(FROM, FROM + STREAMS))
def test_a_random_history_replays_to_the_day_it_tripped(seed, musc, emory, chair):
    rules.switch(rule_id="S1", is_on=True, reason="Agreed", by=chair, at=NOW - timedelta(days=90))
    stream = Stream(seed, (musc, emory))
    stream.play()
    trip = Trip.objects.order_by("tripped_at", "pk").first()
    assert TRIPS.get(seed, bool(trip)) == bool(trip)
    replayed = rule_board.first_day(SHIPPED, rules.Record.load(), NOW)
    assert replayed == (trip.tripped_at.astimezone(ZONE).date() if trip else None)
