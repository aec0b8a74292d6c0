from pathlib import Path

import pytest

from studytracker import protocol
from studytracker.protocol import loading

SHIPPED = Path(loading.__file__).parent / "versions" / "1.0.toml"


@pytest.fixture
def shipped():
    return protocol.load(SHIPPED)


@pytest.fixture
def edited(tmp_path):
    """A copy of the shipped file, with the first of each given text replaced."""

    def edit(*changes, name="1.0.toml"):
        text = SHIPPED.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        copy = tmp_path / name
        copy.write_text(text, encoding="utf-8")
        return copy

    return edit
