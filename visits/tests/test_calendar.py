"""The month and the feeds. What a feed says is read back by two parsers that know nothing of each other."""

from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import vobject
from dateutil.tz import tzical
from django.db import IntegrityError, transaction
from icalendar import Calendar

from conftest import NOW, TODAY, staged
from participants.infusion import correct_day0
from participants.screening import withdraw
from visits import feeds
from visits.attendance import attend
from visits.bookings import book, cancel
from visits.models import CalendarFeed, Visit
from visits.timezones import timezone

DAY0 = date(2025, 5, 31)  # week 2: 11 to 17 June, overdue on the 18th


@staged
def participant(musc):
    return musc.infused(DAY0)


def read(calendar):
    """{uid: (summary, start, end, status, sequence)}, as both parsers read it; instants in UTC."""
    text = calendar.to_ical()
    first, second = {}, {}
    for event in Calendar.from_ical(text).events:
        span = (in_utc(event.start), in_utc(event.end))
        first[str(event["uid"])] = (str(event["summary"]), *span, str(event["status"]), int(event["sequence"]))
    for event in getattr(vobject.readOne(text.decode()), "vevent_list", []):
        start = event.dtstart.value
        span = (in_utc(start), in_utc(event.dtend.value if hasattr(event, "dtend") else start + event.duration.value))
        second[event.uid.value] = (event.summary.value, *span, event.status.value, int(event.sequence.value))
    assert first == second
    return first


def in_utc(value):
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def event_of(visit, calendar, kind="window"):
    return read(calendar)[f"{kind}-{visit.pk}@localhost"]


def test_a_window_is_an_all_day_event_whose_end_is_the_day_after_its_last(participant, coordinator):
    week_4 = participant.visits.get(code="W4")
    found = event_of(week_4, feeds.windows(coordinator, NOW))
    assert found[:4] == ("MUSC-001 W4 window", date(2025, 6, 25), date(2025, 7, 2), "CONFIRMED")


def test_an_overdue_visit_says_so(participant, coordinator):
    assert event_of(participant.visits.get(code="W2"), feeds.windows(coordinator, NOW))[0] == "MUSC-001 W2 overdue"


def test_an_appointment_is_at_the_time_of_the_site_on_both_sides_of_the_clock_change(participant, coordinator):
    """Read in UTC: 09:30 in New York is 13:30 in October and 14:30 in November."""
    expected = {"W20": datetime(2025, 10, 20, 13, 30, tzinfo=UTC), "W24": datetime(2025, 11, 14, 14, 30, tzinfo=UTC)}
    for code, on in (("W20", date(2025, 10, 20)), ("W24", date(2025, 11, 14))):
        book(visit=participant.visits.get(code=code), on=on, start_time=time(9, 30), by=coordinator, at=NOW)
    text = feeds.appointments(coordinator, NOW).to_ical()
    assert text.count(b"BEGIN:VTIMEZONE") == 1
    assert b"TZID:America/New_York" in text
    assert b"DTSTART;TZID=America/New_York:20251114T093000" in text
    for code, instant in expected.items():
        visit = participant.visits.get(code=code)
        summary, start, end, *_ = event_of(visit, feeds.appointments(coordinator, NOW), "appointment")
        assert (summary, start, end) == (f"MUSC-001 {code} visit", instant, instant + timedelta(hours=1))


def test_every_change_raises_the_sequence_and_keeps_the_uid(participant, coordinator):
    visit = participant.visits.get(code="W4")
    seen = []

    def look():
        seen.append(event_of(visit, feeds.appointments(coordinator, NOW), "appointment"))

    book(visit=visit, on=date(2025, 6, 26), start_time=time(9, 30), by=coordinator, at=NOW)
    look()
    look()
    book(visit=visit, on=date(2025, 6, 27), start_time=time(14), by=coordinator, at=NOW + timedelta(hours=1))
    look()
    cancel(visit=visit, reason="Ill", by=coordinator, at=NOW + timedelta(hours=2))
    look()
    book(visit=visit, on=date(2025, 6, 30), start_time=time(14), by=coordinator, at=NOW + timedelta(hours=3))
    look()
    assert [(event[1].day, event[3]) for event in seen] == [
        (26, "CONFIRMED"), (26, "CONFIRMED"), (27, "CONFIRMED"), (27, "CANCELLED"), (30, "CONFIRMED"),
    ]  # fmt: skip
    sequences = [event[4] for event in seen]
    assert sequences[0] == sequences[1] < sequences[2] < sequences[3] < sequences[4]


