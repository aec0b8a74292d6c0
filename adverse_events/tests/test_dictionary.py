"""The loader, on a small workbook of invented terms laid out like NCI's, and on NCI's own where they are at hand."""

import csv
import os
import warnings
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError
from openpyxl import Workbook

from adverse_events import dictionary, workbook
from adverse_events.models import DictionaryTerm, MeddraCode
from conftest import NOW

WORKBOOKS = Path(os.environ.get("CTCAE_WORKBOOKS", settings.BASE_DIR.parent / "shared" / "ctcae"))
HEADERS = {
    "5.0": ["MedDRA Code", "MedDRA SOC", "CTCAE  Term"],
    "6.0": [
        "CTCAE v6.0 MedDRA 28.0 LLT Code",
        "CTCAE v6.0 MedDRA 28.0 SOC",
        "CTCAE v6.0 MedDRA 28.0 Term",
    ],
}
INVENTED = [
    [900001, "Invented disorders", "Blue spots", "few", "some", " -", " -", " -", "Spots that are blue.", None],
    [900002, "Invented disorders", "Grey\nspots", "few", "-", "many", "-", "fatal", "-", "A\xa0note"],
]


@pytest.fixture
def make(tmp_path):
    """make("5.0", rows) writes a workbook laid out like that version."""

    def write(version="5.0", rows=INVENTED, title=None, header=None):
        book = Workbook()
        book.active.title = "Publication Notes"
        sheet = book.create_sheet(title or f"CTCAE v{version} Clean Copy")
        grades = [f"Grade {number} \xa0\xa0" for number in range(1, 6)]
        change = f"CTCAE v{version} Change"
        sheet.append(header or [*HEADERS[version], *grades, "Definition", "Navigational Note", change])
        for row in rows:
            sheet.append(row)
        path = tmp_path / "terms.xlsx"
        book.save(path)
        return path

    return write


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_sheet_and_columns_are_found_by_their_words(make, version):
    found, rows = workbook.read(make(version))
    assert found == version
    assert rows == [
        workbook.Row(
            "Blue spots", "Invented disorders", ("few", "some", "", "", ""), "Spots that are blue.", "", 900001
        ),
        workbook.Row("Grey spots", "Invented disorders", ("few", "", "many", "", "fatal"), "", "A note", 900002),
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"title": "CTCAE"}, 'One sheet named like "CTCAE v5.0 Clean Copy" is needed.'),
        ({"title": "CTCAE v4.0 Clean Copy"}, "must name one version, 5.0 or 6.0. Found: 4.0, 5.0."),
        (
            {"version": "6.0", "title": "CTCAE v5.0 Clean Copy"},
            "must name one version, 5.0 or 6.0. Found: 5.0, 6.0.",
        ),
        ({"header": ["MedDRA Code", "MedDRA SOC", "CTCAE Term", "Grade 1", "Grade 2"]}, "lacks: grade 3, grade 4"),
        ({"rows": [*INVENTED, INVENTED[0]]}, 'The term "Blue spots" stands in the sheet twice.'),
        ({"rows": []}, "The sheet holds no terms."),
        ({"rows": [[1, "x", "n" * 101]]}, "A term is missing or too long"),
    ],
)
def test_another_file_is_refused_with_a_sentence(make, given, sentence):
    with pytest.raises(workbook.WorkbookRefused) as refusal:
        workbook.read(make(**given))
    assert sentence in str(refusal.value)


def test_what_is_no_workbook_is_refused(tmp_path):
    path = tmp_path / "terms.xlsx"
    path.write_text("no zip")
    with pytest.raises(workbook.WorkbookRefused):
        workbook.read(path)


def test_the_command_loads_once_and_says_what_it_did(trial, make, command, capsys):
    path = make()
    for words in ("2 new, 0 changed, 0 withdrawn, 0 unchanged", "0 new, 0 changed, 0 withdrawn, 2 unchanged"):
        command("load_ctcae", path)
        assert f"CTCAE 5.0: {words}, 0 codes." in capsys.readouterr().out
    make(rows=[INVENTED[0][:4] + ["more"] + INVENTED[0][5:]])
    command("load_ctcae", path)
    assert "0 new, 1 changed, 1 withdrawn, 0 unchanged" in capsys.readouterr().out
    assert dictionary.names("5.0") == ["Blue spots"]
    assert not MeddraCode.objects.exists()


def test_licensed_codes_are_stored_only_when_the_site_says_so(trial, make, command):
    command("load_ctcae", make(), with_meddra_codes=True)
    assert list(MeddraCode.objects.values_list("term__name", "code").order_by("code")) == [
        ("Blue spots", 900001),
        ("Grey spots", 900002),
    ]


def test_another_version_leaves_the_first_as_it_is(trial, make, command):
    command("load_ctcae", make())
    command("load_ctcae", make("6.0", rows=[INVENTED[1]]))
    assert (dictionary.names("5.0"), dictionary.names("6.0")) == (["Blue spots", "Grey spots"], ["Grey spots"])


def test_the_command_says_what_is_wrong_with_a_file(trial, make, command, tmp_path):
    with pytest.raises(CommandError, match="There is no file"):
        command("load_ctcae", tmp_path / "nothing.xlsx")
    with pytest.raises(CommandError, match="The sheet holds no terms"):
        command("load_ctcae", make(rows=[]))


def test_the_grades_of_a_term_are_a_set_and_not_a_range(trial, make, command):
    command("load_ctcae", make())
    assert dictionary.find("5.0", "grey SPOTS") == dictionary.Coded("Grey spots", "Invented disorders", (1, 3, 5))
    assert dictionary.find("5.0", "Headache") is None


def test_before_a_workbook_is_loaded_plain_names_are_offered(trial):
    assert dictionary.find("5.0", "headache") == dictionary.Coded("Headache")
    assert dictionary.search("5.0", "infection tract") == ["Urinary tract infection"]
    assert dictionary.search("5.0", "pain")[:3] == ["Pain in extremity", "Abdominal pain", "Back pain"]
    assert dictionary.nearest("5.0", "Hedache") == ["Headache"]


@pytest.mark.parametrize(
    ("file", "expected", "terms", "fatal", "gaps"),
    [("CTCAE_v5.0.xlsx", "ctcae_v5_0.csv", 837, 494, 10), ("ctcae-v6.0.xlsx", "ctcae_v6_0.csv", 850, 512, 8)],
)
def test_the_public_workbooks_are_read_cell_by_cell(trial, file, expected, terms, fatal, gaps):
    """NCI's files are never part of this repository: set CTCAE_WORKBOOKS to a folder that holds them."""
    if not (WORKBOOKS / file).exists():
        return warnings.warn(f"NOT RUN: there is no {file} in {WORKBOOKS}.", stacklevel=1)
    version, rows = workbook.read(WORKBOOKS / file)
    wanted = [row[:11] for row in csv.reader((WORKBOOKS / expected).open(encoding="utf-8"))][1:]
    read = [[version, str(row.code), row.body_system, row.name, *row.grades, row.definition, row.note] for row in rows]
    assert read == wanted
    dictionary.load(version, rows, at=NOW)
    loaded = list(DictionaryTerm.objects.in_use(version))
    assert (len(loaded), sum(5 in term.grades for term in loaded)) == (terms, fatal)
    whole = [tuple(range(term.grades[0], term.grades[-1] + 1)) for term in loaded]
    assert sum(term.grades != each for term, each in zip(loaded, whole, strict=True)) == gaps
