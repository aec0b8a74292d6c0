"""Two events at once, one at each site: together they trip the rule, and neither may miss the other."""

from datetime import timedelta

import pytest

from adverse_events import rules
from adverse_events.models import Clock, Trip, TripEvidence
from adverse_events.reporting import report
from adverse_events.tests.test_stopping import DAY0
from conftest import NOW
from participants.models import Hold
from participants.tests.test_enrollment_race import together
from studytracker.dates import PartialDate

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


def severe(participant, by):
    facts = {"term": "Thrombosis", "started": PartialDate.of(DAY0 + timedelta(days=5)), "grade": 3}
    serious = {"causality": "possible", "is_hospitalization": True, "aware_at": NOW - timedelta(days=2)}
    return report(participant=participant, **facts, **serious, by=by, at=NOW)


def test_events_at_the_same_moment_at_both_sites_open_one_hold(musc, emory, chair):
    rules.switch(rule_id="S1", is_on=True, reason="Agreed", by=chair, at=NOW - timedelta(days=60))
    at_musc, at_emory = musc.infused(DAY0), emory.infused(DAY0)
    for number in range(1, ROUNDS + 1):
        acts = [
            lambda: severe(at_musc, musc.coordinator),
            lambda: severe(at_emory, emory.coordinator),
        ]
        assert [str(made) for made in together(acts)] == [f"MUSC-001 AE {number}", f"EMO-001 AE {number}"]
    assert (Hold.objects.count(), Trip.objects.count()) == (1, 1)
    assert TripEvidence.objects.count() == 2 * ROUNDS
    # Each event's 24 hours were over when it was entered: one deviation each.
    assert Clock.objects.filter(rule_id="K1b", deviation__isnull=False).count() == 2 * ROUNDS
