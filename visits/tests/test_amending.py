"""An amendment made in the test: version 1.1 adds a visit, drops one, widens one, and adds a procedure."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, TODAY
from studytracker import protocol
from studytracker.protocol.adopting import AdoptionRefused, adopt
from studytracker.protocol.approving import ApprovalRefused, approve, version_at
from studytracker.protocol.models import Adoption, Approval
from visits import amending
from visits.amending import AmendmentRefused
from visits.attendance import attend
from visits.models import VersionChange, Visit
from visits.replanning import preview as moves

DAY0 = date(2025, 5, 31)
SHIPPED = Path(protocol.__file__).parent / "versions" / "1.0.toml"
APPROVED = date(2025, 6, 10)


def visit_table(text, code):
    """The whole table of one visit in the file's text."""
    start = text.index(f'[[visit]]\ncode = "{code}"')
    return text[start : text.index("\n[[", start + 5) + 1]


@pytest.fixture
def folder(tmp_path, settings):
    """A folder of versions whose 1.1 differs from the shipped 1.0 in the schedule."""
    text = SHIPPED.read_text(encoding="utf-8")
    (tmp_path / "1.0.toml").write_text(text, encoding="utf-8")
    text = text.replace('version = "1.0"', 'version = "1.1"', 1)
    w4, w8 = visit_table(text, "W4"), visit_table(text, "W8")
    w6 = w4.replace('"W4"', '"W6"').replace('"Week 4"', '"Week 6"').replace("day = 28", "day = 42")
    text = text.replace(w4, w4.replace("before = 3\nafter = 3", "before = 5\nafter = 5") + w6)
    text = text.replace(w8, w8.replace('"exam", ', ""))
    text = text.replace(visit_table(text, "W16"), "")
    (tmp_path / "1.1.toml").write_text(text, encoding="utf-8")
    settings.PROTOCOL_FILE = str(tmp_path / "1.0.toml")
    return tmp_path


@pytest.fixture
def participant(folder, musc):
    """Infused, with week 1 attended, week 2 overdue and the rest ahead."""
    row = musc.infused(DAY0)
    facts = {"attended_on": DAY0 + timedelta(days=7), "late_entry_reason": "Letter", "by": musc.coordinator, "at": NOW}
    attend(visit=row.visits.get(code="W1"), **facts)
    return row


@pytest.fixture
def amended(participant, folder, chair, settings):
    settings.PROTOCOL_FILE = str(folder / "1.1.toml")
    adopt(protocol.current(), at=NOW)
    approve(version="1.1", site="MUSC", approved_on=APPROVED, by=chair, at=NOW)
    return participant


def amend(participant, coordinator, **differing):
    facts = {"version": "1.1", "consented_on": TODAY, "reason": "Amendment 1", "by": coordinator, "at": NOW}
    return amending.amend(participant=participant, **facts | differing)


def refusal(call, *args, **kwargs):
    with pytest.raises((AmendmentRefused, ApprovalRefused, AdoptionRefused)) as refused:
        call(*args, **kwargs)
    return str(refused.value)


def test_the_preview_tells_what_every_visit_would_do_and_changes_nothing(amended):
    before = list(Visit.objects.order_by("pk").values())
    found = {each.code: (each.what, each.why) for each in amending.preview(amended, "1.1", TODAY)}
    assert found == {
        "SCR": ("stays", "it took place"),
        "D0": ("stays", "it took place"),
        "W1": ("stays", "it took place"),
        "W2": ("stays", ""),
        "W4": ("moved", ""),
        "W6": ("added", ""),
        "W8": ("stays", ""),
        "W12": ("stays", ""),
        "W16": ("dropped", "version 1.1 has no such visit"),
        **dict.fromkeys(["W20", "W24", "W36", "W52"], ("stays", "")),
    }
    assert list(Visit.objects.order_by("pk").values()) == before


