"""A marker in every free text of every table, searched for in every byte of every format at every privacy level."""

import csv
import io
import json
import random
import zipfile
from contextlib import suppress

import pytest
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from lxml import etree
from openpyxl import load_workbook

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import staged
from studytracker.dates import PartialDate
from studytracker.exports import package
from studytracker.exports.datasets import Kind, all_datasets
from studytracker.exports.formats import AS_RECORDED_ONLY, WRITERS
from studytracker.exports.odm.model import records
from studytracker.exports.order import Order
from studytracker.exports.privacy import Level
from studytracker.exports.tables import FORMULA_STARTS
from studytracker.outbox.models import Mail, Notice
from studytracker.outbox.sweeping import sweep
from studytracker.trust.tests.rows import Rows

from .test_privacy import A_DATE, PAPERS_WITH_DATES, _unpacked

TABLES = ["csv", "xlsx", "json"]
SDTM = ["sdtm-xpt", "sdtm-json"]
OPTIONS = {"threshold": "0", "assessment_type": "Systematic Assessment", "time_frame": "To Week 52"}
# Words of a dictionary or a list, which may leave at any level, though their columns are long.
CODES = {"dictionary_term", "body_system", "screen_failed_criteria", "facts"}
SHORTEST = 100  # a longer column holds what somebody wrote; a shorter one a code, or a text that a dataset names
NAMED = {
    (dataset.rows().model, column.source)
    for dataset in all_datasets().values()
    for column in dataset.columns
    if column.kind in (Kind.TEXT, Kind.PERSON) and "__" not in column.source
}


def free_texts():
    """(model, field) of every free text of the record and of the messages: by length, or because a dataset says so."""
    for model in (*records(), Mail, Notice):
        uniques = (each for each in model._meta.constraints if isinstance(each, models.UniqueConstraint))
        kept = CODES | {name for each in uniques for name in each.fields}
        for field in model._meta.local_concrete_fields:
            is_text = isinstance(field, models.CharField | models.TextField) and not field.choices and not field.unique
            is_long = is_text and (field.max_length or SHORTEST) >= SHORTEST
            if is_text and field.name not in kept and (is_long or (model, field.name) in NAMED):
                yield model, field


def plant(words, by, at):
    """Puts words(model, field) into every free text that may be filled. Returns {what was put: where}."""
    planted = {}
    for model, field in free_texts():
        marker = words(model, field)[: field.max_length]
        rows = model._base_manager.exclude(**{field.name: ""})
        rows = rows if rows.exists() else model._base_manager.all()
        facts = {field.name: marker} | _act(model, field, by, at)
        with suppress(IntegrityError), transaction.atomic():  # some texts exclude one another
            if rows.update(**facts):
                planted[marker] = f"{model._meta.label}.{field.name}"
    return planted


def _act(model, field, by, at):
    """A text such as `voided_reason` stands only beside the act: who, when, on which day."""
    act = field.name.rpartition("_")[0]
    kinds = {f"{act}_at": (models.DateTimeField, at), f"{act}_on": (models.DateField, at.date())}
    kinds[f"{act}_by"] = (models.ForeignKey, by)
    fields = {each.name: each for each in model._meta.local_concrete_fields}
    return {name: value for name, (kind, value) in kinds.items() if act and isinstance(fields.get(name), kind)}


def markers(by, at):
    draw = random.Random(20250618)
    return plant(lambda model, field: f"Mk{draw.getrandbits(40):010x}", by, at)


@staged
def every_table(musc, coordinator, now):
    """A participant's record, and one row at least of every table."""
    participant = musc.infused()
    report(participant=participant, term="Fever", started=PartialDate(2025, 6), by=coordinator, at=now)
    sweep(now)
    rows = Rows(coordinator)
    for model in (*records(), Mail, Notice):
        if not model._base_manager.exists():
            rows.fresh(model, 1).save()
    return participant


@staged
def marked(every_table, coordinator, now):
    planted = markers(coordinator, now)
    assert len(planted) > 40
    return planted


