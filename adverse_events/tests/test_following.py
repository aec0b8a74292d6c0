from datetime import date

import pytest

from adverse_events.consistency import EventRefused
from adverse_events.following import age_words, due_words, follow_up, open_events
from adverse_events.reporting import report
from conftest import NOW, TODAY, staged
from participants.screening import withdraw
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)


@staged
def log(musc, coordinator):
    participant = musc.infused(DAY0)

    def make(term, started, **facts):
        return report(participant=participant, term=term, started=started, by=coordinator, at=NOW, **facts)

    return make


def test_open_events_come_in_the_order_they_are_due(log, coordinator):
    old, late, soon = log("Old", PartialDate(2025, 6)), log("Late", PartialDate(2025, 6, 9)), log("Soon", DAY)
    log("Over", DAY, is_ongoing=False)
    for event, due in ((late, date(2025, 6, 16)), (soon, date(2025, 6, 20))):
        follow_up(event=event, followed_on=date(2025, 6, 12), note="No change", next_on=due, by=coordinator, at=NOW)
    rows = {event.term: (age_words(event, TODAY), due_words(event, TODAY)) for event in open_events(coordinator)}
    assert rows == {
        "Late": ("9 d", "Overdue 2 d"),
        "Soon": ("8 d", "Due Fri 20 Jun 2025"),
        "Old": ("0 to 17 d", "Not planned"),
    }
    assert old.follow_ups.count() == 0


DAY = PartialDate(2025, 6, 10)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"followed_on": date(2025, 6, 19)}, "Thu 19 Jun 2025 is in the future: today is Wed 18 Jun 2025."),
        ({"followed_on": date(2025, 6, 9)}, "Mon 9 Jun 2025 is before the onset 10-JUN-2025."),
        ({"followed_on": TODAY, "next_on": TODAY}, "The next follow-up comes after this one."),
    ],
)
def test_a_follow_up_that_cannot_be_is_refused(log, coordinator, facts, sentence):
    with pytest.raises(EventRefused) as refusal:
        follow_up(event=log("Rash", DAY), note="x", by=coordinator, at=NOW, **facts)
    assert refusal.value.sentences == [sentence]


def test_what_was_unresolved_at_the_withdrawal_is_told(log, browse, coordinator, frozen):
    event = log("Rash", DAY)
    facts = {"withdrawn_on": TODAY, "reason": "withdrawal_by_subject", "note": "", "by": coordinator, "at": NOW}
    withdraw(participant=event.participant, **facts)
    client = browse(coordinator)
    page = client.get("/adverse-events/follow-up/?left=yes").content.decode()
    assert "Withdrawn: unresolved when the participant left" in page
    typed = {"followed_on_day": "18", "followed_on_month": "6", "followed_on_year": "2025", "note": "Phoned: better"}
    assert client.post("/adverse-events/MUSC-001/1/follow-up/", typed).status_code == 302
    assert "Phoned: better Nothing further planned." in client.get("/adverse-events/MUSC-001/1/").content.decode()
