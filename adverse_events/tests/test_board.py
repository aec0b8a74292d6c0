"""The DSMB: meetings, recommendations that open or lift a hold by signature, and the packet as of one entry."""

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse
from pypdf import PdfReader

from adverse_events import board, packet
from adverse_events.models import AdverseEvent, Recommendation
from adverse_events.reporting import report
from adverse_events.voiding import void
from conftest import NOW, TODAY, proof_of, staged
from participants.holds import open_hold
from participants.models import Hold
from studytracker.dates import PartialDate
from studytracker.trust.as_of import point_at
from studytracker.trust.models import Entry, Signature
from studytracker.trust.signatures import ChangedMeanwhile, SigningRefused

PASSWORD = "correct horse battery"


def last_entry():
    return Entry.objects.order_by("-id").values_list("id", flat=True).first()


@staged
def meeting(trial, chair):
    facts = {"held_on": TODAY, "purpose": "Routine", "document": "Minutes 1, binder 3"}
    return board.record_meeting(cut_off_entry=last_entry(), by=chair, at=NOW, **facts)


@staged
def events(musc, emory, coordinator, emory_coordinator):
    first, other = musc.infused(), emory.infused()
    made = []
    for participant, by, term, facts in (
        (first, coordinator, "Rash", {"grade": 3, "causality": "possible", "is_hospitalization": True}),
        (first, coordinator, "Nausea", {"grade": 1}),
        (other, emory_coordinator, "Fever", {"grade": 4}),
    ):
        on = PartialDate(2025, 6, 3)
        made.append(report(participant=participant, term=term, started=on, by=by, at=NOW, **facts))
    return made


def recommend(meeting, by, recommendation="pause", **facts):
    facts = {"text": "Wait for the letter"} | facts
    return board.recommend(meeting=meeting, recommendation=recommendation, by=by, at=NOW, **facts)


def carry_out(row, by, **facts):
    facts = {"displayed_hash": board.displayed_hash(row), "answered": proof_of(by.pk, NOW)} | facts
    return board.carry_out(recommendation=row, by=by, at=NOW, **facts)


def test_meetings_are_numbered_and_go_forward_in_the_trail(meeting, chair):
    facts = {"purpose": "Routine", "document": "Minutes", "by": chair, "at": NOW}
    second = board.record_meeting(held_on=TODAY, cut_off_entry=last_entry(), **facts)
    assert (meeting.number, second.number) == (1, 2)
    for wrong in ({"held_on": TODAY + timedelta(days=1)}, {"cut_off_entry": meeting.cut_off_entry - 1}):
        with pytest.raises(board.BoardRefused):
            board.record_meeting(**{"held_on": TODAY, "cut_off_entry": last_entry()} | wrong, **facts)
    with pytest.raises(board.BoardRefused):
        board.record_meeting(held_on=TODAY, cut_off_entry=last_entry() + 1, **facts)


def test_to_pause_opens_a_hold_at_every_site_once_it_is_signed(meeting, chair):
    row = recommend(meeting, chair)
    assert (row.step, Hold.objects.count()) == ("open", 0)
    done = carry_out(row, chair)
    hold = Hold.objects.get()
    assert (hold.stage, hold.cause, hold.site, done.hold) == ("Open", "dsmb", None, hold)
    assert Signature.objects.filter(kind=board.KIND, key=str(row.pk), signed_by=chair).count() == 1
    with pytest.raises(board.BoardRefused):
        carry_out(row, chair)
    assert Hold.objects.count() == 1


def test_to_go_on_lifts_the_hold_it_names_under_two_signatures(meeting, chair, trial):
    hold = open_hold(cause="dsmb", text="Paused", by=chair, at=NOW)
    done = carry_out(recommend(meeting, chair, "continue", hold=hold), chair)
    hold.refresh_from_db()
    assert (hold.stage, done.carried_out_by) == ("Lifted", chair)
    assert hold.lifted_reason == "Continue, DSMB meeting 1: Wait for the letter"
    assert set(Signature.objects.values_list("kind", flat=True)) == {board.KIND, "hold"}


