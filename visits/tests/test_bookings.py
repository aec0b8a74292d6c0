from datetime import UTC, date, datetime, time

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, staged
from participants.screening import withdraw
from visits.attendance import attend, miss
from visits.bookings import BookingRefused, book, booked_for, cancel, day_to_log
from visits.models import Booking, Visit

DAY0 = date(2025, 5, 31)
LATER = datetime(2025, 6, 27, 15, tzinfo=UTC)  # Friday


@staged
def week_4(musc):
    """Window 25 June to 1 July."""
    return musc.infused(DAY0).visits.get(code="W4")


@staged
def booked(week_4, coordinator):
    def make(on=date(2025, 6, 26), start_time=time(9, 30), at=NOW):
        return book(visit=week_4, on=on, start_time=start_time, by=coordinator, at=at)

    return make


def test_a_booking_is_an_instant_at_the_site_and_one_is_in_force(week_4, booked, coordinator):
    first = booked()
    assert first.starts_at == datetime(2025, 6, 26, 13, 30, tzinfo=UTC)
    second = booked(date(2025, 6, 27))
    first.refresh_from_db()
    assert (first.cancelled_at, first.cancelled_by) == (NOW, coordinator)
    assert first.cancelled_reason == "Moved to Fri 27 Jun 2025 09:30"
    assert booked_for(week_4) == second.starts_at
    assert Visit.objects.with_booking().get(code="W4").booked_for == second.starts_at


def test_a_cancelled_booking_leaves_none_in_force(week_4, booked, coordinator):
    booked()
    cancel(visit=week_4, reason="Participant asked", by=coordinator, at=NOW)
    assert booked_for(week_4) is None
    with pytest.raises(BookingRefused, match="MUSC-001 W4 has no appointment. Nothing was changed."):
        cancel(visit=week_4, reason="again", by=coordinator, at=NOW)


@pytest.mark.parametrize(
    ("on", "start", "field", "sentence"),
    [
        (date(2025, 6, 18), time(11, 0), "on", "Wed 18 Jun 2025 11:00 is past. Book a time to come"),
        (date(2026, 3, 8), time(2, 30), "start_time", "02:30 on Sun 8 Mar 2026 does not exist in America/New_York"),
    ],
)
def test_a_time_that_is_past_or_never_comes_is_refused(booked, on, start, field, sentence):
    with pytest.raises(BookingRefused) as refusal:
        booked(on, start)
    assert refusal.value.field == field
    assert refusal.value.sentences[0].startswith(sentence)


def test_nothing_is_booked_for_what_is_over(week_4, booked, coordinator):
    miss(visit=week_4, reason="Illness", by=coordinator, at=LATER)
    with pytest.raises(BookingRefused, match="MUSC-001 W4 is marked missed already."):
        booked(date(2025, 6, 30), at=LATER)


def test_nothing_is_booked_for_who_has_left(week_4, booked, coordinator):
    facts = {
        "withdrawn_on": date(2025, 6, 17),
        "reason": "death",
        "note": "",
        "by": coordinator,
        "at": NOW,
    }
    withdraw(participant=week_4.participant, **facts)
    with pytest.raises(BookingRefused, match="MUSC-001 is closed: withdrawn."):
        booked()


def test_the_log_starts_with_the_day_booked_once_it_has_come(week_4, booked):
    booked()
    days = [day_to_log(week_4, day) for day in (date(2025, 6, 25), date(2025, 6, 26), date(2025, 6, 27))]
    assert days == [date(2025, 6, 25), date(2025, 6, 26), date(2025, 6, 26)]


def group_of(client, identifier="MUSC-001", text="W4"):
    groups = client.get("/").context["groups"]
    return [(group, item.detail) for group, items, *_ in groups for item in items if item.text == text]


def test_a_booking_that_has_passed_waits_for_its_log_in_a_group(week_4, booked, browse, coordinator, time_machine):
    booked()
    client = browse(coordinator)
    time_machine.move_to(datetime(2025, 6, 26, 20, tzinfo=UTC), tick=False)
    window = "Window 25 Jun to 1 Jul, target 28 Jun. Booked Thu 26 Jun 2025 09:30"
    assert group_of(client) == [("Due now", window)]
    time_machine.move_to(LATER, tick=False)
    assert group_of(client) == [("Booked, not logged", f"{window}. Log it by Mon 30 Jun 2025")]
    time_machine.move_to(datetime(2025, 7, 2, 15, tzinfo=UTC), tick=False)
    assert group_of(client) == [("Overdue", window)]


def test_the_agenda_shows_appointments_and_last_days_of_windows(week_4, booked, browse, coordinator, frozen):
    booked()
    page = browse(coordinator).get("/").content.decode()
    agenda = page[page.index('id="agenda"') :]
    assert agenda.index("Thu 26 Jun 2025") < agenda.index("<strong>09:30</strong>") < agenda.index("window closes")
    assert agenda.count("window closes") == 1


def test_the_pages_book_move_and_cancel(week_4, browse, coordinator, frozen):
    client = browse(coordinator)
    typed = {"on_day": "26", "on_month": "6", "on_year": "2025", "start_time": "25:00"}
    refused = client.post("/visits/MUSC-001/W4/book/", typed)
    assert (refused.status_code, 'value="25:00"' in refused.content.decode()) == (422, True)
    assert client.post("/visits/MUSC-001/W4/book/", typed | {"start_time": "9:30"}).url == "/participants/MUSC-001/"
    assert "Booked Thu 26 Jun 09:30" in client.get("/participants/MUSC-001/").content.decode()
    client.post("/visits/MUSC-001/W4/book/cancel/", {"reason": "Participant asked"})
    assert Booking.objects.get().cancelled_reason == "Participant asked"


def test_a_logged_visit_has_left_the_agenda(week_4, booked, browse, coordinator, time_machine):
    booked()
    time_machine.move_to(datetime(2025, 6, 26, 14, tzinfo=UTC), tick=False)
    attend(visit=week_4, attended_on=date(2025, 6, 26), by=coordinator, at=datetime(2025, 6, 26, 14, tzinfo=UTC))
    assert "No appointment, and no window closes." in browse(coordinator).get("/").content.decode()


def test_the_database_refuses_two_bookings_in_force(week_4, booked, coordinator):
    booked()
    with pytest.raises(IntegrityError), transaction.atomic():
        Booking.objects.create(visit=week_4, starts_at=LATER, booked_at=NOW, booked_by=coordinator)
