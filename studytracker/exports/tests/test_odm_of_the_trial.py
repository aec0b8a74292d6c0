"""ODM of what belongs to the trial where others of its kind belong to participants: deviations."""

from datetime import date

import pytest
from django.db import transaction
from lxml import etree

from studytracker import protocol
from studytracker.exports.odm import importing, writing
from studytracker.exports.odm import model as odm
from studytracker.exports.odm.checking import counted, dangling
from studytracker.protocol.adopting import adopt
from studytracker.trust.acting import acting
from visits import deviations
from visits.models import Deviation

from .test_odm import schema, snapshot, transactional  # noqa: F401

FACTS = {"category": "late_safety_report", "happened_on": date(2025, 6, 1), "description": "Late"}
TRIALS, THEIRS = odm.trial_oid(Deviation), odm.group_oid(Deviation)


@pytest.fixture
def drafted(musc, coordinator, now):
    """One of a participant, one of the trial."""
    participant = musc.screened()
    deviations.report(participant=participant, **FACTS, by=coordinator, at=now)
    return deviations.draft_of_trial(site=participant.site, **FACTS, by=coordinator, at=now)


@pytest.mark.parametrize("write", [snapshot, transactional])
def test_a_deviation_of_the_trial_is_reference_data_and_no_participant_s(drafted, schema, tmp_path, now, write):  # noqa: F811
    path = write(tmp_path / "odm.xml", now)
    assert ([str(error.reason) for error in schema.iter_errors(str(path))], dangling(path)) == ([], [])
    tree, names = etree.parse(str(path)), {"o": writing.NS}
    (told,) = tree.xpath(f"//o:ReferenceData/o:ItemGroupData[@ItemGroupOID='{TRIALS}']", namespaces=names)
    assert told.get("ItemGroupRepeatKey") == str(drafted.pk)
    assert len(tree.xpath(f"//o:SubjectData//o:ItemGroupData[@ItemGroupOID='{THEIRS}']", namespaces=names)) == 1
    assert (counted(path)[TRIALS], counted(path)[THEIRS]) == (1, 1)
    kinds = {each.get("OID"): each.get("IsReferenceData") for each in tree.iter(f"{{{writing.NS}}}ItemGroupDef")}
    assert (kinds[TRIALS], kinds[THEIRS]) == ("Yes", "No")


def test_it_comes_back_as_it_was(request, db, tmp_path, now):
    first, second = tmp_path / "first.xml", tmp_path / "second.xml"
    with transaction.atomic():
        request.getfixturevalue("drafted")
        snapshot(first, now)
        transaction.set_rollback(True)
    adopt(protocol.current(), at=now)
    with acting("tests", source="command", reason="Loaded"):
        importing.load(importing.read(first))
    assert snapshot(second, now).read_bytes() == first.read_bytes()
    assert list(Deviation.objects.order_by("pk").values_list("participant__identifier", "site")) == [
        ("MUSC-001", "MUSC"),
        (None, "MUSC"),
    ]
