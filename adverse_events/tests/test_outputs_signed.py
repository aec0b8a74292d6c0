"""A safety output is signed as it was displayed, and says what changed since."""

import csv
import io

import pytest
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader

from adverse_events.models import AdverseEvent
from adverse_events.outputs import signed
from adverse_events.outputs.catalogue import OUTPUTS
from adverse_events.outputs.choice import Choice
from adverse_events.reporting import report
from conftest import NOW, staged
from studytracker.dates import PartialDate
from studytracker.trust.models import Signature
from studytracker.trust.signatures import changes_since, standing, verify

PASSWORD = "correct horse battery"
MEANING = signed.OUTPUT.meanings[0]
MUSC = Choice(site="MUSC")


@staged
def reported(musc, coordinator):
    participant = musc.infused()

    def make(term, **facts):
        facts = {"grade": 2, "causality": "unrelated", "outcome": "not_recovered", "special_interest": "none"} | facts
        return report(
            participant=participant, term=term, started=PartialDate(2025, 6, 3), by=coordinator, at=NOW, **facts
        )

    return make


@pytest.fixture
def page(investigator, browse, frozen):
    investigator.set_password(PASSWORD)
    investigator.save()
    return browse(investigator)


def url(code, choice=MUSC):
    return f"{reverse('safety_output', args=[code])}?" + "&".join(f"{k}={v}" for k, v in choice.query.items())


def give(page, code="events", choice=MUSC, **wrong):
    shown = standing(signed.KIND, choice.key(code)).sha256
    given = {"sign": "1", "displayed_hash": shown, "meaning": MEANING, "password": PASSWORD} | wrong
    return page.post(url(code, choice), given)


@pytest.mark.parametrize("code", OUTPUTS)
def test_every_output_has_a_snapshot_of_its_cells(reported, code):
    reported("Rash")
    snapshot = signed.snapshot(MUSC.key(code))
    assert set(snapshot.facts) == {"columns", "keys", "rows", "footnotes"}
    assert len(snapshot.facts["keys"]) == len(set(snapshot.facts["keys"])) == len(snapshot.facts["rows"])
    assert {len(row) for row in snapshot.facts["rows"]} <= {len(snapshot.facts["columns"])}


def test_a_signature_binds_what_was_displayed_and_goes_stale_with_what_changed(reported, page):
    event = reported("Rash")
    assert give(page).status_code == 302
    signature = Signature.objects.get(kind=signed.KIND)
    assert (signature.key, signature.printed_name, signature.meaning) == ("events/MUSC", "pi.musc", MEANING)
    assert standing(signed.KIND, "events/MUSC").is_signed
    AdverseEvent.objects.filter(pk=event.pk).update(grade=3)
    assert not standing(signed.KIND, "events/MUSC").is_signed
    assert ["CTCAE grade: 2 → 3"] in [[str(line) for line in each.lines] for each in changes_since(signature)]
    assert "! No longer valid:" in page.get(url("events")).content.decode()


def test_a_save_that_changes_nothing_leaves_the_signature_valid(reported, page):
    event = reported("Rash")
    give(page)
    AdverseEvent.objects.get(pk=event.pk).save()
    assert standing(signed.KIND, "events/MUSC").is_signed


def test_what_changed_between_looking_and_signing_is_a_409(reported, page):
    event = reported("Rash")
    shown = standing(signed.KIND, "events/MUSC").sha256
    AdverseEvent.objects.filter(pk=event.pk).update(grade=3)
    assert give(page, displayed_hash=shown).status_code == 409
    assert not Signature.objects.filter(kind=signed.KIND).exists()


def test_signing_again_shows_only_what_changed(reported, page):
    reported("Rash")
    event = reported("Nausea")
    give(page)
    AdverseEvent.objects.filter(pk=event.pk).update(grade=4)
    reported("Fever")
    shown = page.get(url("events"))
    assert [(each.what, each.key) for each in shown.context["news"]] == [
        ("new", "MUSC-001 AE 3"),
        ("changed", "MUSC-001 AE 2"),
    ]
    changed = shown.context["news"][1].cells
    assert [(was, now) for _, was, now in changed if (was, now) != ("", "MUSC-001")] == [("2", "4")]
    assert give(page).status_code == 302
    assert page.get(url("events")).context["news"] == []