def test_a_hold_that_changed_between_looking_and_signing_is_not_lifted(meeting, chair):
    hold = open_hold(cause="dsmb", text="Paused", by=chair, at=NOW)
    row = recommend(meeting, chair, "continue", hold=hold)
    shown = board.displayed_hash(row)
    Hold.objects.filter(pk=hold.pk).update(text="Paused for another reason")
    with pytest.raises(ChangedMeanwhile):
        carry_out(row, chair, displayed_hash=shown)
    hold.refresh_from_db()
    assert (hold.stage, Signature.objects.count()) == ("Open", 0)


def test_only_who_lifts_holds_carries_it_out(meeting, chair, administrator):
    row = recommend(meeting, chair)
    with pytest.raises(SigningRefused):
        carry_out(row, administrator)
    assert Hold.objects.count() == 0


def test_what_makes_no_sense_is_refused(meeting, chair):
    hold = open_hold(cause="dsmb", text="Paused", by=chair, at=NOW)
    with pytest.raises(board.BoardRefused, match="lifts no hold"):
        recommend(meeting, chair, "stop", hold=hold)
    with pytest.raises(board.BoardRefused, match="has no"):
        recommend(meeting, chair, "dance")
    carry_out(recommend(meeting, chair, "continue", hold=hold), chair)
    hold.refresh_from_db()
    with pytest.raises(board.BoardRefused, match="is lifted"):
        recommend(meeting, chair, "continue", hold=hold)


def test_a_meeting_is_recorded_recommended_and_carried_out_on_the_pages(trial, chair, browse, frozen):
    chair.set_password(PASSWORD)
    chair.save()
    client = browse(chair)
    given = {"held_on_day": "18", "held_on_month": "6", "held_on_year": "2025", "purpose": "Gate for MUSC-002"}
    given |= {"cut_off_entry": last_entry(), "document": "Minutes 1"}
    answer = client.post(reverse("new_meeting"), given)
    assert answer.url == reverse("board_meeting", args=[1])
    answer = client.post(reverse("recommend", args=[1]), {"recommendation": "stop", "text": "Stop dosing"})
    row = Recommendation.objects.get()
    assert answer.url == reverse("recommendation", args=[row.pk])
    shown = board.displayed_hash(row)
    wrong = client.post(answer.url, {"displayed_hash": shown, "password": "no"})
    assert (wrong.status_code, Hold.objects.count()) == (422, 0)
    other = client.post(answer.url, {"displayed_hash": "0" * 64, "password": PASSWORD})
    assert (other.status_code, Hold.objects.count()) == (409, 0)
    assert client.post(answer.url, {"displayed_hash": shown, "password": PASSWORD}).status_code == 302
    page = client.get(answer.url).content.decode()
    assert "✓ Signed" in page
    assert "Hold 1" in page or "every site" in page
    assert "Stop dosing" in client.get(reverse("dsmb")).content.decode()


@pytest.mark.parametrize(
    ("role", "sees", "records", "takes"),
    [
        ("coordinator", 200, 403, 403),
        ("investigator", 200, 403, 403),
        ("monitor", 200, 403, 403),
        ("administrator", 200, 200, 200),
        ("chair", 200, 200, 200),
        ("outsider", 404, 404, 403),
    ],
)
def test_each_role_sees_meetings_and_who_reviews_safety_records_them(
    request, meeting, chair, browse, frozen, role, sees, records, takes
):
    row = recommend(meeting, chair)
    client = browse(request.getfixturevalue(role))
    pages = (reverse("board_meeting", args=[1]), reverse("recommendation", args=[row.pk]))
    assert [client.get(page).status_code for page in pages] == [sees, sees]
    assert client.get(reverse("recommend", args=[1])).status_code == records
    assert client.get(reverse("dsmb_packet"), {"part": "open"}).status_code == takes
    if role != "chair":
        assert client.post(pages[1], {}).status_code in (403, 404)
        assert Hold.objects.count() == 0


def tables(made):
    return {each.code: packet._csv(each) for section in made.sections for each in section.made}


