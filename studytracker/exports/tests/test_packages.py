"""A package from the request to the file: whole, checked, within its sites, and never half offered."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from studytracker.exports import jobs, package
from studytracker.exports.datasets import all_datasets
from studytracker.exports.models import ExportJob
from studytracker.exports.package import Incomplete, sha256
from studytracker.exports.privacy import Level
from studytracker.refusal import Refused


def ask(by, *, at, datasets=None, sites=("MUSC",), format="csv", level=Level.CODED, reason=""):
    return jobs.request_export(
        datasets=datasets or list(all_datasets()),
        sites=sites,
        format=format,
        level=level,
        purpose="for the tests",
        reason=reason,
        by=by,
        at=at,
    )


@pytest.fixture
def made(settings, tmp_path, now):
    """made(job) works on it as a worker would and opens the package."""
    settings.VAR_DIR = tmp_path

    def make(job):
        done = jobs.run(job.pk, lambda: now)
        assert done is not None, ExportJob.objects.get(pk=job.pk).error
        return zipfile.ZipFile(jobs.path_of(done))

    return make


def table(archive, name):
    return list(csv.DictReader(io.StringIO(archive.read(f"data/{name}.csv").decode())))


def test_a_package_holds_the_data_its_dictionary_a_manifest_checksums_and_a_page_in_words(
    musc, administrator, made, now
):
    musc.infused()
    archive = made(ask(administrator, at=now))
    data = {f"data/{name}.csv" for name, each in all_datasets().items() if each.leaves_at(Level.CODED)}
    papers = {"README.txt", "SHA256SUMS", "codelists.csv", "data_dictionary.csv", "manifest.json"}
    assert set(archive.namelist()) == data | papers


def test_the_checksums_are_those_of_every_other_file(musc, administrator, made, now):
    archive = made(ask(administrator, at=now))
    sums = dict(line.split("  ")[::-1] for line in archive.read("SHA256SUMS").decode().splitlines())
    assert sums == {
        name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist() if name != "SHA256SUMS"
    }


def test_the_manifest_counts_rows_as_the_database_does(musc, emory, administrator, made, now):
    musc.infused()
    emory.screened()
    archive = made(ask(administrator, at=now, sites=("MUSC", "EMORY")))
    manifest = json.loads(archive.read("manifest.json"))
    assert {each["dataset"]: each["rows"] for each in manifest["datasets"]} == {
        name: dataset.rows().count() for name, dataset in all_datasets().items() if dataset.leaves_at(Level.CODED)
    }
    assert manifest["kept_back"] == ["trial_deviations", "audit_trail"]
    assert manifest["datasets"][0]["rows"] == 2
    assert manifest["created_by_role"] == "Administrator"


def test_the_stored_checksum_is_that_of_the_file(administrator, made, now):
    job = ask(administrator, at=now)
    made(job)
    job.refresh_from_db()
    assert job.sha256 == sha256(jobs.path_of(job))
    assert job.state == "ready"


def test_the_same_data_give_the_same_bytes(musc, administrator, made, now):
    musc.infused()
    job = ask(administrator, at=now)
    order = jobs._order(job)
    first, second = jobs.folder() / "one.zip", jobs.folder() / "two.zip"
    for target in (first, second):
        package.build(order, jobs.folder() / "building", target, lambda *facts: None, lambda: now)
    assert first.read_bytes() == second.read_bytes()


def test_a_package_holds_its_sites_only(musc, emory, administrator, made, now):
    mine, other = musc.infused(), emory.infused()
    archive = made(ask(administrator, at=now))
    assert [row["participant"] for row in table(archive, "participants")] == [mine.identifier]
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert other.identifier.encode() not in whole


def test_a_lost_row_is_noticed_and_nothing_is_offered(musc, administrator, made, now, monkeypatch):
    musc.infused()
    job = ask(administrator, at=now)
    rows = package.Extract.rows
    monkeypatch.setattr(package.Extract, "rows", lambda self, limit=None: list(rows(self, limit))[1:])
    assert jobs.run(job.pk, lambda: now) is None
    job.refresh_from_db()
    assert (job.state, job.file_name) == ("failed", "")
    assert job.error.startswith(f"{Incomplete.__name__}: data/")
    assert list(jobs.folder().iterdir()) == []


def test_xlsx_holds_real_types_a_frozen_header_and_a_dictionary(musc, administrator, made, now):
    participant = musc.infused()
    archive = made(ask(administrator, at=now, format="xlsx"))
    book = load_workbook(io.BytesIO(archive.read("studytracker.xlsx")))
    sheet = book["Infusions"]
    header = [cell.value for cell in sheet[1]]
    row = dict(zip(header, sheet[2], strict=True))
    assert sheet.freeze_panes == "A2"
    assert (row["infused"].value.date(), row["infused"].number_format) == (participant.infused_on, "yyyy-mm-dd")
    assert (row["weight"].value, row["weight"].data_type) == (72.4, "n")
    assert book.sheetnames[-1] == "Dictionary"
    assert book["Adverse events"].max_row == 1


def test_json_holds_what_the_database_holds(musc, administrator, made, now):
    participant = musc.infused()
    found = json.loads(made(ask(administrator, at=now, format="json")).read("data/infusions.json"))
    row = dict(zip(found["columns"], found["rows"][0], strict=True))
    assert len(found["rows"]) == 1
    assert (row["participant"], row["weight"], row["planned_cells"]) == (participant.identifier, "72.40", 72_400_000)
    assert row["infused"] == participant.infused_on.isoformat()


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"sites": ("EMORY",)}, "sites"),
        ({"sites": ()}, "sites"),
        ({"datasets": ["no such"]}, "datasets"),
        ({"format": "docx"}, "format"),
        ({"level": Level.IDENTIFIED, "reason": "asked for"}, "level"),
    ],
)
def test_what_a_person_may_not_export_is_refused_with_a_sentence(coordinator, now, facts, field):
    with pytest.raises(Refused) as refused:
        ask(coordinator, at=now, **facts)
    assert refused.value.field == field
    assert ExportJob.objects.count() == 0


def test_as_recorded_needs_a_reason(investigator, now):
    with pytest.raises(Refused) as refused:
        ask(investigator, at=now, level=Level.IDENTIFIED)
    assert refused.value.field == "reason"


def test_of_two_workers_one_gets_the_job(administrator, now):
    job = ask(administrator, at=now)
    assert jobs.claim(job.pk, now).attempts == 1
    assert jobs.claim(job.pk, now) is None


def test_a_silent_worker_s_job_is_taken_over_and_its_file_is_not_the_one_offered(administrator, made, now):
    job = ask(administrator, at=now)
    dead = jobs.claim(job.pk, now)
    later = now + jobs.LEASE + timedelta(seconds=1)
    assert jobs.run(job.pk, lambda: later).file_name == f"{job}-2.zip"
    assert jobs._mine(dead).update(step="still here") == 0


def test_a_job_whose_workers_keep_dying_ends_with_a_sentence(administrator, made, now):
    job = ask(administrator, at=now)
    for attempt in range(jobs.MOST_TRIES + 1):
        jobs.claim(job.pk, now + attempt * (jobs.LEASE + timedelta(seconds=1)))
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "The work ended 3 times without a result. Ask for it again.")


def test_a_cancelled_export_leaves_no_file(musc, administrator, made, now, monkeypatch):
    musc.infused()
    job = ask(administrator, at=now)

    def cancelled_while_reading(self, limit=None):
        jobs.cancel(job=job, by=administrator, at=now)
        return iter([])

    monkeypatch.setattr(package.Extract, "rows", cancelled_while_reading)
    assert jobs.run(job.pk, lambda: now) is None
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert list(jobs.folder().iterdir()) == []


def test_files_are_removed_after_their_time_and_the_history_stays(administrator, made, now):
    job = ask(administrator, at=now)
    made(job).close()
    assert jobs.expire(now + jobs.KEPT_FOR - timedelta(seconds=1)) == 0
    assert jobs.expire(now + jobs.KEPT_FOR) == 1
    job.refresh_from_db()
    assert (job.state, jobs.path_of(job).exists()) == ("removed", False)
    assert len(job.sha256) == 64


def test_the_command_makes_a_package_within_the_rights_of_the_account(musc, coordinator, settings, tmp_path, command):
    settings.VAR_DIR = tmp_path
    musc.infused()
    command("export", by="crc.musc", purpose="for the tests", output=tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["privacy"]["level"] == "study_day"
