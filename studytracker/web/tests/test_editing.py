"""Two people at one form: the second gets a 409 with theirs, yours and what it was, and loses nothing typed."""

import re
from datetime import date

import pytest

from adverse_events.models import AdverseEvent
from adverse_events.reporting import complete, report
from conftest import NOW, staged
from studytracker.dates import PartialDate
from visits.attendance import attend
from visits.bookings import book
from visits.deviations import complete as complete_deviation
from visits.deviations import report as report_deviation
from visits.models import Booking, Deviation, Visit

DAY0 = date(2025, 5, 31)


def hidden(page):
    return dict(re.findall(r'<input type="hidden" name="(opened_version|instead_of)" value="(\d+)"', page))


@staged
def deviation(musc, coordinator, frozen):
    facts = {"category": "privacy", "happened_on": DAY0, "description": "Fax to a wrong number"}
    return report_deviation(participant=musc.infused(DAY0), **facts, by=coordinator, at=NOW)


def test_the_second_of_two_sees_theirs_yours_and_what_it_was_and_may_apply_it_again(
    deviation, browse, coordinator, investigator
):
    complete_deviation(deviation=deviation, impact="None", action="Called", by=coordinator, at=NOW)
    address = "/deviations/MUSC-001/1/complete/"
    mine, theirs = browse(coordinator), browse(investigator)
    opened = hidden(mine.get(address).content.decode())
    theirs_form = {"impact": "None", "action": "Called twice", "reason": "Second call"} | opened
    assert theirs.post(address, theirs_form).status_code == 302
    typed = {"impact": "Address seen", "action": "Called", "reason": "Told by the ward"} | opened
    response = mine.post(address, typed)
    page = response.content.decode()
    assert response.status_code == 409
    assert "Corrective action</th><td>Called</td><td>Called twice</td><td>Called</td>" in page
    assert "pi.musc (Investigator)" in page and "Second call" in page
    assert "Address seen</textarea>" in page and "Told by the ward" in page
    assert "Called twice</textarea>" in page  # mine was not touched, so saving again keeps theirs
    stored = Deviation.objects.get()
    assert (stored.impact, stored.action) == ("None", "Called twice")

    assert hidden(page) != opened
    again = {"impact": "Address seen", "action": "Called twice", "reason": "Told by the ward"} | hidden(page)
    assert mine.post(address, again).status_code == 302
    stored = Deviation.objects.get()
    assert (stored.impact, stored.action, stored.version) == ("Address seen", "Called twice", 4)


def test_completing_an_event_anew_needs_a_reason_on_the_server(deviation, browse, coordinator):
    complete_deviation(deviation=deviation, impact="None", action="Called", by=coordinator, at=NOW)
    client, address = browse(coordinator), "/deviations/MUSC-001/1/complete/"
    for reason in ("", "     ", "abc"):
        response = client.post(address, {"impact": "Another", "action": "Called", "reason": reason})
        assert response.status_code == 422
        assert "Say why it is changed" in response.content.decode()
    assert Deviation.objects.get().impact == "None"


def test_a_visit_logged_meanwhile_is_shown_beside_what_was_typed(musc, browse, coordinator, investigator, frozen):
    musc.infused(DAY0)
    address = "/visits/MUSC-001/W2/log/"
    client = browse(coordinator)
    opened = hidden(client.get(address).content.decode())
    attend(
        visit=Visit.objects.get(code="W2"), attended_on=date(2025, 6, 16), visit_type="phone", by=investigator, at=NOW
    )
    day = {"attended_on_day": "17", "attended_on_month": "6", "attended_on_year": "2025"}
    typed = day | {"visit_type": "clinic", "rest_reason": "Not indicated for this participant", "note": "seen"}
    response = client.post(address, typed | opened)
    page = response.content.decode()
    assert response.status_code == 409
    assert "Attended on</th><td>–</td><td>Mon 16 Jun 2025</td><td>Tue 17 Jun 2025</td>" in page
    assert "seen</textarea>" in page
    assert Visit.objects.get(code="W2").attended_on == date(2025, 6, 16)


def test_an_event_completed_meanwhile_is_not_completed_over(musc, browse, coordinator, investigator, frozen):
    event = report(participant=musc.infused(DAY0), term="Rash", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    client, address = browse(coordinator), "/adverse-events/MUSC-001/1/complete/"
    opened = hidden(client.get(address).content.decode())
    complete(event=event, causality="possible", by=investigator, at=NOW)
    response = client.post(address, {"outcome": "recovering", "causality": "unrelated"} | opened)
    assert response.status_code == 409
    assert (AdverseEvent.objects.get().causality, AdverseEvent.objects.get().outcome) == ("possible", "")


@pytest.mark.parametrize("booked_before", [False, True])
def test_an_appointment_made_meanwhile_is_not_moved_unseen(musc, browse, coordinator, frozen, booked_before):
    from datetime import time

    musc.infused(DAY0)
    visit = Visit.objects.get(code="W4")
    if booked_before:
        book(visit=visit, on=date(2025, 6, 27), start_time=time(8), by=coordinator, at=NOW)
    client, address = browse(coordinator), "/visits/MUSC-001/W4/book/"
    opened = hidden(client.get(address).content.decode())
    book(visit=visit, on=date(2025, 6, 27), start_time=time(9), by=coordinator, at=NOW)
    typed = {"on_day": "27", "on_month": "6", "on_year": "2025", "start_time": "10:00"}
    response = client.post(address, typed | opened)
    page = response.content.decode()
    assert response.status_code == 409
    assert "<td>Fri 27 Jun 2025 09:00</td>" in page and 'value="10:00"' in page
    assert Booking.objects.in_force().get().starts_at.hour == 13
    assert client.post(address, typed | hidden(page)).status_code == 302
    assert Booking.objects.in_force().get().starts_at.hour == 14