def test_a_window_that_moves_is_logged_or_does_not_apply_changes_its_event(participant, coordinator):
    week_1, week_4 = (participant.visits.get(code=code) for code in ("W1", "W4"))
    first = event_of(week_4, feeds.windows(coordinator, NOW))
    facts = {"infused_on": date(2025, 5, 30), "start_time": time(10), "reason": "Misread", "by": coordinator}
    correct_day0(participant=participant, at=NOW, **facts)
    moved = event_of(week_4, feeds.windows(coordinator, NOW))
    assert (moved[1], moved[4] > first[4]) == (date(2025, 6, 24), True)
    late = {"out_of_window_reason": "Travel or transport", "late_entry_reason": "Letter"}
    attend(visit=week_1, attended_on=TODAY, by=coordinator, at=NOW, **late)
    assert event_of(week_1, feeds.windows(coordinator, NOW))[3] == "CANCELLED"
    withdraw(participant=participant, withdrawn_on=TODAY, reason="pregnancy", note="", by=coordinator, at=NOW)
    gone = event_of(week_4, feeds.windows(coordinator, NOW))
    assert (gone[3], gone[4] > moved[4]) == ("CANCELLED", True)


def test_a_feed_names_nobody_and_tells_nothing_but_identifier_and_visit(participant, coordinator):
    visit = participant.visits.get(code="W4")
    book(visit=visit, on=date(2025, 6, 26), start_time=time(9, 30), by=coordinator, at=NOW)
    cancel(visit=visit, reason="Flare of lupus", by=coordinator, at=NOW)
    text = (feeds.windows(coordinator, NOW).to_ical() + feeds.appointments(coordinator, NOW).to_ical()).decode()
    assert [word for word in ("lupus", "SLE", "crc.musc", "Kamen") if word in text] == []
    names = {line.split(":")[0].split(";")[0] for line in text.splitlines() if line[:1] != " "}
    assert names & {"DESCRIPTION", "LOCATION", "ATTENDEE", "ORGANIZER", "URL", "COMMENT"} == set()


def test_a_feed_holds_the_person_s_own_sites(participant, emory, emory_coordinator):
    emory.infused(DAY0)
    assert {event[0].split()[0] for event in read(feeds.windows(emory_coordinator, NOW)).values()} == {"EMO-001"}


def fetch(client, token, kind="windows"):
    return client.get(f"/calendar/{token}/{kind}.ics")


@staged
def token(participant, coordinator):
    return feeds.make(user=coordinator, at=NOW)


def test_a_calendar_program_reads_the_feed_without_signing_in(token, client, frozen):
    answer = fetch(client, token)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert len(Calendar.from_ical(answer.content).events) == 10
    assert fetch(client, token, "appointments").status_code == 200
    assert CalendarFeed.objects.get().fetched_at == NOW


def test_only_the_hash_of_the_token_is_stored(token):
    stored = str(list(CalendarFeed.objects.values()))
    assert (token in stored, feeds.hashed(token) in stored) == (False, True)


def test_a_wrong_a_revoked_and_a_replaced_token_are_the_same_missing_page(token, client, coordinator, frozen):
    wrong = fetch(client, "x" * 43)
    feeds.make(user=coordinator, at=NOW)
    replaced = fetch(client, token)
    newest = feeds.make(user=coordinator, at=NOW)
    feeds.revoke(user=coordinator, at=NOW)
    revoked = fetch(client, newest)
    assert [answer.status_code for answer in (wrong, replaced, revoked)] == [404, 404, 404]
    assert wrong.content == replaced.content == revoked.content


def test_a_person_who_lost_the_role_sees_an_empty_calendar_and_one_who_left_none(token, client, coordinator, frozen):
    coordinator.memberships.update(ended_at=NOW)
    assert Calendar.from_ical(fetch(client, token).content).events == []
    type(coordinator).objects.filter(pk=coordinator.pk).update(is_active=False)
    assert fetch(client, token).status_code == 404


