"""Workers that make exports and are killed with SIGKILL in the middle, and what is there afterwards."""

import hashlib
import io
import json
import os
import random as chance
import signal
import sys
import zipfile
from collections import Counter
from datetime import timedelta

from django.db import connections
from django.urls import reverse

from conftest import Browser, apart
from studytracker.exports import jobs
from studytracker.exports.datasets import all_datasets
from studytracker.exports.models import ExportJob
from studytracker.exports.privacy import Level
from studytracker.trust.acting import acting

FORMATS = ("csv", "xlsx", "json", "sdtm-json", "odm-transactional")
SITES = ("MUSC",)


def killed_jobs(by, elsewhere, kills: int, seed, at) -> tuple[Counter, list[str]]:
    """So many workers killed, each at a call chosen beforehand between the first and the last of the same job.

    Every fourth job loses three workers and has to end failed; the others are taken up by the next worker and have to
    be made. `elsewhere` is somebody of another site. Returns counts and what was wrong, in words.
    """
    random, seen, wrong = chance.Random(seed), Counter(), []
    calls = {}
    number = 0
    while seen["kills"] < kills:
        job = asked(by, FORMATS[number % len(FORMATS)], at)
        if job.format not in calls:
            calls[job.format] = _calls_of(job, at)
            job = asked(by, job.format, at)
        deaths = jobs.MOST_TRIES if number % 4 == 3 else 1
        for death in range(deaths):
            later = at + death * (jobs.LEASE + timedelta(seconds=1))
            seen[_killed(job, random.randint(1, calls[job.format]), later)] += 1
            wrong += _wrong_now(job, by, elsewhere)
            if job.state == "ready":
                break
        seen += _ended(job, at + deaths * (jobs.LEASE + timedelta(seconds=1)), wrong)
        wrong += _wrong_now(job, by, elsewhere) + _left_lying(at + timedelta(hours=1))
        number += 1
    return seen, wrong


def asked(by, format, at) -> ExportJob:
    return apart(_ask, by, format, at)


def _ask(by, format, at):
    facts = {"datasets": list(all_datasets()), "sites": SITES, "format": format, "purpose": "to be killed"}
    with acting(by, source="direct"):
        return jobs.request_export(**facts, level=Level.IDENTIFIED, reason="A proof", by=by, at=at)


def _work(job, at):
    with acting("exports", source="task"):
        jobs.run(job.pk, lambda: at)


def _calls_of(job, at) -> int:
    """How many calls, of Python and of C, a whole job takes."""
    reading, writing = os.pipe()
    connections.close_all()
    child = os.fork()
    if child == 0:
        count = [0]
        try:
            sys.setprofile(lambda frame, event, argument: count.__setitem__(0, count[0] + 1))
            apart(_work, job, at)
        finally:
            sys.setprofile(None)
            os.write(writing, str(count[0]).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = int(pipe.read())
    os.waitpid(child, 0)
    return told


def _killed(job, call: int, at) -> str:
    """'kills', or 'ended first' where the job took fewer calls this time."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        left = [call]

        def tick(frame, event, argument):
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(tick)
            apart(_work, job, at)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return "kills" if os.WIFSIGNALED(status) else "ended first"


def _ended(job, at, wrong) -> Counter:
    """The next worker: the job is made, or has failed with a sentence after too many deaths."""
    job.refresh_from_db()
    before = job.state
    if before in ("waiting", "running"):
        apart(_work, job, at)
        job.refresh_from_db()
    if job.state not in ("ready", "failed") or (job.state == "failed" and job.attempts < jobs.MOST_TRIES):
        wrong.append(f"{job} is {job.state} after {job.attempts} attempts: {job.error}")
    return Counter({f"{job.state} after {'the file was whole' if before == 'ready' else 'another worker'}": 1})


def _wrong_now(job, by, elsewhere) -> list[str]:
    """What a person at the page could get that is not whole, or not theirs."""
    job.refresh_from_db()
    url, found = reverse("download_export", args=[job.pk]), []
    mine, theirs = (apart(_signed_in, who) for who in (by, elsewhere))
    nowhere = theirs.post(reverse("download_export", args=[job.pk + 10**6]))
    answer = theirs.post(url)
    if (answer.status_code, answer.content) != (404, nowhere.content):
        found.append(f"{job}: somebody of another site gets {answer.status_code}")
    answer = mine.post(url)
    if job.state != "ready":
        if answer.status_code != 410:
            found.append(f"{job} is {job.state}, and its download answers {answer.status_code}")
        return found
    content = b"".join(answer.streaming_content)
    if hashlib.sha256(content).hexdigest() != job.sha256 or not is_whole(content):
        found.append(f"{job}: what is offered is not whole")
    return found


def _signed_in(user) -> Browser:
    client = Browser()
    with acting(user, source="direct"):
        client.force_login(user)
    return client


def is_whole(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sums = [line.split("  ") for line in archive.read("SHA256SUMS").decode().splitlines()]
            named = {name for _, name in sums} | {"SHA256SUMS"}
            manifest = json.loads(archive.read("manifest.json"))
            return (
                named == set(archive.namelist())
                and {each["file"] for each in manifest["datasets"]} <= named
                and all(hashlib.sha256(archive.read(name)).hexdigest() == digest for digest, name in sums)
            )
    except (zipfile.BadZipFile, KeyError, ValueError):
        return False


def _left_lying(at) -> list[str]:
    """What is in the folder, once the scheduler has looked, besides the files of jobs that are ready."""
    apart(_expire, at)
    offered = {job.file_name for job in ExportJob.objects.exclude(finished_at=None)}
    return [f"{path.name} was left lying" for path in jobs.folder().iterdir() if path.name not in offered]


def _expire(at):
    with acting("exports", source="task"):
        jobs.expire(at)
