"""A package of an earlier moment, and the trail and the messages as datasets."""

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import staged
from studytracker.dates import PartialDate
from studytracker.exports import jobs, package
from studytracker.exports.datasets import all_datasets
from studytracker.exports.models import ExportJob
from studytracker.exports.privacy import Level
from studytracker.outbox.models import Mail
from studytracker.outbox.sweeping import sweep
from studytracker.refusal import Refused
from studytracker.trust.acting import acting
from studytracker.trust.models import Entry
from studytracker.trust.tests.rows import last_id

from .test_export_pages import GIVEN

LEVELS = [Level.STUDY_DAY, Level.CODED, Level.SHIFTED, Level.IDENTIFIED]


def order(now, **facts):
    facts = {"level": Level.IDENTIFIED, "format": "csv", "as_of": None} | facts
    return package.Order("EXP", tuple(all_datasets()), ("EMORY", "MUSC"), purpose="", role="", at=now, **facts)


@pytest.fixture
def packed(settings, tmp_path, now):
    """packed(...) gives the bytes of the package of such an order."""
    settings.VAR_DIR = tmp_path

    def make(**facts):
        target = tmp_path / "made.zip"
        package.build(order(now, **facts), tmp_path / "building", target, lambda *told: None, lambda: now)
        return target.read_bytes()

    return make


@staged
def told(musc, emory, coordinator, now):
    """A record, and what happens to it an hour later."""
    participant = musc.infused()
    emory.screened()
    report(participant=participant, term="Rash", started=PartialDate(2025, 6), by=coordinator, at=now)
    sweep(now)

    def change():
        with acting("tests", source="direct", reason="Read again"):
            AdverseEvent.objects.update(term="Exanthema", grade=2)
        musc.screened()
        sweep(now + timedelta(days=9))

    return change


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
def test_the_package_of_an_entry_is_the_package_that_was_made_then_byte_for_byte(told, packed, format):
    then, number = packed(format=format), last_id()
    told()
    assert packed(format=format, as_of=number) == then
    assert packed(format=format) != then


@pytest.mark.parametrize("level", LEVELS)
def test_it_is_so_at_every_privacy_level(told, packed, level):
    then, number = packed(level=level), last_id()
    told()
    assert packed(level=level, as_of=number) == then


def test_sdtm_of_an_entry_is_the_sdtm_of_then(told, packed):
    then, number = packed(format="sdtm-json", level=Level.CODED), last_id()
    told()
    assert packed(format="sdtm-json", level=Level.CODED, as_of=number) == then


def test_a_job_of_an_earlier_entry_keeps_its_lease_and_names_the_entry(told, administrator, settings, tmp_path, now):
    settings.VAR_DIR = tmp_path
    number = last_id()
    told()
    later = now + timedelta(days=30)
    given = {"datasets": ["adverse_events"], "sites": ["MUSC"], "format": "csv", "level": Level.CODED}
    job = jobs.request_export(**given, purpose="then", as_of=number, by=administrator, at=later)
    with zipfile.ZipFile(jobs.path_of(jobs.run(job.pk, lambda: later))) as archive:
        assert json.loads(archive.read("manifest.json"))["as_of"]["audit_entry"] == number
        assert b"Rash" in archive.read("data/adverse_events.csv")
    job.refresh_from_db()
    assert (job.state, job.finished_at) == ("ready", later)


def test_an_entry_that_is_not_there_is_refused_with_the_last_one_named(administrator, browse, now):
    last = last_id()
    with pytest.raises(Refused, match=f"The audit trail ends with entry {last}"):
        jobs.request_export(**GIVEN, as_of=last + 1000, by=administrator, at=now)
    answer = browse(administrator).post(reverse("exports"), GIVEN | {"preview": "1", "as_of": last + 1000})
    assert answer.status_code == 422
    assert "The audit trail ends with entry" in answer.content.decode()
    assert ExportJob.objects.count() == 0


def trail_of(package):
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return list(csv.DictReader(io.StringIO(archive.read("data/audit_trail.csv").decode())))


def test_the_trail_in_a_package_holds_the_entries_about_rows_of_its_sites(told, packed, now, settings, tmp_path):
    target = tmp_path / "one.zip"
    one_site = package.Order("EXP", ("audit_trail",), ("MUSC",), "csv", Level.IDENTIFIED, purpose="", role="", at=now)
    package.build(one_site, tmp_path / "one", target, lambda *told: None, lambda: now)
    rows, everything = trail_of(target.read_bytes()), trail_of(packed())
    assert 0 < len(rows) < len(everything) <= Entry.objects.count()
    assert b"EMO-001" not in zipfile.ZipFile(target).read("data/audit_trail.csv")
    assert any("EMO-001" in row["new"] for row in everything)


def test_messages_leave_coded_without_a_word_to_anybody(told, packed):
    Mail.objects.update(subject="Marker", body="Marker")
    coded = zipfile.ZipFile(io.BytesIO(packed(level=Level.CODED)))
    rows = list(csv.DictReader(io.StringIO(coded.read("data/mails.csv").decode())))
    assert len(rows) == Mail.objects.count() > 0
    assert {"recipient", "address", "subject", "body"} & rows[0].keys() == set()
    assert b"Marker" in zipfile.ZipFile(io.BytesIO(packed())).read("data/mails.csv")


@pytest.mark.parametrize("level", [Level.STUDY_DAY, Level.SHIFTED])
def test_neither_trail_nor_messages_leave_without_their_dates(told, packed, level):
    archive = zipfile.ZipFile(io.BytesIO(packed(level=level)))
    assert json.loads(archive.read("manifest.json"))["kept_back"] == [
        "trial_deviations",
        "audit_trail",
        "notices",
        "mails",
    ]
    assert "audit_trail: the whole dataset" in archive.read("README.txt").decode()
    assert {"data/audit_trail.csv", "data/notices.csv", "data/mails.csv"} & set(archive.namelist()) == set()


def test_the_trail_alone_at_a_level_that_keeps_it_back_is_refused(coordinator, now):
    with pytest.raises(Refused, match="Audit trail.* has nothing that may leave at this privacy"):
        jobs.request_export(**GIVEN | {"datasets": ["audit_trail"]}, by=coordinator, at=now)
