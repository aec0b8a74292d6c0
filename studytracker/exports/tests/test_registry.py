"""The registry's tables: numbers against another way of counting, files against the registry's own schemas."""

import io
import json
import random
import subprocess
import sys
import warnings
import zipfile
from datetime import date, timedelta

import pandas
import pytest
from django.conf import settings as project
from django.db import connection
from django.urls import reverse
from lxml import etree
from openpyxl import load_workbook

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import staged
from participants.screening import fail_screening, withdraw
from studytracker.dates import PartialDate
from studytracker.exports import jobs, package
from studytracker.exports.order import Incomplete, Order
from studytracker.exports.privacy import Level
from studytracker.exports.registry import files, tables
from studytracker.exports.registry.checking import problems
from studytracker.exports.registry.tables import NotReportable, results, words
from studytracker.refusal import Refused

VALIDATOR = project.BASE_DIR.parent / "shared" / "validators" / "validate_prs"
TERMS = [
    ("Headache", "Nervous system disorders"),
    ("Fever", "General disorders and administration site conditions"),
    ("Rash =1+1", "Skin and subcutaneous tissue disorders"),
    ("Zoster <b>&", "Infections and infestations"),
]
GIVEN = {"datasets": ["visits"], "sites": ["EMORY", "MUSC"], "format": "registry", "level": Level.CODED}


def order(at, **options):
    options = {"threshold": "0", "assessment_type": tables.ASSESSMENTS[0], "time_frame": "To Week 52"} | options
    return Order("EXP", ("visits",), ("EMORY", "MUSC"), "registry", Level.CODED, "", "", at, options=options)


@staged
def told(musc, emory, coordinator, now):
    """Four infused, one enrolled only, one screen failure; events before and after the infusion, some voided."""
    draw = random.Random(20250618)
    infused = [musc.infused(date(2025, 3, 3)), emory.infused(date(2025, 4, 7)), musc.infused(), emory.infused()]
    musc.enrolled()
    failed = emory.answered(E12="present")
    fail_screening(participant=failed, failed_on=date(2025, 6, 1), reason="E12: asthma", by=emory.coordinator, at=now)
    for number in range(60):
        participant = draw.choice(infused)
        term, system = draw.choice(TERMS)
        onset = participant.infused_on + timedelta(days=draw.randint(-3, 10))
        started = PartialDate(onset.year, onset.month) if number % 9 == 0 else PartialDate.of(onset)
        is_serious = draw.random() < 0.3
        event = report(
            participant=participant,
            term=f"verbatim {number}",
            started=started,
            is_important_medical_event=is_serious,
            by=coordinator,
            at=now,
        )
        AdverseEvent.objects.filter(pk=event.pk).update(
            dictionary_term=term if number % 2 else term.upper(),
            body_system=system,
            **(
                {"voided_at": now, "voided_by": coordinator, "voided_reason": "Typed twice"}
                if number % 13 == 0
                else {}
            ),
        )
    facts = {"withdrawn_on": date(2025, 6, 17), "by": musc.coordinator, "at": now, "note": ""}
    withdraw(participant=infused[0], reason="lost_to_follow_up", **facts)
    return infused