@staged
def told_in_sdtm(musc, coordinator, now):
    """A record that SDTM can tell, with a marker in every text of it."""
    participant = musc.infused()
    report(participant=participant, term="Fever", note="x", started=PartialDate(2025, 6), by=coordinator, at=now)
    AdverseEvent.objects.update(dictionary_term="Fever", body_system="Investigations")
    planted = markers(coordinator, now)
    AdverseEvent.objects.update(voided_at=None, voided_by=None, voided_reason="")
    return participant, planted


@pytest.fixture
def packed(settings, tmp_path, now):
    """packed(format, level): the files of the package, an XLSX as the files inside it, and the package itself."""
    settings.VAR_DIR = tmp_path

    def make(format, level):
        facts = {"purpose": "", "role": "", "at": now, "options": OPTIONS}
        order = Order("EXP", tuple(all_datasets()), ("EMORY", "MUSC"), format, level, **facts)
        package.build(order, tmp_path / "building", tmp_path / "made.zip", lambda *told: None, lambda: now)
        content = (tmp_path / "made.zip").read_bytes()
        return dict(_unpacked(content)), content

    return make


def found_in(files, words):
    return sorted((word, name) for name, content in files.items() for word in words if word.encode() in content)


@pytest.mark.parametrize("level", [Level.STUDY_DAY, Level.SHIFTED])
def test_no_free_text_no_account_and_no_date_leaves_at_these_levels(marked, every_table, packed, level):
    words = [*marked, "crc.musc", "spare-", "example.org"]
    for format in TABLES:
        files, whole = packed(format, level)
        assert found_in(files | {"the package": whole}, words) == []
        if level == Level.STUDY_DAY:
            assert found_in(files, [every_table.identifier, "EMORY"]) == []
            assert {name for name, content in files.items() if A_DATE.search(content)} <= PAPERS_WITH_DATES


def test_coded_holds_free_text_and_no_account_and_no_letter(marked, packed):
    letters = {marker for marker, place in marked.items() if place.startswith("outbox.Mail.")}
    addressed = {marker for marker in letters if not marked[marker].endswith("cancelled_why")}
    assert addressed
    for format in TABLES:
        files, _ = packed(format, Level.CODED)
        assert found_in(files, [*addressed, "crc.musc", "spare-", "example.org"]) == []
        assert len({marker for marker, _ in found_in(files, marked)}) > 15


def test_as_recorded_the_search_finds_every_text_that_a_dataset_names(marked, packed):
    """The negative control: what is planted can be found."""
    found = {marked[marker] for marker, _ in found_in(packed("csv", Level.IDENTIFIED)[0], marked)}
    named = {f"{model._meta.label}.{source}" for model, source in NAMED} & set(marked.values())
    assert len(named) > 20
    assert named - found == set()


def test_odm_tells_every_text_of_the_record(marked, packed):
    """Another control, and the proof that it loses none."""
    for format in AS_RECORDED_ONLY:
        found = {marker for marker, _ in found_in(packed(format, Level.IDENTIFIED)[0], marked)}
        lost = {marked[marker] for marker in marked.keys() - found}
        assert {place for place in lost if not place.startswith("outbox.")} == set()


@pytest.mark.parametrize("level", [Level.STUDY_DAY, Level.SHIFTED])
def test_sdtm_lets_no_free_text_out_at_these_levels(told_in_sdtm, packed, level):
    participant, planted = told_in_sdtm
    for format in SDTM:
        files, _ = packed(format, level)
        assert found_in(files, [*planted, "crc.musc", "pi.musc"]) == []
        if level == Level.STUDY_DAY:
            assert found_in(files, [participant.identifier, participant.infused_on.isoformat()]) == []


def test_sdtm_coded_holds_the_words_so_that_the_search_could_find_them(told_in_sdtm, packed):
    _, planted = told_in_sdtm
    for format in SDTM:
        places = {planted[marker] for marker, _ in found_in(packed(format, Level.CODED)[0], planted)}
        assert {"adverse_events.AdverseEvent.term", "adverse_events.AdverseEvent.note"} <= places


