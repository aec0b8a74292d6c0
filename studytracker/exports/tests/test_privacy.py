"""Nothing leaves outside its level: every byte of every file is searched for planted markers and for dates."""

import csv
import io
import re
import zipfile
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import staged
from studytracker.dates import PartialDate
from studytracker.exports import jobs
from studytracker.exports.datasets import Kind, all_datasets
from studytracker.exports.privacy import ACTIONS, LONGEST_SHIFT, Level, Pseudonyms, Subject, _shifted, _study_day

ZONE = ZoneInfo("America/New_York")
MARKER = "Marker"
A_DATE = re.compile(rb"\b(19|20)\d\d-[01]\d(-[0-3]\d)?\b")
WHOLE_DATE = re.compile(r"\d{4}-\d\d-\d\d")
PAPERS_WITH_DATES = {"manifest.json", "README.txt"}  # when the package was made, not when anything happened


@staged
def marked(musc, coordinator, now):
    """A participant whose every free text holds the marker and its own place."""
    from adverse_events.models import AdverseEvent
    from adverse_events.reporting import report
    from participants.models import CriterionAnswer
    from visits.attendance import miss
    from visits.models import Deviation, Visit

    participant = musc.infused()
    report(
        participant=participant,
        term="Headache",
        started=PartialDate(2025, 6),
        is_ongoing=True,
        by=coordinator,
        at=now,
    )
    visit = Visit.objects.filter(participant=participant, closes_on__lt=now.date()).exclude(attended_on__isnull=False)[
        0
    ]
    miss(visit=visit, reason="travel", by=coordinator, at=now)
    AdverseEvent.objects.update(term=f"{MARKER}-term", note=f"{MARKER}-note")
    CriterionAnswer.objects.update(evidence=f"{MARKER}-evidence")
    Visit.objects.exclude(missed_at=None).update(missed_reason=f"{MARKER}-missed")
    Deviation.objects.update(description=f"{MARKER}-description")
    return participant


@pytest.fixture
def files(marked, administrator, settings, tmp_path, now):
    """files(level, format): the content of every file of the package, an XLSX as the files inside it."""
    settings.VAR_DIR = tmp_path

    def make(level, format):
        job = jobs.request_export(
            datasets=list(all_datasets()),
            sites=("MUSC",),
            format=format,
            level=level,
            purpose="for the tests",
            reason="for the tests" if level == Level.IDENTIFIED else "",
            by=administrator,
            at=now,
        )
        done = jobs.run(job.pk, lambda: now)
        return dict(_unpacked(jobs.path_of(done).read_bytes()))

    return make


def _unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            inner = archive.read(name)
            if name.endswith(".xlsx"):
                yield from _unpacked(inner)
            elif not name.startswith("docProps/"):
                yield name, inner


def holding(found, what):
    """The files that hold it as a word of its own: INTRAMUSCULAR names no site."""
    word = re.compile(rb"(?<![A-Za-z])" + re.escape(what.encode()))
    return sorted(name for name, content in found.items() if word.search(content))


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
def test_study_days_only_holds_no_identifier_site_account_text_or_date(files, marked, format):
    found = files(Level.STUDY_DAY, format)
    assert [holding(found, what) for what in (marked.identifier, "crc.musc", "pi.musc", MARKER, "EMORY")] == [[]] * 5
    assert holding(found, "MUSC") == []
    assert {name for name, content in found.items() if A_DATE.search(content)} <= PAPERS_WITH_DATES


def test_rows_stand_in_the_order_of_the_codes_so_that_sites_cannot_be_told_apart(files, marked, musc):
    for _ in range(5):
        musc.screened()
    found = files(Level.STUDY_DAY, "csv")
    for name in ("participants", "consents", "eligibility"):
        codes = [row["participant"] for row in _table(found[f"data/{name}.csv"])]
        assert codes == sorted(codes)
    assert "slot" not in _table(found["data/participants.csv"])[0]


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
def test_shifted_dates_holds_no_account_or_text(files, marked, format):
    found = files(Level.SHIFTED, format)
    assert [holding(found, what) for what in ("crc.musc", "pi.musc", MARKER)] == [[]] * 3


