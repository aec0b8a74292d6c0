from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from conftest import NOW, staged
from participants.enrollment import EnrollmentRefused, enroll
from participants.holds import HoldRefused, decline_hold, lift_hold, open_hold, place_hold, propose_hold
from participants.infusion import InfusionRefused
from participants.lifting import KIND, MEANING, displayed_hash
from participants.models import Enrollment, Hold, Infusion
from participants.tests.test_infuse import ready, record
from studytracker.protocol.models import Site
from studytracker.trust.models import Signature
from studytracker.trust.signatures import standing

PASSWORD = "a long enough password"

FACTS = {"cause": "safety_concern", "text": "Two similar events"}
SENTENCE = (
    "On hold since Wed 18 Jun 2025 at every site: Safety concern: Two similar events. "
    "The study chair lifts hold {} on its page, with a reason."
)


@staged
def hold(trial, investigator):
    return open_hold(**FACTS, by=investigator, at=NOW)


def test_nobody_is_enrolled_while_a_hold_is_open(musc, investigator, hold):
    with pytest.raises(EnrollmentRefused) as refusal:
        enroll(participant=musc.answered(), by=investigator, at=NOW)
    assert refusal.value.sentences == [SENTENCE.format(hold.pk)]
    assert Enrollment.objects.count() == 0


def test_nobody_is_infused_while_a_hold_is_open(musc, coordinator, investigator):
    participant = ready(musc)
    hold = open_hold(**FACTS, by=investigator, at=NOW)
    with pytest.raises(InfusionRefused) as refusal:
        record(participant, coordinator)
    assert refusal.value.sentences == [SENTENCE.format(hold.pk)]
    assert Infusion.objects.count() == 0


def test_lifting_the_hold_opens_both_again(musc, coordinator, investigator, chair, hold):
    lift_hold(hold=hold, reason="DSMB letter of 18 June", by=chair, at=NOW)
    participant = musc.answered()
    enroll(participant=participant, by=investigator, at=NOW)
    musc.dosed(participant)
    assert record(participant, coordinator).participant == participant


def test_a_site_s_hold_stops_that_site_alone(musc, emory, investigator, emory_investigator):
    open_hold(**FACTS, site=Site.objects.get(code="MUSC"), by=investigator, at=NOW)
    with pytest.raises(EnrollmentRefused, match="at MUSC"):
        enroll(participant=musc.answered(), by=investigator, at=NOW)
    assert enroll(participant=emory.answered(), by=emory_investigator, at=NOW).slot_id == 1


def test_a_proposed_hold_stops_nothing_until_it_is_placed(musc, coordinator, investigator):
    proposed = propose_hold(**FACTS, by=coordinator, at=NOW)
    enroll(participant=musc.answered(), by=investigator, at=NOW)
    place_hold(hold=proposed, by=investigator, at=NOW)
    with pytest.raises(EnrollmentRefused):
        enroll(participant=musc.answered(), by=investigator, at=NOW)


def test_a_declined_hold_stops_nothing_and_cannot_be_placed(musc, coordinator, investigator):
    proposed = propose_hold(**FACTS, by=coordinator, at=NOW)
    decline_hold(hold=proposed, reason="One event only", by=investigator, at=NOW)
    with pytest.raises(HoldRefused) as refusal:
        place_hold(hold=proposed, by=investigator, at=NOW)
    assert refusal.value.sentences == [
        f"Hold {proposed.pk} at every site is declined, not proposed. Nothing was changed."
    ]


def test_the_same_cause_and_reference_open_one_hold(trial, investigator, chair):
    first = open_hold(**FACTS, reference="S1", by=investigator, at=NOW)
    again = open_hold(**FACTS, reference="S1", by=chair, at=NOW + timedelta(hours=1))
    other = open_hold(**FACTS, reference="S2", by=chair, at=NOW)
    assert (first.pk, again.pk, again.opened_by, Hold.objects.count()) == (first.pk, first.pk, investigator, 2)
    assert other.pk != first.pk


def test_opening_what_is_proposed_places_it(trial, coordinator, investigator):
    proposed = propose_hold(**FACTS, reference="S1", by=coordinator, at=NOW)
    placed = open_hold(**FACTS, reference="S1", by=investigator, at=NOW)
    assert (placed.pk, placed.stage, placed.proposed_by) == (proposed.pk, "Open", coordinator)