def test_public_tables_hold_no_free_text_at_any_level(told_in_sdtm, packed):
    participant, planted = told_in_sdtm
    for level in Level:
        files, _ = packed("registry", level)
        data = {name: content for name, content in files.items() if name not in PAPERS_WITH_DATES}
        assert found_in(files, planted) == []
        assert found_in(data, [participant.identifier, participant.infused_on.isoformat(), "EMORY"]) == []


ACTIVE = ("=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "＝1", "=cmd|'/c x'!A1", "<script>x</script>", "]]>&<b>\"'")


@staged
def active(every_table, coordinator, now):
    """Something that is code elsewhere in every free text of every table."""
    turns = iter(range(10**6))

    def words(model, field):
        return f"{ACTIVE[next(turns) % len(ACTIVE)]} {model.__name__}.{field.name}"

    return plant(words, coordinator, now)


def test_no_cell_of_a_csv_file_runs(active, packed):
    files, _ = packed("csv", Level.IDENTIFIED)
    texts = [content.decode() for name, content in files.items() if name.endswith(".csv")]
    cells = [cell for text in texts for row in csv.reader(io.StringIO(text)) for cell in row]
    assert [cell for cell in cells if cell[:1] in FORMULA_STARTS and not _is_number(cell)] == []
    assert sum(cell.startswith("'") for cell in cells) > 10


def _is_number(cell):
    with suppress(ValueError):
        return cell.startswith("-") and float(cell) < 0
    return False


def test_no_cell_of_a_workbook_runs_and_none_is_a_link(active, packed):
    _, whole = packed("xlsx", Level.IDENTIFIED)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        book = load_workbook(io.BytesIO(archive.read("studytracker.xlsx")))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert [cell for cell in cells if cell.data_type not in ("s", "n", "d", "b")] == []
    assert [cell for cell in cells if cell.hyperlink] == []
    assert sum(isinstance(cell.value, str) and cell.value.startswith("'") for cell in cells) > 10


def test_json_holds_the_texts_as_they_are(active, packed):
    files, _ = packed("json", Level.IDENTIFIED)
    rows = [row for name, content in files.items() if name.startswith("data/") for row in json.loads(content)["rows"]]
    assert len({value for row in rows for value in row if isinstance(value, str)} & active.keys()) > 15


def test_markup_in_a_text_of_odm_stays_text(active, packed):
    record = {text for text, place in active.items() if not place.startswith("outbox.")}
    for format in AS_RECORDED_ONLY:
        tree = etree.fromstring(packed(format, Level.IDENTIFIED)[0][f"data/{format.removeprefix('odm-')}.xml"])
        assert {etree.QName(each).localname for each in tree.iter(etree.Element)} & {"script", "b"} == set()
        assert record - {value for each in tree.iter(etree.Element) for value in each.attrib.values()} == set()


def test_markup_in_a_text_of_sdtm_and_its_define_stays_text(told_in_sdtm, packed):
    AdverseEvent.objects.update(term="=1+1 <script>x</script>", note="]]><b>&")
    files, _ = packed("sdtm-json", Level.CODED)
    define = etree.fromstring(files["data/define.xml"])
    assert {etree.QName(each).localname for each in define.iter(etree.Element)} & {"script", "b"} == set()
    assert "=1+1 <script>x</script>" in json.loads(files["data/ae.json"])["rows"][0]


def test_markup_in_a_text_of_the_preview_stays_text(every_table, administrator, browse):
    AdverseEvent.objects.update(term="<script>x</script>")
    given = {"datasets": list(all_datasets()), "sites": ["EMORY", "MUSC"], "format": "csv"}
    given |= {"purpose": "for the tests", "reason": "for the tests", "preview": "1"}
    for level in (Level.CODED, Level.IDENTIFIED):
        page = browse(administrator).post(reverse("exports"), given | {"level": level}).content.decode()
        assert ("<script>x" in page, "&lt;script&gt;x" in page) == (False, True)


def test_every_format_is_searched_here():
    assert {*TABLES, *SDTM, "registry", *AS_RECORDED_ONLY} == set(WRITERS)
