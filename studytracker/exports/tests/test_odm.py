"""ODM: valid by its schema, hanging together, nothing lost there and back, and nothing of a file believed."""

import io
import json
import zipfile
from datetime import date
from pathlib import Path

import odmlib
import pytest
import xmlschema
from django.core.management import CommandError
from django.db import transaction
from django.urls import reverse
from lxml import etree

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import staged
from participants.models import Participant
from participants.screening import withdraw
from studytracker import protocol
from studytracker.access.models import User
from studytracker.dates import PartialDate
from studytracker.exports import jobs, package
from studytracker.exports.odm import importing, writing
from studytracker.exports.odm import model as odm
from studytracker.exports.odm.checking import counted, dangling
from studytracker.exports.order import Order
from studytracker.exports.privacy import Level
from studytracker.protocol.adopting import adopt
from studytracker.refusal import Refused
from studytracker.trust.acting import acting, because
from studytracker.trust.coverage import covered_models, is_clinical
from studytracker.trust.models import Entry
from studytracker.trust.tests.rows import Rows

from .test_export_pages import GIVEN

SCHEMA = Path(odmlib.__file__).parent / "schemas" / "odm" / "1.3.2" / "ODM1-3-2.xsd"
ROUND = "{http://www.cdisc.org/ns/odm/v1.3}"


@pytest.fixture(scope="module")
def schema():
    return xmlschema.XMLSchema(str(SCHEMA), allow="local", defuse="always")


def order(now, kind="odm-snapshot"):
    return Order("EXP", ("visits",), ("EMORY", "MUSC"), kind, Level.IDENTIFIED, "", "", now)


def snapshot(path, now):
    writing.write_snapshot(path, order(now), lambda done: None)
    return path


def transactional(path, now):
    writing.write_transactional(path, order(now, "odm-transactional"), lambda done: None)
    return path


@staged
def recorded(musc, emory, coordinator, now):
    """A record with a change, a withdrawal and words that are markup elsewhere."""
    participant = musc.infused()
    emory.screened()
    other = emory.infused(date(2025, 4, 7))
    for each in (participant, other):
        report(
            participant=each,
            term="=1+1 <script>&\"'",
            started=PartialDate(2025, 6),
            note="two\nlines\ttab \N{SNOWMAN}",
            by=coordinator,
            at=now,
        )
    with because("Read again"):
        AdverseEvent.objects.filter(participant=participant).update(grade=2)
    facts = {"withdrawn_on": date(2025, 6, 17), "by": emory.coordinator, "at": now, "note": ""}
    withdraw(participant=other, reason="lost_to_follow_up", **facts)
    return participant


@staged
def every_kind(coordinator):
    """One row of every table of the record."""
    rows = Rows(coordinator)
    for model in odm.records():
        if not model._base_manager.exists():
            rows.fresh(model, 1).save()
    return odm.records()


def test_every_table_of_the_record_is_told_or_excused():
    tables = {model._meta.db_table for model in covered_models() if is_clinical(model._meta.db_table)}
    assert {model._meta.db_table for model in odm.records()} | odm.EXCUSED.keys() == tables
    assert all(odm.EXCUSED.values())


@pytest.mark.parametrize("write", [snapshot, transactional])
def test_a_file_is_valid_by_the_schema_and_hangs_together(recorded, every_kind, schema, tmp_path, now, write):
    path = write(tmp_path / "odm.xml", now)
    assert [str(error.reason) for error in schema.iter_errors(str(path))] == []
    assert dangling(path) == []
    assert set(counted(path)) == {odm.group_oid(model) for model in every_kind}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"SubjectData", b"SubjectDatum"),
        (b'FileType="Snapshot"', b'FileType="Photograph"'),
        (b'DataType="partialDate"', b'DataType="roughDate"'),
        (b"ItemGroupRepeatKey", b"ItemGroupKey"),
    ],
)
def test_the_schema_refuses_each_fault_planted_in_it(recorded, schema, tmp_path, now, old, new):
    path = snapshot(tmp_path / "odm.xml", now)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    assert not schema.is_valid(str(path))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('ItemOID="I.participants_participant.age" Value', 'ItemOID="I.no.such" Value', "I.no.such"),
        ('LocationOID="LOC.MUSC"/>', 'LocationOID="LOC.NOWHERE"/>', "LOC.NOWHERE"),
        ('<ItemDef OID="I.participants_participant.sex"', '<ItemDef OID="I.participants_participant.age"', "twice"),
        (
            'ItemOID="I.participants_participant.age" Value',
            'ItemOID="I.participants_consent.signed_on" Value',
            "is no item of the group",
        ),
    ],
)
def test_a_name_that_leads_nowhere_passes_the_schema_and_is_found(recorded, schema, tmp_path, now, old, new, words):
    path = snapshot(tmp_path / "odm.xml", now)
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    assert words in " ".join(dangling(path))


