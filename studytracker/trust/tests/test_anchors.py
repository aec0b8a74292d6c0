"""The head of the seals outside the database: in a daily mail, on what is printed, on the audit page."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection

from conftest import NOW, staged
from studytracker.outbox.models import Notice
from studytracker.protocol.models import Slot
from studytracker.trust import anchors, backup, sealing, triggers, upkeep, verifier
from studytracker.trust.exported import trail_lines
from studytracker.trust.models import Anchor, Comparison


@staged
def anchored(coordinator, investigator, emory_investigator, frozen):
    upkeep.keep(NOW)
    return Anchor.objects.get()


def test_every_investigator_is_told_the_head_and_nobody_else(anchored, investigator, emory_investigator):
    matters = list(anchors.due(NOW))
    assert [(matter.object_id, matter.site, matter.recipient_id) for matter in matters] == [
        (anchored.pk, "EMORY", emory_investigator.pk),
        (anchored.pk, "MUSC", investigator.pk),
    ]
    assert anchors.still_due({(anchored.pk, "daily"), (7, "daily")}, NOW)[anchored.pk, "daily"].text == (
        f"2025-06-18 UTC, {anchored.seq} entries sealed: {anchored.seq}:{anchored.hash}"
    )


def test_an_older_head_is_not_told_any_more_when_there_is_a_newer(anchored):
    upkeep.keep(NOW + timedelta(days=1))
    newest = Anchor.objects.first()
    wanted = {(anchored.pk, "daily"), (newest.pk, "daily")}
    assert set(anchors.still_due(wanted, NOW)) == {(newest.pk, "daily")}
    assert {matter.object_id for matter in anchors.due(NOW)} == {newest.pk}


def test_the_mail_holds_an_anchor_that_the_verifier_takes(anchored, investigator, command, time_machine):
    for hours in (20, 21, 22):  # past the hour of the digest, and again: one mail a day
        time_machine.move_to(NOW + timedelta(hours=hours), tick=False)
        command("sweep")
    told = [message for message in mail.outbox if message.to == [investigator.email]]
    assert len(told) == 1
    body = told[0].body
    assert "Head of the audit trail. Nothing to do: keep this mail" in body
    words = next(line for line in body.splitlines() if "entries sealed:" in line)
    seq, value = verifier.anchor(words.rpartition(" ")[2])
    assert Notice.objects.filter(source="anchor", recipient=investigator, mail__isnull=False).count() == 1
    assert verifier.read(trail_lines(NOW)).report([(seq, value)]).anchored == seq


def test_without_a_seal_there_is_nothing_to_tell(investigator):
    assert list(anchors.due(NOW)) == []
    assert anchors.still_due({(1, "daily")}, NOW) == {}


def test_the_audit_page_tells_how_the_trail_stands(trial, browse, administrator, frozen):
    page = browse(administrator).get("/audit/").text
    for words in (
        "the hourly comparison has not run yet",
        "Nothing yet: the sealer has not run",
        "! None yet: an administrator runs",
    ):
        assert words in page
    upkeep.keep(NOW)
    Slot.objects.create(number=50)
    page = browse(administrator).get("/audit/").text
    assert "✓ all in place, and again for this page" in page
    assert f"{sealing.head().seq} entries, up to entry {sealing.head().entry_id}; " in page
    assert f'<code class="text-break">{sealing.head().text}</code>' in page


@pytest.mark.django_db(transaction=True)
def test_the_audit_page_gives_the_age_of_the_last_verified_backup(
    trial, browse, administrator, tmp_path, time_machine
):
    time_machine.move_to(NOW, tick=False)
    backup.take(tmp_path, NOW)
    time_machine.move_to(NOW + timedelta(hours=3), tick=False)
    page = browse(administrator).get("/audit/").text
    assert "18 Jun 2025 11:00 EDT (3\xa0hours ago)" in page
    assert "too long ago" not in page


def test_an_altered_trigger_is_on_the_head_of_every_page_after_the_comparison(
    trial, browse, administrator, coordinator, outsider, frozen
):
    drop = {"sqlite": "DROP TRIGGER trail_u_visits_visit", "postgresql": "DROP TRIGGER trail_write ON visits_visit"}
    words = "The audit trail is not whole: changes may go unrecorded."
    with connection.cursor() as cursor:
        cursor.execute(drop[connection.vendor])
    upkeep.keep(NOW)
    assert "is missing" in Comparison.objects.first().problems
    assert [words in browse(person).get("/").text for person in (administrator, coordinator, outsider)] == [
        True,
        True,
        False,
    ]
    triggers.install(connection)
    upkeep.keep(NOW + timedelta(hours=1))
    assert words not in browse(administrator).get("/").text


def test_the_sealed_trail_is_for_those_who_export_the_whole_trial(
    trial, browse, administrator, coordinator, monitor, outsider, frozen
):
    sealing.seal(NOW)
    response = browse(administrator).get("/audit/trail.jsonl")
    lines = [line + "\n" for line in b"".join(response.streaming_content).decode().splitlines()]
    assert response["Content-Disposition"] == 'attachment; filename="audit-trail-20250618T150000Z.jsonl"'
    assert verifier.read(lines).report([sealing.head()[:2]]).findings == []
    people = (coordinator, monitor, outsider)
    assert [browse(person).get("/audit/trail.jsonl").status_code for person in people] == [403] * 3
    assert [browse(person).get("/audit/verify_trail.py").status_code for person in people] == [200, 200, 403]