def test_fetching_is_noted_no_more_than_once_an_hour(token, client, frozen):
    for minutes, noted in ((0, NOW), (59, NOW), (60, NOW + timedelta(minutes=60))):
        frozen.move_to(NOW + timedelta(minutes=minutes), tick=False)
        fetch(client, token)
        assert CalendarFeed.objects.get().fetched_at == noted


def test_the_database_keeps_one_address_in_force(token, coordinator):
    with pytest.raises(IntegrityError), transaction.atomic():
        CalendarFeed.objects.create(user=coordinator, token_sha256="0" * 64, made_at=NOW)


def test_the_address_is_shown_once(participant, browse, coordinator, client, frozen):
    crc = browse(coordinator)
    page = crc.post("/calendar/address/").content.decode()
    address = page.split('value="http://testserver')[1].split('"')[0]
    assert address.endswith("/appointments.ics")
    assert client.get(address).status_code == 200
    assert address.split("/")[2] not in crc.get("/calendar/").content.decode()
    assert "The calendar address is revoked" in crc.post("/calendar/address/revoke/", follow=True).content.decode()
    assert "There is no calendar address to revoke." in (
        crc.post("/calendar/address/revoke/", follow=True).content.decode()
    )
    assert client.get(address).status_code == 404


def test_the_month_shows_windows_appointments_and_holidays(participant, browse, coordinator, frozen):
    visit = participant.visits.get(code="W4")
    book(visit=visit, on=date(2025, 6, 26), start_time=time(9, 30), by=coordinator, at=NOW)
    page = " ".join(browse(coordinator).get("/calendar/").content.decode().split())
    assert "Calendar: June 2025" in page
    assert "<strong>09:30</strong>" in page
    assert "Juneteenth National Independence Day" in page
    assert page.count("window closes") == 3  # weeks 1 and 2, and week 4 on 1 July, in the week that ends the month
    assert "today" in page


@pytest.mark.parametrize("month", ["2025-13", "0000-01", "9999-12", "June", "2025-06-01", "\0"])
def test_a_month_that_cannot_be_read_is_the_month_of_today(participant, browse, coordinator, frozen, month):
    assert "Calendar: June 2025" in browse(coordinator).get("/calendar/", {"month": month}).content.decode()


def test_late_in_the_evening_in_new_york_it_is_still_the_same_month(participant, browse, coordinator, frozen):
    frozen.move_to(datetime(2025, 7, 1, 1, 0, tzinfo=UTC), tick=False)  # 21:00 on 30 June at the site
    assert "Calendar: June 2025" in browse(coordinator).get("/calendar/").content.decode()


def test_a_feed_and_the_month_take_as_many_queries_for_many_as_for_one(
    musc, browse, coordinator, frozen, django_assert_max_num_queries
):
    for weeks in range(1, 5):
        for visit in musc.infused(TODAY - timedelta(weeks=weeks)).visits.filter(code__in=["W8", "W12"]):
            book(visit=visit, on=visit.target_on, start_time=time(9), by=coordinator, at=NOW)
    client = browse(coordinator)
    with django_assert_max_num_queries(8):
        client.get("/calendar/")
    coordinator.grants  # noqa: B018
    with django_assert_max_num_queries(3):
        feeds.windows(coordinator, NOW)
    with django_assert_max_num_queries(3):
        feeds.appointments(coordinator, NOW)
    assert Visit.objects.count() == 48


@pytest.mark.parametrize("name", ["America/New_York", "Europe/London", "Australia/Sydney", "America/Phoenix"])
def test_a_zone_read_back_by_another_program_shows_the_same_time_at_every_hour_round_each_change(name):
    zone = ZoneInfo(name)
    calendar = f"BEGIN:VCALENDAR\r\n{timezone(zone, 2024).to_ical().decode()}END:VCALENDAR\r\n"
    theirs = tzical(StringIO(calendar)).get(name)
    for wall in (
        datetime(year, month, day, hour, 30)
        for year in range(2025, 2034)
        for month, days in ((1, 1), (3, 31), (4, 10), (7, 1), (10, 31), (11, 10))
        for day in range(1, days + 1)
        for hour in range(5)
    ):
        ours = wall.replace(tzinfo=zone)
        if ours.utcoffset() == ours.replace(fold=1).utcoffset():  # shown once
            assert wall.replace(tzinfo=theirs).utcoffset() == ours.utcoffset()