def test_a_table_is_stale_once_its_column_counts_another_participant(reported, page, musc):
    reported("Rash")
    give(page, "overview")
    musc.infused()
    assert not standing(signed.KIND, "overview/MUSC").is_signed
    news = page.get(url("overview")).context["news"]
    assert news[0].cells == [("MUSC (N=2)", "MUSC (N=1): 1 (100.0%)", "1 (50.0%)")]


def test_name_time_and_meaning_stand_on_the_page_and_in_every_file(reported, page):
    reported("Rash")
    give(page, comment="Looked at twice")
    words = ("pi.musc", "2025-06-18 15:00:00 UTC", MEANING, "Looked at twice")
    shown = page.get(url("events")).content.decode()
    lines = list(csv.reader(io.StringIO(b"".join(page.get(url("events") + "&format=csv")).decode("utf-8-sig"))))
    book = load_workbook(io.BytesIO(page.get(url("events") + "&format=xlsx").content))
    paper = PdfReader(io.BytesIO(page.get(url("events") + "&format=pdf").content))
    text = "".join("".join(each.extract_text() for each in paper.pages).split())
    for word in words:
        assert word in shown
        assert word in lines[-1][1]
        assert word in [row[1] for row in book["About"].values][-1]
        assert "".join(word.split()) in text


def test_what_was_signed_is_opened_again_as_it_was_and_verified(reported, page):
    event = reported("Rash")
    give(page)
    signature = Signature.objects.get(kind=signed.KIND)
    AdverseEvent.objects.filter(pk=event.pk).update(grade=4)
    shown = page.get(signature.get_absolute_url()).content.decode()
    assert verify(signature) == []
    assert "✓ Recomputed from the snapshot below" in shown
    row = shown[shown.index("<td>RASH</td>" if "<td>RASH</td>" in shown else "<td>Rash</td>") :]
    assert row[: row.index("</tr>")].count("<td>2</td>") >= 1


def test_filters_are_part_of_what_is_signed(reported, page):
    reported("Rash")
    reported("Nausea", grade=3)
    severe = Choice(site="MUSC", grade=3)
    assert give(page, choice=severe).status_code == 302
    signature = Signature.objects.get(kind=signed.KIND)
    assert (signature.key, signature.content["filter"]) == (
        "events/MUSC/grade-3",
        "Filters: Site: MUSC; grade 3 or more",
    )
    assert [row[3] for row in signature.content["facts"]["rows"]] == ["Nausea"]
    assert not standing(signed.KIND, "events/MUSC").signatures
    reported("Fever")
    assert standing(signed.KIND, "events/MUSC/grade-3").is_signed
    reported("Sepsis", grade=4)
    assert not standing(signed.KIND, "events/MUSC/grade-3").is_signed


@pytest.mark.parametrize("key", ["", "nothing/MUSC", "events/", "events/NOWHERE", "events/MUSC/odd", "events"])
def test_a_key_that_names_nothing_is_unknown(trial, key):
    with pytest.raises(signed.UnknownSubject):
        signed.snapshot(key)


@pytest.mark.parametrize("role", ["coordinator", "monitor", "chair", "administrator"])
def test_only_an_investigator_of_the_site_signs(request, reported, browse, frozen, role):
    reported("Rash")
    person = request.getfixturevalue(role)
    person.set_password(PASSWORD)
    person.save()
    give(browse(person))
    assert not Signature.objects.filter(kind=signed.KIND).exists()


def test_another_site_s_output_is_that_of_one_s_own(reported, browse, emory_investigator, frozen):
    reported("Secret of MUSC")
    shown = browse(emory_investigator).get(url("events"))
    assert (shown.status_code, "Secret of MUSC" in shown.content.decode()) == (200, False)
    assert shown.context["signing"] is None


def test_a_monitor_reads_and_takes_no_file(reported, browse, monitor, frozen):
    client = browse(monitor)
    assert client.get(url("events")).status_code == 200
    assert client.get(url("events") + "&format=csv").status_code == 403
    assert client.get(reverse("safety_output", args=["nothing"])).status_code == 404
    assert browse(monitor).get(url("events") + "&format=odd").status_code == 403
