"""A worker killed at any moment: the job is taken up or ends, and half a file is never offered.

scripts/proof_exports.py does it at full size.
"""

import zipfile
from datetime import timedelta

import pytest

from studytracker.exports import jobs

from .killing import asked, is_whole, killed_jobs


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_leaves_a_job_that_ends_and_no_half_file(
    musc, investigator, emory_investigator, settings, tmp_path, now
):
    settings.VAR_DIR = tmp_path
    settings.ALLOWED_HOSTS = ["testserver"]
    musc.infused()
    seen, wrong = killed_jobs(investigator, emory_investigator, 12, seed=1, at=now)
    assert wrong == []
    assert seen["kills"] >= 12
    assert seen["ready after another worker"] > 0
    assert seen["failed after another worker"] > 0


def test_a_file_cut_short_or_changed_would_be_found(musc, investigator, settings, tmp_path, now):
    """The negative control of the search for halves."""
    settings.VAR_DIR = tmp_path
    musc.infused()
    done = jobs.run(asked(investigator, "csv", now).pk, lambda: now)
    content = jobs.path_of(done).read_bytes()
    with zipfile.ZipFile(jobs.path_of(done)) as old, zipfile.ZipFile(tmp_path / "less.zip", "w") as less:
        for name in old.namelist():
            if name != "data/visits.csv":
                less.writestr(name, old.read(name))
    found = [is_whole(each) for each in (content, content[:-1], content[:100], (tmp_path / "less.zip").read_bytes())]
    assert found == [True, False, False, False]


def test_what_dead_workers_left_is_removed_and_what_others_work_on_is_not(investigator, settings, tmp_path, now):
    settings.VAR_DIR = tmp_path
    dead, alive = (asked(investigator, "csv", now) for _ in range(2))
    jobs.claim(dead.pk, now - jobs.LEASE - timedelta(seconds=1))
    jobs.claim(alive.pk, now)
    for job in (dead, alive):
        (jobs.folder() / f".{job}-1" / "data").mkdir(parents=True)
        (jobs.folder() / f".{job}-1.zip.unfinished").write_bytes(b"half")
        (jobs.folder() / f"{job}-1.zip").write_bytes(b"half")
    jobs.expire(now)
    assert sorted(path.name for path in jobs.folder().iterdir()) == [
        f".{alive}-1",
        f".{alive}-1.zip.unfinished",
        f"{alive}-1.zip",
    ]
