"""SDTM: what goes where, read again by another reader than the writer, and what is refused."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas
import pytest
from lxml import etree

from adverse_events.reporting import report
from studytracker.dates import PartialDate
from studytracker.exports import jobs
from studytracker.exports.datasets import all_datasets
from studytracker.exports.privacy import Level, Pseudonyms, Subject
from studytracker.exports.sdtm import building, files
from studytracker.exports.sdtm.define import DEF, ODM
from studytracker.exports.sdtm.model import DatasetModel, Table, Variable, fitted, models
from studytracker.exports.sdtm.subjects import SdtmSubject, epoch

DAY0 = date(2025, 5, 31)


@pytest.fixture
def built(musc, emory, coordinator, administrator, settings, tmp_path, now):
    """built(level): the tables by name, for one infused, one failed and one in screening."""
    from participants.screening import fail_screening

    settings.VAR_DIR = tmp_path
    infused, failed = musc.infused(DAY0), emory.answered(E12="present")
    emory.screened()
    fail_screening(participant=failed, failed_on=date(2025, 6, 1), reason="E12: asthma", by=emory.coordinator, at=now)
    facts = {"grade": 2, "causality": "possible", "outcome": "not_recovered", "is_hospitalization": True}
    report(participant=infused, term="Zoster, café", started=PartialDate(2025, 6), by=coordinator, at=now, **facts)

    def make(level=Level.CODED):
        return {table.name: table for table in building.tables(_trial(level, now))}

    return make


def _trial(level, at):
    rows = all_datasets()["participants"].rows().select_related("infusion", "site").prefetch_related("consents")
    pseudonyms = Pseudonyms("T", tuple(row.pk for row in rows))
    return building.trial_of(rows, level=level, pseudonyms=pseudonyms, sites=["EMORY", "MUSC"], at=at)


def column(table, *names):
    return [tuple(row[name] for name in names) for row in table.rows]


def test_demographics_tell_the_dosed_from_those_who_never_were(built):
    assert column(built()["DM"], "SUBJID", "RFSTDTC", "ARMCD", "ACTARMCD", "ARMNRS") == [
        ("EMO-001", "", "", "", "SCREEN FAILURE"),
        ("EMO-002", "", "", "", "NOT ASSIGNED"),
        ("MUSC-001", "2025-05-31", "MSC1", "MSC1", ""),
    ]


def test_an_event_keeps_a_partial_date_and_has_no_study_day_for_it(built):
    (event,) = built()["AE"].rows
    assert {name: event[name] for name in ("AESTDTC", "AESTDY", "AESER", "AESHOSP", "AESDTH", "AETOXGR", "AEREL")} == {
        "AESTDTC": "2025-06",
        "AESTDY": None,
        "AESER": "Y",
        "AESHOSP": "Y",
        "AESDTH": "N",
        "AETOXGR": "2",
        "AEREL": "POSSIBLY RELATED",
    }
    assert (event["AEOUT"], event["AEENRTPT"], event["AESEV"]) == ("NOT RECOVERED/NOT RESOLVED", "ONGOING", "")


def test_exposure_and_disposition_follow_the_record(built):
    tables = built()
    assert column(tables["EX"], "EXDOSE", "EXDOSU", "EXSTDTC", "EXSTDY") == [(1.0, "10^6 CELLS/kg", "2025-05-31", 1)]
    assert ("SCREEN FAILURE", "DISPOSITION EVENT", "E12: asthma") in column(tables["DS"], "DSDECOD", "DSCAT", "DSTERM")
    assert column(tables["IE"], "IETESTCD", "IEORRES") == [("EXCL12", "Y")]


def test_a_missed_or_coming_visit_is_told_apart(built):
    assert {row["SVOCCUR"] for row in built()["SV"].rows} == {"Y"}
    assert [row["VISITNUM"] for row in built()["TV"].rows] == list(range(1, 13))


@pytest.mark.parametrize("level", Level)
def test_at_each_level_only_what_it_lets_out(built, level):
    tables = built(level)
    text = json.dumps([table.rows for table in tables.values() if not table.model.is_reference], default=str)
    dated = level != Level.STUDY_DAY
    assert ("MUSC-001" in text) is dated
    # Of the exposure alone: another date may be moved onto this very day.
    assert ([row.get("EXSTDTC") for row in tables["EX"].rows] == ["2025-05-31"]) is (
        level in (Level.CODED, Level.IDENTIFIED)
    )
    assert ("asthma" in text, "Zoster" in text) == ((level in (Level.CODED, Level.IDENTIFIED),) * 2)
    assert [row["EXSTDY"] for row in tables["EX"].rows] == [1]


def test_xpt_is_read_by_another_reader_with_the_same_values(built, tmp_path):
    for table in built().values():
        files.guarded(table)
        read = files.read_xpt(tmp_path / files.write_xpt(tmp_path, table))
        assert list(read.columns) == [variable.name for variable in table.variables]
        for variable in table.variables:
            blank = None if variable.is_number else ""
            found = [blank if pandas.isna(value) else value for value in read[variable.name]]
            wanted = [row[variable.name] for row in table.rows]
            assert found == wanted, variable.name


def test_xpt_holds_ascii_only_and_says_how_much_was_mapped(built):
    table, mapped = files.guarded(built()["AE"])
    assert (table.rows[0]["AETERM"], mapped > 0) == ("Zoster, cafe", True)
    assert files.ascii_text("≥ 3 × 10 µg – “so”") == '>= 3 x 10 ug - "so"'


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (Variable("AETERM", "Reported Term", "Topic"), "x" * 201, "201 characters, 200 fit"),
        (Variable("AETERMLONG", "Reported Term", "Topic"), "x", "too long for XPT"),
        (Variable("AETERM", "L" * 41, "Topic"), "x", "too long for XPT"),
    ],
)
def test_what_xpt_would_cut_is_refused(variable, value, said):
    model = DatasetModel("AE", "Adverse Events", "EVENTS", "", False, True, (), (variable,))
    with pytest.raises(files.CannotBeWritten, match=said):
        files.guarded(Table(model, [variable], [{variable.name: value}]))


def test_a_variable_the_guide_does_not_have_is_refused():
    with pytest.raises(ValueError, match="AE has no variables AEMOOD"):
        fitted("AE", "NCT", [{"USUBJID": "1", "AEMOOD": "x"}])


def test_define_names_exactly_the_tables_and_variables_and_every_reference_resolves(built, tmp_path, now):
    written = building.write(tmp_path, _trial(Level.CODED, now), kind="json")
    root = etree.parse(tmp_path / "define.xml").getroot()
    groups = {group.get("Name"): group for group in root.iter(f"{{{ODM}}}ItemGroupDef")}
    assert set(groups) == set(models())
    with_data = {name for name, group in groups.items() if group.get(f"{{{DEF}}}HasNoData") is None}
    assert with_data == {dataset for _, dataset, _, _ in written}
    items = [item.get("OID") for item in root.iter(f"{{{ODM}}}ItemDef")]
    references = [reference.get("ItemOID") for reference in root.iter(f"{{{ODM}}}ItemRef")]
    assert sorted(items) == sorted(references)
    comments = {comment.get("OID") for comment in root.iter(f"{{{DEF}}}CommentDef")}
    assert {each.get(f"{{{DEF}}}CommentOID") for each in root.iter() if each.get(f"{{{DEF}}}CommentOID")} == comments
    for file, dataset, _, _ in written:
        columns = [each["name"] for each in json.loads((tmp_path / file).read_text())["columns"]]
        assert columns == [ref.get("ItemOID").split(".")[2] for ref in groups[dataset].iter(f"{{{ODM}}}ItemRef")]


@pytest.mark.parametrize("format", ["sdtm-xpt", "sdtm-json"])
def test_the_package_holds_the_datasets_with_their_define(built, administrator, now, format):
    import zipfile

    facts = {"level": Level.CODED, "purpose": "for the tests", "by": administrator, "at": now}
    job = jobs.request_export(datasets=["participants"], sites=("MUSC", "EMORY"), format=format, **facts)
    done = jobs.run(job.pk, lambda: now)
    with zipfile.ZipFile(jobs.path_of(done)) as archive:
        names = set(archive.namelist())
    ending = format.removeprefix("sdtm-")
    assert {"data/define.xml", f"data/dm.{ending}", f"data/ae.{ending}", "manifest.json", "SHA256SUMS"} <= names
    assert {each["dataset"]: each["rows"] for each in done.manifest["datasets"]}["DM"] == 3


ZONE = ZoneInfo("America/New_York")


class _Infused:
    infused = type("Infusion", (), {"infused_on": DAY0, "started_at": datetime(2025, 5, 31, 14, tzinfo=UTC)})


SUBJECT = SdtmSubject(_Infused, Subject(1, "X", DAY0, ZONE), "X", "01", date(2025, 5, 20), date(2025, 7, 1))


@pytest.mark.parametrize(
    ("value", "period"),
    [
        (date(2025, 5, 19), ""),
        (date(2025, 5, 20), "SCREENING"),
        (date(2025, 5, 30), "SCREENING"),
        (DAY0, "TREATMENT"),
        (date(2025, 6, 1), "FOLLOW-UP"),
        (PartialDate(2025, 6), "FOLLOW-UP"),
        (PartialDate(2025, 5), ""),
        (datetime(2025, 6, 1, 2, tzinfo=UTC), "TREATMENT"),
    ],
)
def test_the_period_of_a_date(value, period):
    assert epoch(SUBJECT, value) == period


def test_a_clock_is_written_only_beside_a_full_date(trial):
    told = building.trial_of([], level=Level.CODED, pseudonyms=Pseudonyms("T", ()), sites=[], at=None)
    assert told.dtc(SUBJECT, PartialDate(2025, 6, 3), time(9, 5)) == "2025-06-03T09:05"
    assert told.dtc(SUBJECT, PartialDate(2025, 6), time(9, 5)) == "2025-06"


def test_the_files_that_hold_the_guide_are_part_of_the_package():
    assert {"datasets.toml", "terms.toml"} <= {path.name for path in Path(building.__file__).parent.iterdir()}