def test_an_entry_is_told_with_who_where_when_and_why(recorded, tmp_path, now):
    path = transactional(tmp_path / "odm.xml", now)
    entry = Entry.objects.filter(table="adverse_events_adverseevent", op="U").get()
    tree = etree.parse(str(path))
    (group,) = tree.xpath(f"//o:ItemGroupData[o:AuditRecord/o:SourceID='{entry.id}']", namespaces={"o": writing.NS})
    told = {
        etree.QName(each).localname: each.text or each.get("UserOID") or each.get("LocationOID") for each in group[0]
    }
    assert told == {
        "UserRef": "USER.tests",
        "LocationRef": "LOC.MUSC",
        "DateTimeStamp": entry.at.replace("Z", "+00:00"),
        "ReasonForChange": "Read again",
        "SourceID": str(entry.id),
    }
    changed = {item.get("ItemOID").rpartition(".")[2]: item.get("Value") for item in group[1:]}
    assert (group.get("TransactionType"), changed["grade"], "age" in changed) == ("Update", "2", False)
    entries = Entry.objects.filter(table__in=[model._meta.db_table for model in odm.records()])
    assert sum(counted(path).values()) == entries.count()


def test_the_last_values_of_the_transactions_are_the_snapshot(recorded, every_kind, tmp_path, now):
    """Playing the one file gives the other."""
    played = {}
    for group in etree.parse(str(transactional(tmp_path / "t.xml", now))).iter(f"{ROUND}ItemGroupData"):
        row = played.setdefault((group.get("ItemGroupOID"), group.get("ItemGroupRepeatKey")), {})
        for item in group.iterfind(f"{ROUND}ItemData"):
            row[item.get("ItemOID")] = item.get("Value")
    told = importing.read(snapshot(tmp_path / "s.xml", now))
    for model in odm.records():
        for number, row in told.rows[model._meta.db_table].items():
            last = played[odm.group_oid(model), str(number)]
            for field in odm.fields(model):
                here, there = row.get(field.name), last.get(odm.item_oid(model, field))
                assert here == there or importing._same(field, here, there), (model, number, field.name)


def test_there_and_back_again_is_equal(request, db, schema, tmp_path, now):
    """Everything is made, exported and gone; adopted anew, loaded, exported again: the same bytes."""
    first, second = tmp_path / "first.xml", tmp_path / "second.xml"
    with transaction.atomic():
        request.getfixturevalue("recorded")
        request.getfixturevalue("every_kind")
        snapshot(first, now)
        transaction.set_rollback(True)
    assert (Participant.objects.count(), User.objects.count()) == (0, 0)
    adopt(protocol.current(), at=now)
    with acting("tests", source="command", reason="Loaded"):
        rows = importing.load(importing.read(first))
    assert snapshot(second, now).read_bytes() == first.read_bytes()
    assert rows == sum(counted(first).values()) > 100
    assert (
        Entry.objects.filter(table="participants_participant", reason="Loaded").count() == Participant.objects.count()
    )
    assert not User.objects.filter(is_active=True).exists()


def test_a_deleted_row_and_a_changed_value_are_told_by_the_dry_run(recorded, tmp_path, now, command, capsys):
    path = snapshot(tmp_path / "odm.xml", now)
    command("import_odm", path)
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing was changed."
    tree = etree.parse(str(path))
    (item, *_) = tree.xpath("//o:ItemData[@ItemOID='I.participants_participant.age']", namespaces={"o": writing.NS})
    item.set("Value", "99")
    (consent, *_) = tree.xpath(
        "//o:ItemGroupData[@ItemGroupOID='IG.participants_consent']", namespaces={"o": writing.NS}
    )
    consent.getparent().remove(consent)
    tree.write(str(path))
    before = Entry.objects.count()
    command("import_odm", path)
    told = capsys.readouterr().out
    assert "age: here “41”, in the file “99”" in told
    assert f"participants_consent {consent.get('ItemGroupRepeatKey')}: only here" in told
    assert Entry.objects.count() == before


def test_a_file_is_loaded_into_an_empty_deployment_only(recorded, tmp_path, now, command):
    path = snapshot(tmp_path / "odm.xml", now)
    with pytest.raises(CommandError, match="There are rows in participants_"):
        command("import_odm", path, load=True, by="crc.musc")


