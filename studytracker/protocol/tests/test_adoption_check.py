"""Is the protocol in use the one that was adopted? `check --database default` and the web server ask."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings as project
from django.core.checks import Tags, run_checks

from conftest import NOW
from studytracker import protocol
from studytracker.protocol.adopting import adopt
from studytracker.protocol.startup import adoption_problems

FILE = Path(project.BASE_DIR) / "studytracker/protocol/versions/1.0.toml"


@pytest.fixture
def folder(tmp_path, settings):
    """A folder of protocol files of its own, with 1.0 in use."""
    shutil.copy(FILE, tmp_path / "1.0.toml")
    settings.PROTOCOL_FILE = str(tmp_path / "1.0.toml")
    protocol._kept.cache_clear()
    yield tmp_path
    protocol._kept.cache_clear()


def warnings():
    return [warning.msg for warning in run_checks(tags=[Tags.database], databases=["default"])]


def test_an_adopted_protocol_raises_no_warning(folder, db):
    adopt(protocol.current(), at=NOW)
    assert adoption_problems() == warnings() == []


def test_a_protocol_never_adopted_is_named(folder, db):
    assert adoption_problems() == ["Protocol 1.0 is in use but was never adopted. Run `manage.py adopt_protocol`."]
    assert warnings() == adoption_problems()


def test_a_file_changed_after_adoption_is_named(folder, db):
    adopt(protocol.current(), at=NOW)
    path = folder / "1.0.toml"
    path.write_text(path.read_text() + "\n# one byte more\n")
    protocol._kept.cache_clear()
    [problem] = adoption_problems()
    assert problem.startswith("Version 1.0 was adopted with the hash ")
    assert problem.endswith("put the change into a file with a new version.")


def test_a_stamped_version_whose_file_is_gone_is_named(folder, db, settings):
    adopt(protocol.current(), at=NOW)
    newer = (folder / "1.0.toml").read_text().replace('version = "1.0"', 'version = "1.1"', 1)
    (folder / "1.1.toml").write_text(newer)
    settings.PROTOCOL_FILE = str(folder / "1.1.toml")
    adopt(protocol.current(), at=NOW)
    assert adoption_problems() == []
    (folder / "1.0.toml").unlink()
    [problem] = adoption_problems()
    assert problem.startswith("Protocol 1.0 was adopted, and its file cannot be read:")
