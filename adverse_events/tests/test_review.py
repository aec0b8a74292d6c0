"""The safety review: what is new, what changed, what was looked at, and what a signature says of it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from adverse_events import review
from adverse_events.models import AdverseEvent, ReviewMark
from adverse_events.reporting import report
from adverse_events.summary import overview
from adverse_events.voiding import void
from conftest import staged
from studytracker.dates import PartialDate
from studytracker.trust.models import Signature
from studytracker.trust.signatures import standing

PASSWORD = "correct horse battery"
MEANING = review.REVIEW.meanings[0]


@staged
def reported(musc, coordinator, now):
    participant = musc.infused()

    def make(term="Headache", **facts):
        facts = {"grade": 2, "causality": "unrelated", "outcome": "not_recovered", "special_interest": "none"} | facts
        return report(
            participant=participant, term=term, started=PartialDate(2025, 6, 3), by=coordinator, at=now, **facts
        )

    return make


@staged
def signer(investigator):
    investigator.set_password(PASSWORD)
    investigator.save()
    return investigator


@pytest.fixture
def page(signer, browse, frozen):
    return browse(signer)


def give(page, **wrong):
    """Sign what the page shows."""
    shown = standing(review.KIND, "MUSC").sha256
    given = {"sign": "1", "displayed_hash": shown, "meaning": MEANING, "password": PASSWORD} | wrong
    return page.post(reverse("site_review", args=["MUSC"]), given)


def found(reviewer):
    return {
        str(each.event): (each.what, [str(line) for line in each.lines]) for each in review.board(["MUSC"], reviewer)
    }


def test_before_the_first_signature_every_event_is_new(reported, signer):
    event = reported()
    assert found(signer) == {str(event): ("new", [])}


def test_after_a_signature_only_what_changed_is_told_from_what_to_what(reported, signer, page):
    same, graded, removed = reported(), reported("Nausea"), reported("Rash")
    assert give(page).status_code == 302
    AdverseEvent.objects.filter(pk=graded.pk).update(grade=3)
    void(event=removed, reason="Entered for the wrong participant", by=signer, at=page_time(removed))
    later = reported("Fatigue")
    told = found(signer)
    assert (told[str(same)], told[str(later)]) == (("same", []), ("new", []))
    assert told[str(graded)] == ("changed", ["CTCAE grade: 2 → 3"])
    assert told[str(removed)][0] == "voided"


def page_time(event):
    return event.reported_at + timedelta(minutes=1)


def test_a_value_put_back_is_no_change(reported, signer, page):
    event = reported()
    give(page)
    AdverseEvent.objects.filter(pk=event.pk).update(grade=4)
    AdverseEvent.objects.filter(pk=event.pk).update(grade=2)
    assert found(signer) == {str(event): ("same", [])}


def test_an_event_looked_at_asks_again_once_it_changes(reported, signer, page):
    event = reported()
    (before,) = review.board(["MUSC"], signer)
    answer = page.post(reverse("mark_reviewed", args=["MUSC-001", 1]), {"entry": before.last_entry})
    (looked,) = review.board(["MUSC"], signer)
    AdverseEvent.objects.filter(pk=event.pk).update(grade=3)
    (changed,) = review.board(["MUSC"], signer)
    assert answer.url == reverse("site_review", args=["MUSC"])
    assert [each.is_marked for each in (before, looked, changed)] == [False, True, False]


def test_marks_are_the_reviewer_s_own_and_once(reported, signer, emory_investigator, page, browse):
    reported()
    url, entry = reverse("mark_reviewed", args=["MUSC-001", 1]), {"entry": "5"}
    assert browse(emory_investigator).post(url, entry).status_code == 404
    for _ in range(2):
        page.post(url, entry)
    assert [mark.marked_by for mark in ReviewMark.objects.all()] == [signer]


@pytest.mark.parametrize("entry", ["", "x", "-1", "9" * 30, "٣"])
def test_a_mark_of_no_entry_is_a_404(reported, page, entry):
    reported()
    assert page.post(reverse("mark_reviewed", args=["MUSC-001", 1]), {"entry": entry}).status_code == 404
    assert ReviewMark.objects.count() == 0


def test_a_signature_binds_the_listing_and_a_change_makes_it_stale_at_once(reported, signer, page):
    event = reported()
    assert give(page).status_code == 302
    signature = Signature.objects.get(kind=review.KIND)
    assert (signature.kind, signature.key, signature.printed_name, signature.meaning) == (
        "safety-review",
        "MUSC",
        "pi.musc",
        MEANING,
    )
    assert standing(review.KIND, "MUSC").is_signed
    AdverseEvent.objects.filter(pk=event.pk).update(grade=3)
    assert not standing(review.KIND, "MUSC").is_signed
    shown = page.get(reverse("site_review", args=["MUSC"])).content.decode()
    assert "! No longer valid:" in shown


def test_what_changed_between_looking_and_signing_is_a_409_and_nothing_is_signed(reported, page):
    event = reported()
    shown = standing(review.KIND, "MUSC").sha256
    AdverseEvent.objects.filter(pk=event.pk).update(grade=5)
    answer = give(page, displayed_hash=shown)
    assert answer.status_code == 409
    assert not Signature.objects.filter(kind=review.KIND).exists()


def test_open_answers_must_be_accepted_by_name(reported, page):
    reported(grade=None)
    refused = give(page)
    assert refused.status_code == 422
    assert "MUSC-001 AE 1: grade" in refused.content.decode()
    assert give(page, accepts_open="on").status_code == 302


@pytest.mark.parametrize("role", ["coordinator", "monitor", "chair", "administrator"])
def test_only_an_investigator_of_the_site_signs(request, reported, browse, frozen, role):
    reported()
    person = request.getfixturevalue(role)
    person.set_password(PASSWORD)
    person.save()
    client = browse(person)
    assert "Sign as" not in client.get(reverse("site_review", args=["MUSC"])).content.decode()
    give(client)
    assert not Signature.objects.filter(kind=review.KIND).exists()


def test_the_overview_counts_participants_once_and_keeps_zero_rows(musc, emory, coordinator, emory_coordinator, now):
    first, second, other = musc.infused(), musc.infused(), emory.infused()
    for participant, by, facts in (
        (first, coordinator, {"grade": 3, "causality": "possible"}),
        (first, coordinator, {"grade": 1, "causality": "unrelated"}),
        (second, coordinator, {"grade": 1, "causality": "unrelated"}),
        (other, emory_coordinator, {"grade": 2, "causality": "unrelated", "is_hospitalization": True}),
    ):
        number = AdverseEvent.objects.count()
        report(
            participant=participant, term=f"Event {number}", started=PartialDate(2025, 6, 3), by=by, at=now, **facts
        )
    rows = overview(list(AdverseEvent.objects.all()), {"EMORY": 1, "MUSC": 2}, ["EMORY", "MUSC"])
    assert [(row.label, [cell.count for cell in row.cells]) for row in rows] == [
        ("At least one adverse event", [1, 2, 3]),
        ("Events", [1, 3, 4]),
        ("Death", [0, 0, 0]),
        ("At least one serious event", [1, 0, 1]),
        ("At least one event related to the cells", [0, 1, 1]),
        ("At least one serious event related to the cells", [0, 0, 0]),
        ("At least one event of grade 3 or more", [0, 1, 1]),
    ]
    assert [cell.percent for cell in rows[0].cells] == [100.0, 100.0, 100.0]
    assert [cell.percent for cell in rows[3].cells] == [100.0, 0.0, 33.3]


@pytest.mark.parametrize("many", [1, 6])
def test_the_board_takes_the_same_queries_however_many_events(reported, page, many, django_assert_max_num_queries):
    for number in range(many):
        reported(f"Event {number}")
    with django_assert_max_num_queries(20):
        page.get(reverse("site_review", args=["MUSC"]))


@pytest.mark.parametrize("many", [1, 10])
def test_the_board_of_six_takes_the_same_queries_however_many_events(
    musc, emory, coordinator, emory_coordinator, signer, page, now, browse, chair, many, django_assert_max_num_queries
):
    """Signed, and changed since: three participants at each site."""
    for site, by in ((musc, coordinator), (emory, emory_coordinator)):
        for _ in range(3):
            participant = site.infused()
            for number in range(many):
                on = PartialDate(2025, 6, 3)
                report(participant=participant, term=f"Event {number}", started=on, by=by, at=now)
    assert give(page, accepts_open="on").status_code == 302
    AdverseEvent.objects.filter(number=1).update(grade=3)
    for client, address in ((page, reverse("site_review", args=["MUSC"])), (browse(chair), reverse("safety_review"))):
        with django_assert_max_num_queries(20):
            assert client.get(address).status_code == 200
