from datetime import timedelta

import pytest

from adverse_events.reporting import report
from conftest import NOW, TODAY
from participants.monitoring import records
from studytracker.dates import PartialDate


@pytest.fixture
def participant(musc, frozen):
    return musc.infused(TODAY - timedelta(days=18))


@pytest.fixture
def event(participant, coordinator):
    facts = {"term": "Rash", "started": PartialDate(2025, 6), "grade": 2}
    return report(participant=participant, by=coordinator, at=NOW, **facts)


@pytest.fixture
def about(event, monitor):
    """The event as a record, read anew at each call."""
    return lambda: records.reach(monitor, event._meta.db_table, event.pk)