def test_shifted_dates_are_all_moved_by_the_same_days(files, marked):
    """Each whole date beside the one as recorded: one distance, and never none."""
    real, moved = (files(level, "csv") for level in (Level.CODED, Level.SHIFTED))
    distances = set()
    for name in (name for name in moved if name.startswith("data/")):
        for before, after in zip(_table(real[name]), _table(moved[name]), strict=True):
            for column in after.keys() & before.keys():
                if WHOLE_DATE.fullmatch(before[column]):
                    distances.add(date.fromisoformat(before[column]) - date.fromisoformat(after[column]))
    assert len(distances) == 1
    assert timedelta(1) <= distances.pop() <= timedelta(LONGEST_SHIFT)
    assert b"not shifted: known to the month only" in moved["data/adverse_events.csv"]


def _table(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_coded_holds_dates_and_text_and_no_account(files, marked):
    found = files(Level.CODED, "csv")
    assert holding(found, "crc.musc") == []
    assert "data/adverse_events.csv" in holding(found, MARKER)
    assert "data/infusions.csv" in holding(found, marked.infused_on.isoformat())


def test_as_recorded_holds_all_so_that_the_search_could_find_it(files, marked):
    """The negative control of the searches above."""
    found = files(Level.IDENTIFIED, "csv")
    for what in (marked.identifier, "crc.musc", f"{MARKER}-term", f"{MARKER}-evidence", f"{MARKER}-missed", "MUSC"):
        assert holding(found, what) != []
    assert {name for name, content in found.items() if A_DATE.search(content)} > PAPERS_WITH_DATES


def test_every_level_says_what_happens_to_every_kind():
    assert {level: set(actions) for level, actions in ACTIONS.items()} == {level: set(Kind) for level in Level}


def test_codes_are_the_same_within_an_export_and_differ_between_exports():
    participants = tuple(range(1, 41))
    codes = [
        [Pseudonyms(export, participants).code(_subject(pk)) for pk in participants] for export in ("A", "A", "B")
    ]
    assert codes[0] == codes[1] != codes[2]
    assert sorted(codes[0]) == [f"P{number:03d}" for number in participants]


def _subject(pk, day0=date(2025, 6, 2)):
    return Subject(pk, f"X-{pk}", day0, ZONE)


days = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(days, days, st.integers(1, 10**6))
def test_a_shift_keeps_intervals_and_is_never_none(first, second, pk):
    subject, codes = _subject(pk), Pseudonyms("A", (pk,))
    moved = [_shifted(day, subject, codes) for day in (first, second)]
    assert moved[1] - moved[0] == second - first
    assert timedelta(1) <= first - moved[0] <= timedelta(LONGEST_SHIFT)
    assert _shifted(PartialDate.of(first), subject, codes).earliest == moved[0]


@given(days, days)
def test_there_is_no_study_day_0(day, day0):
    found = _study_day(day, _subject(1, day0), None)
    assert found == (day - day0).days + (day >= day0)
    assert found != 0


@pytest.mark.parametrize(
    ("value", "day0", "told"),
    [
        (PartialDate(2025, 6), date(2025, 6, 2), "no study day: known to the month only"),
        (PartialDate(2025), date(2025, 6, 2), "no study day: known to the year only"),
        (date(2025, 6, 2), None, "no study day: not infused"),
        (None, date(2025, 6, 2), None),
        # 21:00 in New York is the next day in UTC.
        (datetime(2025, 6, 3, 1, tzinfo=ZoneInfo("UTC")), date(2025, 6, 2), 1),
    ],
)
def test_a_date_without_a_study_day_says_why(value, day0, told):
    assert _study_day(value, _subject(1, day0), None) == told