def test_the_move_plans_anew_what_has_not_happened_and_keeps_what_has(amended, coordinator):
    week_1 = Visit.objects.filter(code="W1").values("opens_on", "closes_on", "attended_on")[0]
    change = amend(amended, coordinator)
    rows = {visit.code: visit for visit in amended.visits.select_related("participant__infusion").order_by("order")}
    assert list(rows) == ["SCR", "D0", "W1", "W2", "W4", "W6", "W8", "W12", "W16", "W20", "W24", "W36", "W52"]
    assert (rows["W4"].opens_on, rows["W4"].closes_on) == (date(2025, 6, 23), date(2025, 7, 3))
    assert rows["W6"].target_on == DAY0 + timedelta(days=42)
    assert Visit.objects.filter(code="W1").values("opens_on", "closes_on", "attended_on")[0] == week_1
    assert [rows[code].protocol_version for code in ("SCR", "W1", "W2", "W16")] == ["1.0", "1.0", "", "1.0"]
    assert rows["W16"].status(TODAY).words == "Not applicable: no visit of protocol 1.1"
    assert rows["W16"].planned.name == "Week 16"
    assert "exam" in rows["W1"].planned.procedures
    assert "exam" not in rows["W8"].planned.procedures
    assert [(each.visit.code, each.what) for each in change.visits.order_by("visit__order")] == [
        ("W4", "moved"), ("W6", "added"), ("W16", "dropped"),
    ]  # fmt: skip


