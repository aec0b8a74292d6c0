from datetime import date

import pytest

from conftest import NOW, TODAY, staged
from participants.screening import withdraw
from studytracker.protocol.models import Site
from visits.attendance import attend
from visits.models import Visit
from visits.strip import draw

DAY0 = date(2025, 5, 31)


@staged
def strip(musc):
    def make(**kept):
        today = Site.todays(NOW)
        return draw(Visit.objects.for_listing().filter(**kept), today)

    return make


def test_each_box_spans_its_window_on_the_days_from_the_infusion(musc, strip):
    musc.infused(DAY0)
    [line] = strip().lines
    words = [box.words for box in line.boxes]
    assert words[:4] == [
        "SCR, D-28 to D-1: Done 21 May",
        "D0, D0: Done 31 May",
        "W1, D5 to D9: Overdue 9 d",
        "W2, D11 to D17: Overdue 1 d",
    ]
    assert (line.identifier, line.today) == ("MUSC-001", "D18")
    week_1, week_2 = line.boxes[2:4]
    assert week_2.width / week_1.width == pytest.approx(7 / 5, rel=0.05)
    assert line.boxes[0].x < week_1.x < week_2.x < line.today_x


def test_the_strip_follows_the_filter_of_the_listing(musc, browse, coordinator, frozen):
    participant = musc.infused(DAY0)
    attend(visit=participant.visits.get(code="W2"), attended_on=date(2025, 6, 17), by=coordinator, at=NOW)
    client = browse(coordinator)
    shown = client.get("/visits/?view=strip&status=overdue")
    listed = client.get("/visits/?status=overdue")
    assert [box.code for line in shown.context["strip"].lines for box in line.boxes] == ["W1"]
    assert [row.record.code for row in listed.context["table"].rows] == ["W1"]


def test_who_is_not_infused_has_no_days_and_an_empty_strip_says_what_to_do(musc, browse, coordinator, frozen):
    musc.screened()
    page = browse(coordinator).get("/visits/?view=strip").content.decode()
    assert "No visit of an infused participant fits." in page


def test_the_strip_stops_after_fifty_participants(musc, strip, monkeypatch):
    monkeypatch.setattr("visits.strip.ROWS", 1)
    for _ in range(2):
        musc.infused(DAY0)
    assert (len(strip().lines), strip().is_cut) == (1, True)


def test_the_today_line_is_left_out_after_leaving(musc, strip, coordinator):
    participant = musc.infused(DAY0)
    withdraw(participant=participant, withdrawn_on=TODAY, reason="pregnancy", note="", by=coordinator, at=NOW)
    assert strip().lines[0].today_x is None


def test_the_counts_on_home_lead_to_the_rows_they_count(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    counts = client.get("/").context["counts"]
    assert counts == [("Overdue", 2, "/visits/?status=overdue"), ("Opening soon", 1, "/visits/?status=soon")]
    for _, count, address in counts:
        assert client.get(address).context["row_count"] == count
