"""Differences planted behind the trail's back are found, by table, key and field."""

import pytest
from django.core.management import CommandError
from django.db import connection, models

from adverse_events.reporting import report
from conftest import NOW, TODAY, staged
from participants.models import Participant
from studytracker.dates import PartialDate
from studytracker.outbox.sweeping import sweep
from studytracker.protocol.models import Slot
from studytracker.trust import sealing, triggers
from studytracker.trust.models import Anchor
from studytracker.trust.replay import verify

from .rows import Rows, models_under_test


@staged
def busy(musc, emory, coordinator, frozen):
    """Rows in every table, some changed more than once."""
    participant = musc.infused(TODAY.replace(day=1))
    emory.answered()
    report(participant=participant, term="Fatigue", started=PartialDate(2025, 6), by=coordinator, at=NOW)
    sweep(NOW)
    rows = Rows(coordinator)
    for model in models_under_test():
        if model is not Anchor:  # a made-up head would be an accusation
            models.Model.save(rows.fresh(model, 1))
    sealing.seal(NOW)
    sealing.anchor(NOW)
    Slot.objects.filter(number=901).update(number=902)
    return participant


def behind_the_back(*statements):
    """As somebody who owns the database: without the triggers, which are put back afterwards."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            triggers.drop(connection)
            for statement in statements:
                cursor.execute(statement)
            triggers.install(connection)
        else:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in triggers.tables(connection):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in statements:
                cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in triggers.tables(connection):
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            triggers.install(connection)


def test_an_honest_trail_plays_back_to_every_row(busy, command, capsys):
    result = verify()
    assert result.differences == []
    command("verify_trail")
    assert capsys.readouterr().out == (
        f"{result.entries} entries played back: all {result.rows} rows are as the trail says, the triggers whole. "
        f"Intact and anchored up to seal {sealing.head().seq}. {sealing.head().seq} sealed, 2 not yet sealed.\n"
    )
    assert result.entries > result.rows > 60


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE participants_infusion SET weight_kg = 80.5",
            [("participants_infusion", "weight_kg", 'the row holds "80.50", the trail says "72.40"')] * 14,
        ),
        (
            "UPDATE adverse_events_adverseevent SET is_ongoing = false WHERE term = 'Fatigue'",
            [("adverse_events_adverseevent", "is_ongoing", "the row holds false, the trail says true")],
        ),
        (
            "DELETE FROM outbox_heartbeat WHERE job = 'job-1'",
            [("outbox_heartbeat", "", "the trail has this row, the table has not")],
        ),
        (
            "INSERT INTO protocol_slot VALUES (77)",
            [("protocol_slot", "", "the table has this row, the trail has not")],
        ),
        (
            "UPDATE visits_visit SET closes_on = NULL, opens_on = NULL WHERE code = 'W1'",
            [
                ("visits_visit", "opens_on", 'the row holds null, the trail says "2025-06-06"'),
                ("visits_visit", "closes_on", 'the row holds null, the trail says "2025-06-10"'),
            ],
        ),
    ],
)
def test_a_change_behind_the_trail_s_back_is_named(busy, command, statement, found):
    behind_the_back(statement)
    result = verify()
    assert sorted((each.table, each.column, each.words) for each in result.differences) == sorted(found)
    assert all(each.key for each in result.differences)
    with pytest.raises(CommandError) as said:
        command("verify_trail")
    assert said.value.returncode == 1
    assert str(said.value).splitlines() == [f"{len(found)} difference(s):", *map(str, result.differences)]


def test_a_change_hidden_by_a_later_honest_one_is_named_too(busy):
    behind_the_back("UPDATE participants_participant SET age = 99 WHERE identifier = 'MUSC-001'")
    Participant.objects.filter(identifier="MUSC-001").update(age=42)
    [found] = verify().differences
    assert (found.table, found.key, found.column) == ("participants_participant", str(busy.pk), "age")
    assert found.words.endswith("found 99 where the trail had 41")


def test_a_trigger_that_is_gone_is_named_even_if_nothing_was_changed(busy, command):
    drop = {"sqlite": "DROP TRIGGER trail_i_visits_visit", "postgresql": "DROP TRIGGER trail_write ON visits_visit"}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(drop[connection.vendor])
    with pytest.raises(CommandError, match=r"1 difference\(s\):\ntrail_.* is missing"):
        command("verify_trail")
