from datetime import timedelta

from adverse_events.reporting import report
from conftest import NOW, TODAY, staged
from participants.monitoring import records
from studytracker.dates import PartialDate


@staged
def participant(musc, frozen):
    return musc.infused(TODAY - timedelta(days=18))


@staged
def event(participant, coordinator):
    facts = {"term": "Rash", "started": PartialDate(2025, 6), "grade": 2}
    return report(participant=participant, by=coordinator, at=NOW, **facts)


@staged
def about(event, monitor):
    """The event as a record, read anew at each call."""
    return lambda: records.reach(monitor, event._meta.db_table, event.pk)
