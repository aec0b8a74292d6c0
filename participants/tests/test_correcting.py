"""Correcting what was recorded at screening, of the consent, and of the end of the infusion."""

import json
import re
from datetime import date, time, timedelta
from decimal import Decimal

import pytest

from conftest import NOW, TODAY, staged
from participants.correcting import correct_consent, correct_participant
from participants.infusion import InfusionRefused, correct_end
from participants.models import Consent, Infusion, Participant
from participants.screening import ScreeningRefused
from studytracker.trust.models import Entry
from studytracker.trust.signatures import standing
from visits.models import Deviation

SCREENED = TODAY - timedelta(days=20)


@staged
def screened(musc, frozen):
    return musc.answered()


def corrected(participant, coordinator, **facts):
    return correct_participant(participant=participant, reason="Chart read again", by=coordinator, at=NOW, **facts)


def test_a_corrected_age_counts_in_the_criteria_and_makes_the_signature_stale(screened, coordinator):
    assert standing("eligibility", "MUSC-001").is_signed
    corrected(screened, coordinator, age=17)
    assert not standing("eligibility", "MUSC-001").is_signed
    entry = Entry.objects.filter(table="participants_participant").first()
    assert (json.loads(entry.old), entry.reason) == ({"age": 41, "version": 1}, "Chart read again")


def test_who_is_enrolled_on_what_was_wrong_is_told_so(musc, coordinator, frozen):
    doubts = corrected(musc.enrolled(), coordinator, age=17).doubts
    assert len(doubts) == 1
    assert re.match(r"By what is recorded now MUSC-001 does not meet R1\. The eligibility was signed", doubts[0])


def test_the_day_of_screening_takes_its_visit_and_its_window_along(musc, coordinator, frozen):
    participant = musc.infused(TODAY - timedelta(days=10), screened_before=5)
    visit, day = participant.visits.get(order=0), TODAY - timedelta(days=50)
    consent = participant.consents.get()
    correct_consent(consent=consent, signed_on=day, reason="Wrong month", by=coordinator, at=NOW)
    corrected(participant, coordinator, screened_on=day)
    visit.refresh_from_db()
    assert (visit.attended_on, visit.days_out) == (day, -12)
    drafted = Deviation.objects.get(voided_at=None)
    assert (drafted.happened_on, "is outside its window" in drafted.description) == (day, True)
    corrected(participant, coordinator, screened_on=participant.screened_on)
    visit.refresh_from_db()
    assert (visit.attended_on, visit.days_out) == (participant.screened_on, 0)
    assert not Deviation.objects.filter(voided_at=None).exists()


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (TODAY + timedelta(days=1), "is in the future"),
        (SCREENED - timedelta(days=1), "Consent was signed on"),
    ],
)
def test_an_impossible_day_of_screening_is_refused(screened, coordinator, day, words):
    with pytest.raises(ScreeningRefused, match=words):
        corrected(screened, coordinator, screened_on=day)
    assert Participant.objects.get().screened_on == SCREENED


def test_screening_is_not_corrected_to_after_the_infusion(musc, coordinator, frozen):
    participant = musc.infused()
    with pytest.raises(ScreeningRefused, match="cannot be after that"):
        corrected(participant, coordinator, screened_on=TODAY)


def test_a_consent_is_corrected_at_its_instant_and_its_form(screened, coordinator):
    facts = {"signed_time": time(8, 15), "obtained_by": "Sub-investigator"}
    correct_consent(consent=Consent.objects.get(), **facts, reason="Form read again", by=coordinator, at=NOW)
    stored = Consent.objects.get()
    assert (f"{stored.signed_at:%H:%M}", stored.signed_on, stored.version) == ("12:15", SCREENED, 2)


@pytest.mark.parametrize(
    ("facts", "field", "words"),
    [
        ({"signed_on": SCREENED + timedelta(days=1)}, "signed_on", "Consent comes before"),
        ({"signed_on": TODAY + timedelta(days=3)}, "signed_on", "in the future"),
        ({"form_version": "9.9"}, "form_version", "is not valid"),
    ],
)
def test_a_consent_that_cannot_be_is_refused_at_its_box(screened, coordinator, facts, field, words):
    with pytest.raises(ScreeningRefused, match=words) as refused:
        correct_consent(consent=Consent.objects.get(), **facts, reason="Form read", by=coordinator, at=NOW)
    assert refused.value.field == field
    assert Consent.objects.get().version == 1


