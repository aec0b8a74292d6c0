"""Exports from the request to the file: asked for once, worked on by whoever is free, never half offered."""

import logging
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import Max

from studytracker.access.grants import Permission
from studytracker.refusal import Refused
from studytracker.trust.acting import acting, current
from studytracker.trust.as_of import point_at
from studytracker.trust.models import Entry

from .datasets import all_datasets
from .formats import AS_RECORDED_ONLY, WRITERS
from .models import Download, ExportJob
from .order import Order
from .package import Cancelled, build, sha256
from .privacy import Level
from .registry import tables as registry

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)  # a silent worker has lost its job after this; it speaks every few thousand rows
KEPT_FOR = timedelta(days=7)
MOST_TRIES = 3
SPEAK_EVERY = timedelta(seconds=1)


@transaction.atomic
def request_export(
    *, datasets, sites, format, level, purpose, reason="", as_of=None, options=None, by, at
) -> ExportJob:
    """Put an export in the queue. Refuses what this person may not export, each with a sentence."""
    check(datasets=datasets, sites=sites, format=format, level=level, reason=reason, as_of=as_of, by=by)
    options = registry.options(format, options or {}, sites)
    job = ExportJob.objects.create(
        datasets=[name for name in all_datasets() if name in datasets],
        format=format,
        level=level,
        purpose=purpose,
        reason=reason,
        as_of=as_of,
        options=options,
        requested_at=at,
        requested_by=by,
    )
    job.sites.set(sorted(sites))
    return job


def check(*, datasets, sites, format, level, reason, as_of, by):
    """Refuse, with a sentence, what this person may not export or what cannot be made."""
    if not datasets or not set(datasets) <= all_datasets().keys():
        raise Refused("Choose at least one of the listed datasets.", field="datasets")
    if format not in WRITERS:
        raise Refused("Choose one of the listed formats.", field="format")
    if not sites or not set(sites) <= by.sites_where(Permission.EXPORT):
        raise Refused("Choose sites at which you may export.", field="sites")
    _check_level(datasets, sites, format, level, reason, by)
    _check_as_of(as_of, sites, by)


def _check_level(datasets, sites, format, level, reason, by):
    if format in AS_RECORDED_ONLY and level != Level.IDENTIFIED:
        words = "ODM holds accounts, dates and words throughout: it leaves as recorded only. Choose another privacy."
        raise Refused(words, field="level")
    if level == Level.IDENTIFIED:
        if not set(sites) <= by.sites_where(Permission.EXPORT_IDENTIFIED):
            raise Refused("Your role does not let you export data as recorded. Choose another privacy.", field="level")
        if not reason.strip():
            raise Refused("Say why the data must leave as recorded.", field="reason")
    for each in (all_datasets()[name] for name in datasets):
        if not set(sites) <= by.sites_where(each.needs):
            words = f"Your role does not let you {each.needs.value} at these sites: leave out “{each.title}”."
            raise Refused(words, field="datasets")
        if len(datasets) == 1 and not each.leaves_at(level):
            words = f"“{each.title}” has nothing that may leave at this privacy. Choose another."
            raise Refused(words, field="level")


def _check_as_of(as_of, sites, by):
    if as_of is None:
        return
    if not set(sites) <= by.sites_where(Permission.AUDIT):
        raise Refused("Your role does not let you read the audit trail at these sites.", field="as_of")
    last = Entry.objects.aggregate(last=Max("id"))["last"] or 0
    if point_at(as_of) is None or as_of > last:
        raise Refused(f"The audit trail ends with entry {last}: name one of its entries.", field="as_of")


def cancel(*, job, by, at) -> bool:
    """True where it was still unfinished. The worker notices when it next speaks."""
    changed = ExportJob.objects.unfinished().filter(pk=job.pk)
    return bool(changed.update(cancelled_at=at, cancelled_by=by, lease_until=None))


def folder() -> Path:
    path = Path(settings.VAR_DIR) / "exports"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def path_of(job) -> Path:
    return folder() / job.file_name


def claim(pk: int, at: datetime) -> ExportJob | None:
    """The job, if this call took it. Of two workers one gets it; after MOST_TRIES deaths it has failed."""
    job = ExportJob.objects.filter(pk=pk).first()
    if job is None:
        return None
    mine = ExportJob.objects.workable(at).filter(pk=pk, attempts=job.attempts)
    if job.attempts >= MOST_TRIES:
        mine.update(failed_at=at, error=f"The work ended {MOST_TRIES} times without a result. Ask for it again.")
        return None
    if not mine.update(attempts=job.attempts + 1, lease_until=at + LEASE, rows_done=0, step="", step_number=0):
        return None
    job.refresh_from_db()
    return job


