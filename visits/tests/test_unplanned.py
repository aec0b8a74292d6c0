from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY, staged
from participants.screening import withdraw
from studytracker.protocol.models import Site
from visits.attendance import AttendanceRefused
from visits.models import Visit
from visits.unplanned import log

DAY0 = date(2025, 5, 31)


@staged
def outside(coordinator):
    def make(participant, kind="UNS", on=TODAY, procedures=None, at=NOW):
        facts = {"attended_on": on, "visit_type": "clinic", "note": "Rash", "procedures": procedures or {}}
        return log(participant=participant, kind=kind, by=coordinator, at=at, **facts)

    return make


@staged
def left(musc, coordinator):
    participant = musc.infused(DAY0)
    facts = {"reason": "pregnancy", "note": "", "by": coordinator, "at": NOW}
    return withdraw(participant=participant, withdrawn_on=date(2025, 6, 16), **facts)


def test_unscheduled_visits_count_up_and_are_done_without_a_window(musc, outside):
    participant = musc.infused(DAY0)
    first, second = outside(participant, procedures={"vitals": ""}), outside(participant)
    assert [first.code, second.code] == ["U1", "U2"]
    assert (first.status(TODAY).code, first.opens_on, first.note) == ("done", None, "Rash")
    assert [each.code for each in first.procedures.all()] == ["vitals"]
    done = Visit.objects.exclude(unplanned="").among(["done"], Site.todays(NOW))
    assert [each.code for each in done.order_by("id")] == ["U1", "U2"]


def test_each_participant_has_numbers_of_their_own(musc, outside):
    assert [outside(musc.infused(DAY0)).code for _ in range(2)] == ["U1", "U1"]


def test_an_unscheduled_visit_may_come_before_the_infusion_but_not_before_screening(musc, outside):
    participant = musc.screened(date(2025, 6, 17))
    assert outside(participant).code == "U1"
    with pytest.raises(AttendanceRefused, match="Mon 16 Jun 2025 is before the screening visit on Tue 17 Jun 2025."):
        outside(participant, on=date(2025, 6, 16))


def test_a_visit_in_the_future_or_late_without_a_reason_is_refused(musc, outside):
    participant = musc.infused(DAY0)
    with pytest.raises(AttendanceRefused, match="is in the future"):
        outside(participant, on=date(2025, 6, 19))
    with pytest.raises(AttendanceRefused, match="3 business days ago; more than 2 is a late entry"):
        outside(participant, on=date(2025, 6, 13))


def test_early_termination_needs_a_withdrawal_and_comes_once(musc, left, outside):
    assert outside(left, "ET").code == "ET"
    with pytest.raises(AttendanceRefused, match="MUSC-001 has an early-termination visit already."):
        outside(left, "ET")
    with pytest.raises(AttendanceRefused, match="MUSC-002 has not left the study. Record the withdrawal first"):
        outside(musc.infused(DAY0), "ET")


def test_after_the_withdrawal_only_early_termination_is_left(left, outside):
    with pytest.raises(AttendanceRefused, match="A visit after that day is logged as early termination."):
        outside(left, on=date(2025, 6, 17))
    assert outside(left, on=date(2025, 6, 16)).code == "U1"


def test_the_database_refuses_an_unplanned_visit_that_did_not_take_place(musc):
    with pytest.raises(IntegrityError), transaction.atomic():
        Visit.objects.create(participant=musc.screened(), site_id="MUSC", code="U9", unplanned="UNS", order=20)


def test_the_withdrawal_offers_the_early_termination_visit(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    assert "Log early termination visit" not in client.get("/participants/MUSC-001/").content.decode()
    typed = {"withdrawn_on_day": "17", "withdrawn_on_month": "6", "withdrawn_on_year": "2025", "reason": "pregnancy"}
    page = client.post("/participants/MUSC-001/withdraw/", typed, follow=True).content.decode()
    assert "If there is a last visit, log it below as early termination." in page
    assert 'href="/visits/MUSC-001/outside/ET/"' in page


def test_the_page_logs_an_unscheduled_visit_and_a_kind_unknown_is_a_404(musc, browse, coordinator, frozen):
    musc.infused(DAY0)
    client = browse(coordinator)
    typed = {"attended_on_day": "18", "attended_on_month": "6", "attended_on_year": "2025", "visit_type": "phone"}
    assert client.post("/visits/MUSC-001/outside/UNS/", typed).status_code == 422
    assert client.post("/visits/MUSC-001/outside/UNS/", typed | {"note": "Fever"}).status_code == 302
    assert "By phone" in client.get("/visits/MUSC-001/U1/").content.decode()
    assert client.get("/visits/MUSC-001/outside/XX/").status_code == 404


def test_a_day_is_the_site_s_own(musc, outside):
    evening = datetime(2025, 6, 19, 1, tzinfo=UTC)  # still the 18th at the site
    with pytest.raises(AttendanceRefused, match="Thu 19 Jun 2025 is in the future: today is Wed 18 Jun 2025 at MUSC."):
        outside(musc.infused(DAY0), on=date(2025, 6, 19), at=evening)