def counted_otherwise():
    """The same tables from raw SQL and pandas: {(type, system, term): (events, affected)}, at risk, two totals."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.participant_id, lower(e.dictionary_term), e.body_system, e.is_serious, e.started, i.infused_on "
            "FROM adverse_events_adverseevent e JOIN participants_infusion i ON i.participant_id = e.participant_id "
            "WHERE e.voided_at IS NULL"
        )
        rows = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM participants_infusion")
        at_risk = cursor.fetchone()[0]
    frame = pandas.DataFrame(rows, columns=["who", "term", "system", "serious", "started", "day0"])
    starts = pandas.PeriodIndex(frame.started.str.ljust(7), freq="M").end_time.where(
        frame.started.str.len() < 10, pandas.to_datetime(frame.started, format="mixed")
    )
    frame = frame[starts >= pandas.to_datetime(frame.day0)]
    frame["system"] = frame.system.map(words()["organ_system"])
    frame["serious"] = frame.serious.astype(bool)
    grouped = frame.groupby(["serious", "system", "term"]).who.agg(["size", "nunique"])
    totals = frame.groupby("serious").who.nunique()
    lines = {key: (int(events), int(affected)) for key, (events, affected) in grouped.iterrows()}
    return lines, at_risk, int(totals.get(True, 0)), int(totals.get(False, 0))


def test_the_tables_hold_what_another_way_of_counting_finds(told, now):
    found = results(order(now)).events
    lines = {
        (line.is_serious, line.system, line.term.casefold()): (line.events, line.affected) for line in found.lines
    }
    assert (lines, found.at_risk, found.affected_serious, found.affected_other) == counted_otherwise()
    assert len(lines) > 6
    assert [line.is_serious for line in found.lines] == sorted((line.is_serious for line in found.lines), reverse=True)


def test_a_lost_event_would_be_seen_by_that_comparison(told, now):
    found = results(order(now)).events
    AdverseEvent.objects.filter(voided_at=None).exclude(started__lt="2025-06-01").update(
        voided_at=now, voided_by=told[0].screened_by, voided_reason="A control"
    )
    assert sum(line.events for line in found.lines) != sum(events for events, _ in counted_otherwise()[0].values())


def test_flow_starts_with_the_enrolled_and_adds_up(told, now):
    flow = results(order(now)).flow
    assert (flow.started, flow.infused, flow.completed) == (5, 4, 0)
    assert {(reason.kind, reason.name): reason.count for reason in flow.reasons} == {
        ("Lost to Follow-up", ""): 1,
        ("Other", "In follow-up when the data were read"): 4,
    }
    assert flow.started == flow.completed + sum(reason.count for reason in flow.reasons)


def test_an_event_that_certainly_began_before_the_infusion_is_not_counted(musc, coordinator, now):
    participant = musc.infused()
    day0 = participant.infused_on
    for started in (PartialDate.of(day0 - timedelta(1)), PartialDate.of(day0), PartialDate(day0.year, day0.month)):
        report(participant=participant, term="Fever", started=started, by=coordinator, at=now)
    AdverseEvent.objects.update(dictionary_term="Fever", body_system="Investigations")
    assert [line.events for line in results(order(now)).events.lines] == [2]


def test_other_events_are_told_above_the_threshold_and_serious_ones_always(told, now, monkeypatch):
    everything = results(order(now)).events
    monkeypatch.setattr(tables, "HIGHEST_THRESHOLD", 100)
    above = results(order(now, threshold="60")).events
    assert [line for line in above.lines if line.is_serious] == [line for line in everything.lines if line.is_serious]
    assert [line for line in above.lines if not line.is_serious] == [
        line for line in everything.lines if not line.is_serious and 100 * line.affected > 60 * everything.at_risk
    ]


def test_an_event_without_an_organ_system_stops_the_export_and_is_named(told, now):
    standing = AdverseEvent.objects.filter(voided_at=None).select_related("participant__infusion")
    event = next(each for each in standing if each.started.latest > each.participant.infused_on)
    AdverseEvent.objects.filter(dictionary_term__iexact=event.dictionary_term).update(body_system="No such class")
    with pytest.raises(NotReportable, match=f"{event.participant.identifier} event {event.number} .verbatim"):
        results(order(now))


@pytest.fixture
def packed(told, settings, tmp_path, now):
    settings.VAR_DIR = tmp_path
    manifest = package.build(order(now), tmp_path / "building", tmp_path / "made.zip", lambda *told: None, lambda: now)
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        archive.extractall(tmp_path / "out")
    return manifest, tmp_path / "out"


def outside(path):
    """What a validator with the registry's own schemas says, 0 or 1; None, told as a warning, where there is none."""
    if not VALIDATOR.exists():
        return warnings.warn(f"NOT RUN: the registry's schemas, for there is no {VALIDATOR}.", stacklevel=2)
    done = subprocess.run([sys.executable, VALIDATOR, path], capture_output=True, text=True)
    assert (done.returncode in (0, 1), done.stderr) == (True, ""), done.stdout
    return done.returncode


def test_the_upload_has_its_shape_and_is_valid_by_the_registry_s_schemas_where_they_are(packed):
    assert problems(packed[1] / "data" / "results.xml") == []
    assert outside(packed[1] / "data" / "results.xml") in (0, None)


def edited(path, old, new):
    content = path.read_text()
    assert old in content
    fresh = path.with_name("edited.xml")
    fresh.write_text(content.replace(old, new, 1))
    return fresh


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<outcomeMeasures/>", ""),
        ("<reportingGroupId>EG1", "<reportingGroupId>EG9"),
        ("<reportingGroupId>EG1", "<reportingGroupId>FG1"),
        (' partialUpload="true"', ""),
        ("<numSubjects>4", "<numSubjects>none"),
        ("<subjectsAchieve>5", "<subjectsAchieve>6"),
        ("<numSubjectsAffected>", "<numSubjectsAffected>9"),
        (' partial_upload="true"', ""),
        ("reasonType>", "reasonKind>"),
        (' id="FG1"', ""),
        ('interventionGroup id="EG1"', 'interventionGroup id="FG1"'),
        (">Systematic Assessment<", ">Asked now and then<"),
        ("<numDeaths>0", "<numDeaths>9"),
        ("<numSubjectsSeriousEvents>", "<numSubjectsSeriousEvents>9"),
        ("</rrs:result>", ""),
        ("study_collection", "study_collections"),
    ],
)
def test_each_fault_planted_in_it_is_refused_here_and_by_the_registry_s_schemas_where_they_are(packed, old, new):
    path = edited(packed[1] / "data" / "results.xml", old, new)
    assert problems(path) != []
    assert outside(path) in (1, None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "<org_name>",
            "<org_study_id>1</org_study_id><org_name>",
            "id_info holds org_study_id, org_name, org_study_id",
        ),
        ("<organSystemName>", "<organSystemName>Other ", "is no organ system of the registry"),
        ("<title>Overall Study</title>", "<title> </title>", "title is empty"),
        ("<timeFrame>To Week 52</timeFrame>", "", "reportedEvents holds assessmentType,"),
    ],
)
def test_what_the_schemas_leave_open_is_refused_here(packed, old, new, said):
    assert said in problems(edited(packed[1] / "data" / "results.xml", old, new))[0]


