"""The fast way into a CSV file gives the bytes of the slow one, whatever stands in the columns."""

import pytest
from django.db import connection

from adverse_events.models import AdverseEvent
from adverse_events.reporting import report
from conftest import staged
from studytracker.dates import PartialDate
from studytracker.exports import copying, formats
from studytracker.exports.datasets import all_datasets, field_of
from studytracker.exports.privacy import Level, Pseudonyms
from studytracker.exports.reading import extract

TRICKY = [
    *("=1+1", "+1", "-1", "@x", "\ttab", "\rreturn", "\nline", "＝full", "＋", "－", "＠"),
    *("", " ", 'a "quote"', "a,comma", "two\nlines", "two\r\nlines", "'=1", "\\.", "\\N", "NULL", "é", "☃", "[", "_x"),
]


@staged
def tricky(musc, coordinator, now):
    participant = musc.infused()
    for number, text in enumerate(TRICKY):
        event = report(participant=participant, term="x", started=PartialDate(2025, 6), by=coordinator, at=now)
        AdverseEvent.objects.filter(pk=event.pk).update(term=text or "x", note=text, causality=text[:30])
        if number % 5 == 0:
            facts = {"voided_at": now, "voided_by": coordinator, "voided_reason": text or "x"}
            AdverseEvent.objects.filter(pk=event.pk).update(**facts)


def written(folder, level, names):
    (folder / "data").mkdir(parents=True)
    extracts = [
        extract(all_datasets()[name], sites=["EMORY", "MUSC"], level=level, pseudonyms=Pseudonyms("E", ()))
        for name in names
    ]
    told = formats.write_csv(folder, extracts, lambda *told: None)
    return told, {name: (folder / "data" / f"{name}.csv").read_bytes() for name in names}, extracts


if connection.vendor == "postgresql":  # COPY is PostgreSQL's

    @pytest.mark.parametrize("level", [Level.CODED, Level.IDENTIFIED])
    def test_every_dataset_has_the_same_bytes_either_way(tricky, tmp_path, monkeypatch, level):
        names = [name for name, each in all_datasets().items() if each.leaves_at(level)]
        fast, content, extracts = written(tmp_path / "fast", level, names)
        ways = {each.dataset.name: copying.can_copy(each) for each in extracts}
        assert ways.pop("participants") == (level == Level.IDENTIFIED)  # an age over 89 is pooled
        assert set(ways.values()) == {True}
        monkeypatch.setattr(formats, "can_copy", lambda extract: False)
        slow, slowly, _ = written(tmp_path / "slow", level, names)
        assert content == slowly
        assert fast == slow


def test_the_field_at_the_end_of_each_lookup_is_found():
    for dataset in all_datasets().values():
        for column in dataset.columns:
            assert field_of(dataset.rows().model, column.source).get_internal_type()


@pytest.mark.parametrize("level", [Level.STUDY_DAY, Level.SHIFTED])
def test_what_depends_on_the_participant_goes_through_python(tricky, tmp_path, level):
    _, _, extracts = written(tmp_path / "out", level, ["adverse_events", "visits"])
    assert [copying.can_copy(each) for each in extracts] == [False, False]


def test_a_row_or_the_end_missing_from_a_file_is_counted_as_missing(tricky, tmp_path):
    whole = extract(
        all_datasets()["adverse_events"], sites=["MUSC"], level=Level.CODED, pseudonyms=Pseudonyms("E", ())
    )
    (tmp_path / "data").mkdir()
    for write, count, name in (
        (formats.write_csv, formats.count_csv, "data/adverse_events.csv"),
        (formats.write_json, formats.count_json, "data/adverse_events.json"),
    ):
        write(tmp_path, [whole], lambda *told: None)
        assert count(tmp_path / name, "adverse_events") == len(TRICKY)
    lines = (tmp_path / "data/adverse_events.json").read_text().splitlines(keepends=True)
    (tmp_path / "less.json").write_text("".join(lines[:5] + lines[6:]))
    (tmp_path / "cut.json").write_text("".join(lines[:-1]))
    counts = [formats.count_json(tmp_path / name, "adverse_events") for name in ("less.json", "cut.json")]
    assert counts == [len(TRICKY) - 1, -1]
    formats.write_xlsx(tmp_path, [whole], lambda *told: None)
    assert formats.count_xlsx(tmp_path / formats.BOOK, "Adverse events") == len(TRICKY)