def test_the_packet_of_an_entry_has_the_same_numbers_whatever_was_recorded_since(events, chair, coordinator):
    point = point_at(last_entry())
    before = packet.build(point, chair, made_at=NOW)
    AdverseEvent.objects.filter(pk=events[0].pk).update(grade=5, is_fatal=True)
    void(event=events[1], reason="Entered for the wrong participant", by=coordinator, at=NOW)
    again = packet.build(point, chair, made_at=NOW)
    later = packet.build(point_at(last_entry()), chair, made_at=NOW)
    assert tables(before) == tables(again)
    assert tables(before)["overview"] != tables(later)["overview"]
    assert [each.facts for each in before.sections] == [each.facts for each in again.sections]


def test_the_packet_tells_what_is_new_since_the_last_meeting(events, chair, coordinator):
    facts = {"held_on": TODAY, "purpose": "Routine", "document": "Minutes", "by": chair, "at": NOW}
    board.record_meeting(cut_off_entry=last_entry(), **facts)
    AdverseEvent.objects.filter(pk=events[0].pk).update(grade=4)
    person = events[2].participant
    report(participant=person, term="Chills", started=PartialDate(2025, 6, 4), by=coordinator, at=NOW)
    made = packet.build(point_at(last_entry()), chair, made_at=NOW)
    changed = next(each for each in made.sections if each.title == "Listings").extra["changed"]
    assert {(str(each.event), each.what) for each in changed} == {
        ("MUSC-001 AE 1", "changed"),
        ("EMO-001 AE 2", "new"),
    }


def test_the_packet_is_in_the_order_of_the_template_with_an_open_and_a_closed_part(events, chair, browse, frozen):
    client = browse(chair)
    paper = PdfReader(io.BytesIO(client.get(reverse("dsmb_packet")).content))
    text = "".join("".join(each.extract_text() for each in paper.pages).split())
    titles = [
        *("1.Titlepage", "2.Synopsis", "3.Status,past", "4.Overallstatus", "5.Enrollment,", "6.Characteristics,"),
        *("7.Dataquality", "8.Adverseevents", "9.Primarysafety", "10.Listings", "11.Laboratory", "12.Recommendation"),
    ]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert paper.trailer["/Root"]["/MarkInfo"]["/Marked"]
    alone = PdfReader(io.BytesIO(client.get(reverse("dsmb_packet"), {"part": "open"}).content))
    shared = "".join("".join(each.extract_text() for each in alone.pages).split())
    assert "Phase1,singlegroup,masking:none;6participants" in text
    assert "Rash" in text
    assert "Rash" not in shared
    assert "MUSC-001" not in shared.replace("Purpose", "")


def test_the_zip_holds_both_parts_each_table_and_checksums_that_hold(events, chair, browse, frozen):
    entry = last_entry()
    answer = browse(chair).get(reverse("dsmb_packet"), {"format": "zip", "entry": entry})
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    names = archive.namelist()
    assert {"packet.pdf", "open/open-part.pdf", "closed/closed-part.pdf", "manifest.json", "SHA256SUMS"} <= set(names)
    assert sum(name.endswith(".csv") for name in names) == len(packet.OUTPUTS)
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["as_of"]["audit_entry"] == entry
    for line in archive.read("SHA256SUMS").decode().splitlines():
        digest, name = line.split("  ")
        assert packet.hashlib.sha256(archive.read(name)).hexdigest() == digest
    overview = list(csv.reader(io.StringIO(archive.read("closed/08-overview.csv").decode("utf-8-sig"))))
    assert overview[2] == ["Total number of AEs", "2", "1", "3"]
    assert {row[1].split(",")[0] for row in overview if row[:1] == ["Data as of"]} == {f"audit entry {entry}"}


@pytest.mark.parametrize("query", [{"entry": "0"}, {"format": "docx"}, {"part": "secret"}, {"format": ""}])
def test_what_is_no_packet_is_a_404(events, chair, browse, frozen, query):
    assert browse(chair).get(reverse("dsmb_packet"), query).status_code == 404


def test_the_database_refuses_a_recommendation_that_lifts_nothing(meeting, chair):
    row = Recommendation(meeting=meeting, recommendation="continue", text="Go on", step="lift")
    row.recorded_at, row.recorded_by = NOW, chair
    with pytest.raises(Exception, match="recommendation_names_the_hold_it_lifts"):
        row.save()