def test_a_file_that_does_not_hang_together_is_not_offered(told, settings, tmp_path, now, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(files, "EVENT_GROUP", "FG1")
    with pytest.raises(Incomplete, match="results.xml does not hang together: "):
        package.build(order(now), tmp_path / "building", tmp_path / "made.zip", lambda *told: None, lambda: now)
    assert not (tmp_path / "made.zip").exists()


def test_markup_in_a_term_stays_text(packed):
    tree = etree.parse(packed[1] / "data" / "results.xml")
    assert "Zoster <b>&" in {each.casefold().capitalize() for each in tree.xpath("//term/text()")}
    assert tree.xpath("//b") == []


def test_the_sheet_holds_the_lines_of_the_upload_and_no_formula(packed, now):
    book = load_workbook(packed[1] / "data" / "adverse_events.xlsx")
    header, *rows = book["Adverse events"].iter_rows()
    assert tuple(cell.value for cell in header) == files.COLUMNS
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n"}
    assert [(row[0].value, row[3].value, *(cell.value for cell in row[6:])) for row in rows] == [
        ("Serious" if line.is_serious else "Other", line.system, line.events, line.affected, 4)
        for line in results(order(now)).events.lines
    ]


def test_public_tables_hold_no_identifier_site_date_or_verbatim_text(packed, told):
    manifest, out = packed
    with zipfile.ZipFile(out / "data" / "adverse_events.xlsx") as book:
        whole = b"".join(book.read(name) for name in book.namelist() if not name.startswith("docProps/"))
    whole += (out / "data" / "results.xml").read_bytes()
    for what in (
        "verbatim",
        "crc.musc",
        *(each.identifier for each in told),
        *(str(each.infused_on) for each in told),
    ):
        assert what.encode() not in whole
    assert manifest["options"]["threshold"] == "0"


def test_public_tables_of_one_site_are_refused(administrator, coordinator, now):
    for by in (administrator, coordinator):
        with pytest.raises(Refused, match="choose every site") as refused:
            jobs.request_export(**GIVEN | {"sites": ["MUSC"]}, purpose="results", by=by, at=now)
        assert refused.value.field == "sites"


def test_a_threshold_beyond_the_registry_s_is_refused(administrator, now):
    with pytest.raises(Refused, match="from 0 to 5 percent"):
        jobs.request_export(**GIVEN, options={"threshold": "6"}, purpose="results", by=administrator, at=now)


def test_the_page_shows_the_tables_for_review_and_makes_the_package(
    told, administrator, browse, settings, tmp_path, now
):
    settings.VAR_DIR = tmp_path
    page, given = browse(administrator), GIVEN | {"purpose": "results", "level": "study_day", "threshold": "5"}
    shown = page.post(reverse("exports"), given | {"preview": "1"}).content.decode()
    assert '<tr><th scope="row">Started (enrolled)</th><td>5</td></tr>' in shown
    assert "Zoster &lt;b&gt;&amp;" in shown or "ZOSTER &lt;B&gt;&amp;" in shown
    page.post(reverse("exports"), given)
    job = jobs.ExportJob.objects.get()
    assert job.options["time_frame"] == "From the start of the infusion to Week 52"
    done = jobs.run(job.pk, lambda: now)
    with zipfile.ZipFile(jobs.path_of(done)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert [each["file"] for each in manifest["datasets"]].count("data/results.xml") == 2
        assert load_workbook(io.BytesIO(archive.read("data/adverse_events.xlsx"))).sheetnames == [
            "Adverse events",
            "About",
        ]


def test_what_is_missing_is_told_on_the_page_and_by_the_job(told, administrator, browse, settings, tmp_path, now):
    settings.VAR_DIR = tmp_path
    AdverseEvent.objects.filter(voided_at=None).update(body_system="")
    answer = browse(administrator).post(reverse("exports"), GIVEN | {"purpose": "results", "preview": "1"})
    assert answer.status_code == 422
    assert "The registry wants an organ system for every term. Give these theirs on the page" in answer.text
    assert f'<a href="{reverse("organ_systems")}">Organ systems</a>' in answer.text.partition("<form")[2]
    job = jobs.request_export(**GIVEN, purpose="results", by=administrator, at=now)
    assert jobs.run(job.pk, lambda: now) is None
    job.refresh_from_db()
    assert job.error.startswith("The registry wants an organ system for every term.")
    assert f'href="{reverse("organ_systems")}"' in browse(administrator).get(job.get_absolute_url()).text