def test_a_dropped_visit_is_never_overdue_booked_or_logged(amended, coordinator):
    amend(amended, coordinator)
    visit = amended.visits.get(code="W16")
    later = visit.closes_on + timedelta(days=400)
    assert "W16" not in Visit.objects.overdue(later).values_list("code", flat=True)
    assert Visit.objects.among(["na"], {"MUSC": later, "EMORY": later}).get() == visit
    with pytest.raises(Exception, match="MUSC-001 W16 is no visit of protocol 1.1. Log an unscheduled visit"):
        attend(visit=visit, attended_on=TODAY, by=coordinator, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Visit.objects.filter(pk=visit.pk).update(missed_at=NOW, missed_by=coordinator, missed_reason="x")


def test_a_new_visit_whose_window_has_closed_is_not_added(amended, coordinator):
    at = NOW + timedelta(days=60)  # week 6 closed on 15 July
    [new] = [each for each in amending.preview(amended, "1.1", at.date()) if not each.visit]
    assert (new.code, new.what, new.why) == ("W6", "not added", "its window closed on Tue 15 Jul 2025")
    amend(amended, coordinator, at=at)
    assert not amended.visits.filter(code="W6").exists()


def test_correcting_day_0_afterwards_uses_the_new_windows_and_leaves_the_dropped_one(amended, coordinator):
    amend(amended, coordinator)
    row = type(amended).objects.for_listing().get(pk=amended.pk)
    found = {move.visit.code: move for move in moves(row, DAY0 - timedelta(days=1))}
    assert (found["W4"].new.opens_on, found["W6"].new.target_on) == (date(2025, 6, 22), date(2025, 7, 11))
    assert "W16" not in found


def test_who_consents_before_the_approval_stays_on_the_version_of_that_day(amended, musc, emory):
    assert musc.screened(APPROVED - timedelta(days=1)).protocol_version == "1.0"
    assert musc.screened(APPROVED).protocol_version == "1.1"
    assert emory.screened(TODAY).protocol_version == "1.0"  # not approved there


def test_nobody_is_moved_by_adopting_or_approving(amended):
    assert amended.visits.filter(code="W6").count() == 0
    assert type(amended).objects.get(pk=amended.pk).protocol_version == "1.0"


BETWEEN = "The consent to version 1.1 lies between its approval at MUSC, Tue 10 Jun 2025, and today, Wed 18 Jun 2025."


@pytest.mark.parametrize(
    ("differing", "sentence"),
    [
        ({"version": "1.0"}, "Version 1.0 is no later version approved at MUSC."),
        (
            {"consented_on": APPROVED - timedelta(days=1)},
            BETWEEN,
        ),
        (
            {"consented_on": TODAY + timedelta(days=1)},
            BETWEEN,
        ),
    ],
)
def test_a_move_is_refused_with_a_sentence(amended, coordinator, differing, sentence):
    assert refusal(amend, amended, coordinator, **differing) == sentence
    assert VersionChange.objects.count() == 0


def test_a_second_move_to_the_same_version_is_refused(amended, coordinator):
    amend(amended, coordinator)
    assert refusal(amend, amended, coordinator) == "Version 1.1 is no later version approved at MUSC."


@pytest.mark.parametrize(
    ("differing", "sentence"),
    [
        ({"version": "9.0"}, "Version 9.0 is not adopted. Adopt its file first."),
        ({"approved_on": TODAY + timedelta(days=1)}, "is in the future: today is Wed 18 Jun 2025 at EMORY."),
        ({"site": "MUSC"}, "Version 1.1 is on file as approved at MUSC on Tue 10 Jun 2025. Nothing was changed."),
    ],
)
def test_an_approval_is_refused_with_a_sentence(amended, chair, differing, sentence):
    facts = {"version": "1.1", "site": "EMORY", "approved_on": TODAY, "by": chair, "at": NOW} | differing
    assert sentence in refusal(approve, **facts)
    assert Approval.objects.count() == 1


def test_an_amendment_may_not_take_away_codes_that_records_hold(participant, folder):
    text = (folder / "1.1.toml").read_text(encoding="utf-8")
    text = text.replace('code = "weather"', 'code = "storm"', 1).replace('code = "UNS"', 'code = "UNX"', 1)
    (folder / "1.1.toml").write_text(text, encoding="utf-8")
    said = refusal(adopt, protocol.load(folder / "1.1.toml"), at=NOW)
    assert "Terms of version 1.0 is missing from 1.1.toml: missed_reason weather. Keep what records may hold." in said
    assert (
        "Visits outside the schedule of version 1.0 is missing from 1.1.toml: UNS. Keep what records may hold." in said
    )
    assert Adoption.objects.count() == 1


def test_a_participant_not_yet_infused_is_planned_under_the_new_version_later(amended, musc, coordinator):
    row = musc.answered(APPROVED - timedelta(days=5))
    assert amending.preview(row, "1.1", TODAY)[0].what == "stays"
    amend(row, coordinator)
    assert (type(row).objects.get(pk=row.pk).protocol_version, row.visits.count()) == ("1.1", 1)


def test_the_page_shows_the_difference_before_it_is_applied(amended, browse, coordinator, frozen):
    crc = browse(coordinator)
    assert "Move to protocol 1.1" in crc.get("/participants/MUSC-001/").content.decode()
    day = {"consented_on_day": "18", "consented_on_month": "6", "consented_on_year": "2025"}
    typed = {"version": "1.1", "reason": "Amendment 1", **day}
    shown = crc.post("/visits/MUSC-001/amendment/", typed).content.decode()
    assert "<strong>Dropped</strong>: version 1.1 has no such visit" in shown
    assert VersionChange.objects.count() == 0
    assert crc.post("/visits/MUSC-001/amendment/", typed | {"apply": "9.9"}).status_code == 200
    assert VersionChange.objects.count() == 0
    done = crc.post("/visits/MUSC-001/amendment/", typed | {"apply": "1.1"}, follow=True).content.decode()
    assert "MUSC-001 is under protocol 1.1. What changed is listed below." in done
    assert "W16 dropped" in done
    matrix = crc.get("/").content.decode()
    assert ">W6<br>" in matrix


def test_the_versions_page_takes_an_approval_from_chair_and_administrator_only(
    amended, browse, coordinator, chair, frozen
):
    day = {"approved_on_day": "12", "approved_on_month": "6", "approved_on_year": "2025"}
    typed = {"version": "1.1", "site": "EMORY", **day}
    assert browse(coordinator).post("/study/versions/", typed).status_code == 403
    page = browse(chair).post("/study/versions/", typed, follow=True).content.decode()
    assert "Version 1.1 is on file as approved at EMORY." in page
    assert "D28, window D23 to D33" in page
    assert version_at("EMORY", date(2025, 6, 12)).version == "1.1"
    assert version_at("EMORY", date(2025, 6, 11)).version == "1.0"