BOMB = '<!DOCTYPE ODM [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE ODM [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<ODM ", f"{BOMB}<ODM ", "document type declaration"),
        ("<ODM ", f"{OUTSIDE}<ODM ", "document type declaration"),
        ("</ODM>", "", "not XML that can be read"),
        ('FileType="Snapshot"', 'FileType="Transactional"', "Only a Snapshot"),
        ('ODMVersion="1.3.2"', 'ODMVersion="2.0"', "is not ODM-XML 1.3"),
        (' OID="NCT03171194"', ' OID="NCT00000000"', "of the study “NCT00000000”"),
        ("SHA-256 ", "SHA-256 00", "under another protocol"),
        ('participant.age" Value="41"', 'participant.age" Value="old"', "“old” is no integer"),
        ('participant.screened_on" Value="2025', 'participant.screened_on" Value="20x5', "is no date"),
        ('ItemGroupRepeatKey="', 'ItemGroupRepeatKey="-', "is no table of the record here"),
    ],
)
def test_a_file_that_cannot_be_believed_is_refused_with_a_sentence(recorded, tmp_path, now, old, new, words):
    path = snapshot(tmp_path / "odm.xml", now)
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    with pytest.raises(importing.NotImportable, match=words):
        importing.read(path)


def test_a_file_beyond_the_size_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "LARGEST", 10)
    (tmp_path / "odm.xml").write_text("x" * 11)
    with pytest.raises(importing.NotImportable, match="larger than"):
        importing.read(tmp_path / "odm.xml")


def test_what_the_database_refuses_is_not_put_in_by_half(request, db, tmp_path, now):
    path = tmp_path / "odm.xml"
    with transaction.atomic():
        request.getfixturevalue("recorded")
        snapshot(path, now)
        transaction.set_rollback(True)
    adopt(protocol.current(), at=now)
    path.write_text(path.read_text().replace('adverseevent.grade" Value="2"', 'adverseevent.grade" Value="9"'))
    with pytest.raises(importing.NotImportable, match="The database refuses"):
        importing.load(importing.read(path))
    assert (Participant.objects.count(), User.objects.count()) == (0, 0)


@pytest.mark.parametrize("format", ["odm-snapshot", "odm-transactional"])
def test_odm_leaves_as_recorded_only(administrator, coordinator, now, format):
    for level in (Level.STUDY_DAY, Level.CODED, Level.SHIFTED):
        with pytest.raises(Refused, match="leaves as recorded only"):
            jobs.request_export(**GIVEN | {"format": format, "level": level}, by=administrator, at=now)


@pytest.mark.parametrize("kind", ["snapshot", "transactional"])
def test_a_package_holds_the_file_of_its_sites_only(recorded, settings, tmp_path, now, kind):
    settings.VAR_DIR = tmp_path
    one = Order("EXP", ("visits",), ("MUSC",), f"odm-{kind}", Level.IDENTIFIED, "", "", now)
    manifest = package.build(one, tmp_path / "building", tmp_path / "made.zip", lambda *told: None, lambda: now)
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        content = archive.read(f"data/{kind}.xml").decode()
        assert json.loads(archive.read("manifest.json"))["datasets"] == manifest["datasets"]
    assert "MUSC-001" in content
    assert "EMO-" not in content and "LOC.EMORY" not in content


def test_the_page_compares_a_file_and_changes_nothing(recorded, administrator, browse, tmp_path, now):
    path = snapshot(tmp_path / "odm.xml", now)
    page = browse(administrator)
    with path.open("rb") as file:
        same = page.post(reverse("compare_odm"), {"file": file}).content.decode()
    path.write_text(path.read_text().replace('participant.age" Value="41"', 'participant.age" Value="42"', 1))
    before = Entry.objects.count()
    with path.open("rb") as file:
        other = page.post(reverse("compare_odm"), {"file": file}).content.decode()
    assert ("No difference" in same, "<td>age</td><td>41</td><td>42</td>" in other) == (True, True)
    assert Entry.objects.count() == before


def test_the_page_says_what_is_wrong_with_a_file(administrator, browse):
    page, wrong = browse(administrator), io.BytesIO(b"<html/>")
    answers = [page.post(reverse("compare_odm"), given) for given in ({}, {"file": wrong})]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert "Choose a file." in answers[0].content.decode()
    assert "The file is not ODM-XML 1.3." in answers[1].content.decode()