def test_the_database_refuses_a_second_open_hold_for_one_reference(trial, investigator):
    facts = FACTS | {"reference": "S1", "opened_at": NOW, "opened_by": investigator}
    Hold.objects.create(**facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.create(**facts)


def test_after_lifting_the_same_reference_may_hold_again(trial, investigator, chair):
    first = open_hold(**FACTS, reference="S1", by=investigator, at=NOW)
    lift_hold(hold=first, reason="Reviewed", by=chair, at=NOW)
    assert open_hold(**FACTS, reference="S1", by=investigator, at=NOW).pk != first.pk


def test_a_cause_that_the_protocol_does_not_have_is_refused(trial, investigator):
    with pytest.raises(HoldRefused, match='no term of the vocabulary hold_cause "rain"'):
        open_hold(cause="rain", text="It rains", by=investigator, at=NOW)


def test_every_page_says_that_a_hold_is_open_to_those_it_concerns(
    musc, browse, coordinator, emory_coordinator, outsider, investigator, frozen
):
    words = "On hold at MUSC. Safety concern: Two similar events"
    pages = ["/", "/participants/", "/study/"]
    assert [words in browse(coordinator).get(page).text for page in pages] == [False] * 3
    open_hold(**FACTS, site=Site.objects.get(code="MUSC"), by=investigator, at=NOW)
    assert [words in browse(coordinator).get(page).text for page in pages] == [True] * 3
    for person in (emory_coordinator, outsider):
        assert words not in browse(person).get("/").text


@pytest.mark.parametrize(("role", "stage"), [("coordinator", "Proposed"), ("investigator", "Open"), ("chair", "Open")])
def test_the_form_proposes_or_opens_as_the_role_may(request, trial, browse, frozen, role, stage):
    typed = {"site": "every site", "cause": "product", "text": "Freezer alarm", "reference": "Log 12"}
    response = browse(request.getfixturevalue(role)).post("/holds/new/", typed)
    made = Hold.objects.get()
    assert (response.status_code, response.url, made.stage) == (302, f"/holds/{made.pk}/", stage)


def test_a_hold_is_placed_and_lifted_on_its_page(trial, browse, coordinator, investigator, chair, frozen):
    hold = propose_hold(**FACTS, by=coordinator, at=NOW)
    assert "Place the hold" not in browse(coordinator).get(f"/holds/{hold.pk}/").text
    browse(investigator).post(f"/holds/{hold.pk}/place/")
    assert "Lift the hold" not in browse(investigator).get(f"/holds/{hold.pk}/").text
    refused = browse(chair).post(f"/holds/{hold.pk}/lift/", {"reason": ""})
    assert (refused.status_code, "Say why, in a few words" in refused.text) == (422, True)
    chair.set_password(PASSWORD)
    chair.save()
    signed = {"reason": "DSMB letter", "displayed_hash": displayed_hash(hold)}
    unsigned = browse(chair).post(f"/holds/{hold.pk}/lift/", signed | {"password": "guessed"})
    assert (unsigned.status_code, "The password is not right" in unsigned.text) == (422, True)
    assert (Hold.objects.open().count(), Signature.objects.count()) == (1, 0)
    stale = browse(chair).post(f"/holds/{hold.pk}/lift/", signed | {"password": PASSWORD, "displayed_hash": "0" * 64})
    assert (stale.status_code, "what you were shown has changed meanwhile" in stale.text) == (422, True)
    browse(chair).post(f"/holds/{hold.pk}/lift/", signed | {"password": PASSWORD})
    hold.refresh_from_db()
    signature = Signature.objects.get()
    assert (signature.meaning, signature.comment, signature.signed_by) == (MEANING, "DSMB letter", chair)
    assert standing(KIND, str(hold.pk)).is_signed
    assert (hold.stage, hold.lifted_by, hold.lifted_reason) == ("Lifted", chair, "DSMB letter")


def test_a_proposed_hold_waits_on_the_home_page_of_those_who_place_it(
    trial, browse, coordinator, investigator, emory_investigator, chair, frozen
):
    hold = propose_hold(**FACTS, site=Site.objects.get(code="MUSC"), by=coordinator, at=NOW)
    waits = f"Hold {hold.pk}</a> <strong>Proposed at MUSC"
    people = (investigator, chair, coordinator, emory_investigator)
    assert [waits in browse(person).get("/").text for person in people] == [True, True, False, False]
    place_hold(hold=hold, by=investigator, at=NOW)
    assert waits not in browse(chair).get("/").text


def test_the_enrollment_page_says_that_it_is_on_hold(musc, browse, investigator, frozen, hold):
    participant = musc.answered()
    page = browse(investigator).get(f"/participants/{participant}/enroll/").text
    assert SENTENCE.format(hold.pk) in page
    assert "I confirm eligibility" not in page
