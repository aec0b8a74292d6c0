import sys
from datetime import date, time
from io import BytesIO

import pytest
from pypdf import PdfReader

from conftest import NOW
from studytracker.web.pdf import _fetch_nothing
from visits.bookings import book

DAY0 = date(2025, 5, 31)


def test_the_printed_schedule_shows_what_is_ahead_and_room_for_name_and_appointments(
    musc, browse, coordinator, frozen
):
    participant = musc.infused(DAY0)
    week_4 = participant.visits.get(code="W4")
    book(visit=week_4, on=date(2025, 6, 26), start_time=time(9, 30), by=coordinator, at=NOW)
    response = browse(coordinator).get("/visits/MUSC-001/schedule/")
    page = response.content.decode()
    assert [visit.code for visit in response.context["visits"]] == [
        "W4",
        "W8",
        "W12",
        "W16",
        "W20",
        "W24",
        "W36",
        "W52",
    ]
    assert "Wed 25 Jun 2025 and Tue 1 Jul 2025</td><td>Thu 26 Jun 2025 09:30</td>" in page
    assert "Sat 19 Jul 2025 and Sat 2 Aug 2025</td><td></td>" in page
    assert page.count('<p class="name-line"></p>') == 1


def test_the_printed_schedule_tells_nothing_of_the_disease_or_the_trial(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    page = browse(coordinator).get("/visits/MUSC-001/schedule/").content.decode()
    printed = page[page.index('<div class="printed">') : page.index("</main>")].lower()
    assert [word for word in ("lupus", "sle", "stem cell", "nct", "infusion") if word in printed] == []


def test_who_has_not_been_infused_has_nothing_ahead(musc, browse, coordinator, frozen):
    musc.screened()
    assert "No visit is planned ahead." in browse(coordinator).get("/visits/MUSC-001/schedule/").content.decode()


def pdf(client):
    response = client.get("/visits/MUSC-001/schedule/?format=pdf")
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    assert response["Content-Disposition"] == 'attachment; filename="MUSC-001-visits.pdf"'
    return PdfReader(BytesIO(response.content))


def test_the_pdf_is_one_letter_page_with_the_same_words(musc, browse, coordinator, frozen):
    participant = musc.infused(DAY0)
    facts = {"on": date(2025, 6, 26), "start_time": time(9, 30), "by": coordinator, "at": NOW}
    book(visit=participant.visits.get(code="W4"), **facts)
    reader = pdf(browse(coordinator))
    [page] = reader.pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (612, 792)
    text = " ".join(page.extract_text().split())
    wanted = ("Name (by hand):", "Number: MUSC-001", "Week 4 Wed 25 Jun 2025 and Tue 1 Jul 2025 Thu 26 Jun 2025 09:30")
    assert [words for words in wanted if words not in text] == []
    assert [word for word in ("lupus", "stem cell", "nct", "infusion") if word in text.lower()] == []
    assert "lupus" not in str(reader.metadata).lower()


def test_where_no_pdf_can_be_made_the_page_says_so_and_can_be_printed(musc, browse, coordinator, frozen, monkeypatch):
    musc.infused(DAY0)
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    response = browse(coordinator).get("/visits/MUSC-001/schedule/?format=pdf", follow=True)
    assert response.redirect_chain == [("/visits/MUSC-001/schedule/", 302)]
    assert "This server cannot make PDF files" in response.content.decode()


def test_a_printed_page_fetches_nothing():
    with pytest.raises(ValueError, match="it must hold all it shows"):
        _fetch_nothing("https://elsewhere.example/font")