def run(pk: int, clock: Callable[[], datetime]) -> ExportJob | None:
    """Work on one export to its end. Returns it, or None where somebody else has it or it was cancelled."""
    job = claim(pk, clock())
    if job is None:
        return None
    name = f"{job}-{job.attempts}.zip"
    with Voice(job, clock) as voice:
        try:
            manifest = build(_order(job), folder() / f".{job}-{job.attempts}", folder() / name, voice.tell, clock)
        except Cancelled:
            return None
        except Refused as refused:
            _mine(job).update(failed_at=clock(), error=str(refused)[:1000], lease_until=None)
            return None
        except Exception as problem:
            log.exception("%s failed", job)
            _mine(job).update(failed_at=clock(), error=f"{type(problem).__name__}: {problem}"[:1000], lease_until=None)
            return None
    return _finish(job, name, manifest, clock())


def _order(job) -> Order:
    roles = sorted({membership.get_role_display() for membership in job.requested_by.current_memberships})
    return Order(
        export=str(job),
        datasets=tuple(job.datasets),
        sites=tuple(job.site_codes),
        format=job.format,
        level=job.level,
        purpose=job.purpose,
        role="; ".join(roles),
        at=job.requested_at,
        as_of=job.as_of,
        options=job.options,
    )


def _mine(job):
    """The row, as long as this attempt still has it: not cancelled, not taken over by another worker."""
    return ExportJob.objects.unfinished().filter(pk=job.pk, attempts=job.attempts)


def _finish(job, name, manifest, at) -> ExportJob | None:
    path = folder() / name
    done = _mine(job).update(
        finished_at=at,
        file_name=name,
        bytes=path.stat().st_size,
        sha256=sha256(path),
        manifest=manifest,
        expires_at=at + KEPT_FOR,
        lease_until=None,
    )
    if not done:
        path.unlink()
        return None
    job.refresh_from_db()
    return job


class Voice:
    """Tells how far the work is, and hears of a cancellation, while the rows are read in one long snapshot.

    It speaks on a connection of its own, in a thread of its own: the snapshot's connection must not write.
    """

    def __init__(self, job, clock):
        self.job, self.clock = job, clock
        self.quiet_until = None
        self.context = current()
        self.before = copy_context()  # the clock there runs on while a package is of an earlier moment
        # Inside a caller's transaction there is no other connection that sees the row.
        self.pool = None if connection.in_atomic_block else ThreadPoolExecutor(1)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        if self.pool:
            self.pool.submit(connections.close_all).result()
            self.pool.shutdown()

    def tell(self, title: str, step: int, rows: int, total: int):
        at = self.before.run(self.clock)
        if self.quiet_until and at < self.quiet_until and rows != total:
            return
        self.quiet_until = at + SPEAK_EVERY
        facts = {"step": title, "step_number": step, "rows_done": rows, "rows_total": total, "lease_until": at + LEASE}
        heard = self.pool.submit(self._write, facts).result() if self.pool else _mine(self.job).update(**facts)
        if not heard:
            raise Cancelled

    def _write(self, facts):
        with acting(self.context.username, source=self.context.source):
            return _mine(self.job).update(**facts)


def expire(at: datetime) -> int:
    """Remove the files whose time is up, and what dead workers left. The history stays."""
    count = 0
    for job in ExportJob.objects.expired(at):
        path_of(job).unlink(missing_ok=True)
        count += ExportJob.objects.expired(at).filter(pk=job.pk).update(removed_at=at)
    _remove_left(at)
    return count


def _remove_left(at):
    """Files that no finished export offers and no worker with a lease is writing."""
    # Looked at first: whoever claims a job from now on writes files that are not in this list.
    there = list(folder().iterdir())
    kept = ExportJob.objects.filter(finished_at__isnull=False, removed_at=None).values_list("file_name", flat=True)
    offered = set(kept)
    busy = tuple(f"{job}-{job.attempts}" for job in ExportJob.objects.unfinished().filter(lease_until__gte=at))
    for path in there:
        name = path.name.removeprefix(".")
        if path.name in offered or name in busy or name.startswith(tuple(f"{each}." for each in busy)):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def note_download(*, job, by, at) -> Download:
    return Download.objects.create(job=job, downloaded_at=at, downloaded_by=by)


def work(clock: Callable[[], datetime]) -> int:
    """Everything that waits, one after the other; then what is to be removed. Returns how many were finished."""
    waiting = list(ExportJob.objects.workable(clock()).order_by("requested_at").values_list("pk", flat=True))
    finished = sum(run(pk, clock) is not None for pk in waiting)
    expire(clock())
    return finished