def test_consent_is_not_corrected_to_after_the_infusion_began(musc, coordinator, frozen):
    participant = musc.infused(TODAY - timedelta(days=10), screened_before=0)
    with pytest.raises(ScreeningRefused, match="The infusion started before that"):
        correct_consent(
            consent=participant.consents.get(), signed_time=time(12), reason="Form read", by=coordinator, at=NOW
        )


def test_a_corrected_volume_gives_the_cells_and_drafts_or_voids_the_deviation_of_the_dose(musc, coordinator, frozen):
    participant = musc.infused()
    given = Infusion.objects.get()
    correct_end(infusion=given, volume_ml=Decimal("40.0"), reason="Pump log", by=coordinator, at=NOW)
    given.refresh_from_db()
    assert given.delivered_percent == Decimal("50.0")
    drafted = participant.deviations.get(voided_at=None)
    assert "50.0 %, outside" in drafted.description
    correct_end(infusion=given, volume_ml=Decimal("80.0"), reason="Pump log again", by=coordinator, at=NOW)
    assert list(participant.deviations.filter(voided_at=None)) == []
    with pytest.raises(InfusionRefused, match="still to come"):
        correct_end(infusion=given, stop_time=time(10, 15), reason="Pump log", by=coordinator, at=given.started_at)


def hidden(page):
    return dict(re.findall(r'<input type="hidden" name="(opened_version)" value="(\d+)"', page))


def consent_typed(**differing):
    day = {"signed_on_day": SCREENED.day, "signed_on_month": SCREENED.month, "signed_on_year": SCREENED.year}
    stored = {"form_version": "1.0", "signed_time": "09:00", "obtained_by": "", "reason": "Form read again"}
    return day | stored | differing


def test_the_second_of_two_corrections_of_a_consent_keeps_the_time_that_the_first_saved(
    screened, browse, coordinator, investigator
):
    consent = Consent.objects.get()
    client, address = browse(coordinator), f"/participants/MUSC-001/consent/{consent.pk}/correct/"
    opened = hidden(client.get(address).content.decode())
    correct_consent(consent=consent, signed_time=time(8, 15), reason="Read by two", by=investigator, at=NOW)
    response = client.post(address, consent_typed(obtained_by="Sub-investigator") | opened)
    page = response.content.decode()
    assert response.status_code == 409
    assert 'value="08:15"' in page and 'value="Sub-investigator"' in page
    again = consent_typed(signed_time="08:15", obtained_by="Sub-investigator") | hidden(page)
    assert client.post(address, again).status_code == 302
    stored = Consent.objects.get()
    assert (f"{stored.signed_at:%H:%M}", stored.obtained_by) == ("12:15", "Sub-investigator")


def test_the_pages_stand_where_the_values_stand_and_ask_for_a_reason(musc, browse, coordinator, frozen):
    musc.infused()
    client = browse(coordinator)
    page = client.get("/participants/MUSC-001/").content.decode()
    day = client.get("/participants/MUSC-001/infusion/day/").content.decode()
    consent = Consent.objects.get()
    for address, shown in (
        ("/participants/MUSC-001/correct/", page),
        (f"/participants/MUSC-001/consent/{consent.pk}/correct/", page),
        ("/participants/MUSC-001/infusion/end/correct/", day),
    ):
        assert f'href="{address}"' in shown
        refused = client.post(address, {"reason": ""})
        assert (refused.status_code, "Say why it is changed" in refused.content.decode()) == (422, True)
    client.post(
        "/participants/MUSC-001/infusion/end/correct/", {"stop_time": "11:30", "volume_ml": "80", "reason": "Pump log"}
    )
    assert f"{Infusion.objects.get().stopped_at:%H:%M}" == "15:30"
    assert client.get("/participants/MUSC-001/consent/99999/correct/").status_code == 404


def test_who_only_reads_sees_no_link_to_correct(musc, browse, monitor, frozen):
    musc.infused(date(2025, 5, 31))
    assert "/correct/" not in browse(monitor).get("/participants/MUSC-001/").content.decode()
