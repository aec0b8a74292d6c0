"""Define-XML against the standard's own schema as odmlib carries it, Dataset-JSON against what version 1.1 says."""

import json
from pathlib import Path

import jsonschema
import odmlib
import pytest
import xmlschema

from studytracker.exports.privacy import Level
from studytracker.exports.sdtm import building

from .test_sdtm import _trial, built  # noqa: F401  (a fixture)

DEFINE = Path(odmlib.__file__).parent / "schemas" / "define" / "2.1" / "define2-1-0.xsd"
TYPES = ["string", "integer", "decimal", "float", "double", "boolean", "datetime", "date", "time", "URI"]
VALUES = ["string", "number", "boolean", "null"]
# Dataset-JSON 1.1, the parts that are used here; the standard's own schema is checked by scripts/proof_sdtm.py.
DATASET_JSON = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "type": "object",
    "required": [
        "datasetJSONCreationDateTime",
        "datasetJSONVersion",
        "itemGroupOID",
        "records",
        "name",
        "label",
        "columns",
    ],
    "properties": {
        "datasetJSONVersion": {"pattern": r"^1\.1(\.\d+)?$"},
        "datasetJSONCreationDateTime": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
        "records": {"type": "integer", "minimum": 1},
        "columns": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["itemOID", "name", "label", "dataType"],
                "properties": {"dataType": {"enum": TYPES}, "keySequence": {"type": "integer", "minimum": 1}},
            },
        },
        "rows": {
            "type": "array",
            "items": {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
        },
    },
}


@pytest.fixture
def written(built, tmp_path, now):  # noqa: F811
    return building.write(tmp_path, _trial(Level.CODED, now), kind="json"), tmp_path


@pytest.fixture(scope="module")
def schema():
    return xmlschema.XMLSchema(str(DEFINE), allow="local", defuse="always")


def test_define_is_valid_by_the_standard_s_schema(written, schema):
    assert [error.reason for error in schema.iter_errors(str(written[1] / "define.xml"))] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('DataType="partialDatetime"', 'DataType="roughly"'),
        ("def:DefineVersion=", "def:Version="),
        ("<def:Standards>", "<def:Standard>"),
    ],
)
def test_the_schema_refuses_each_fault_planted_in_it(written, schema, old, new):
    path = written[1] / "define.xml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new).replace(old.replace("<", "</"), new.replace("<", "</")))
    assert not schema.is_valid(str(path))


def test_each_dataset_is_valid_dataset_json_with_as_many_rows_as_it_says(written):
    checker = jsonschema.Draft201909Validator(DATASET_JSON)
    for name, _, rows, columns in written[0]:
        content = json.loads((written[1] / name).read_text())
        assert list(checker.iter_errors(content)) == []
        assert (content["records"], len(content["rows"]), len(content["columns"])) == (rows, rows, columns)
        assert {len(row) for row in content["rows"]} == {columns}


def test_a_wrong_type_or_a_missing_name_would_be_found(written):
    content = json.loads((written[1] / written[0][0][0]).read_text())
    checker = jsonschema.Draft201909Validator(DATASET_JSON)
    content["columns"][0]["dataType"] = "number"
    del content["columns"][1]["itemOID"]
    assert len(list(checker.iter_errors(content))) == 2
