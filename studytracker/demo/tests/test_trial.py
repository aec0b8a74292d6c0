from collections import Counter
from datetime import UTC, datetime

import pytest

from adverse_events.models import AdverseEvent
from conftest import NOW
from participants.models import Participant
from studytracker.access.models import User
from studytracker.demo.trial import load
from studytracker.protocol.models import Site
from visits.models import Visit

DAYS = [
    NOW,
    datetime(2026, 11, 22, 5, 1, tzinfo=UTC),  # a Sunday, one minute after midnight at the sites
    datetime(2024, 2, 29, 23, 0, tzinfo=UTC),
    datetime(2025, 3, 9, 12, 0, tzinfo=UTC),  # the clocks went forward this night
    datetime(2025, 11, 2, 12, 0, tzinfo=UTC),  # and back this one
    datetime(2026, 1, 1, 4, 59, tzinfo=UTC),  # still last year at the sites
]


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """Seven accounts a load; how slowly their passwords are hashed is not the point here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def statuses(at):
    today = Site.todays(at)
    visits = Visit.objects.select_related("participant")
    return Counter((visit.site_id, visit.status(today[visit.site_id]).code) for visit in visits)


@pytest.mark.parametrize("at", DAYS, ids=lambda at: f"{at:%Y-%m-%d}")
def test_every_day_finds_a_participant_at_each_stage_and_something_to_do(trial, at):
    assert load(at) is True
    stages = {str(participant): participant.stage for participant in Participant.objects.for_listing()}
    assert stages == {
        "MUSC-001": "On study",
        "MUSC-002": "On study",
        "MUSC-003": "On study",
        "MUSC-004": "In screening",
        "EMO-001": "On study",
        "EMO-002": "Withdrawn",
        "EMO-003": "Screen failure",
        "EMO-004": "In screening",
        "EMO-005": "In screening",
    }
    count = statuses(at)
    assert [count["MUSC", code] for code in ("overdue", "late", "open", "done-out")] == [1, 2, 1, 1]
    assert [count["EMORY", code] for code in ("overdue", "open", "missed", "na")] == [1, 1, 1, 8]
    assert AdverseEvent.objects.serious().count() == 2


def test_a_second_load_keeps_what_is_there(trial):
    load(NOW)
    before = list(Participant.objects.order_by("pk").values())
    assert load(NOW) is False
    assert list(Participant.objects.order_by("pk").values()) == before


def test_a_value_with_a_past_is_met(trial, browse):
    load(NOW)
    page = browse(User.objects.get(username="crc.musc")).get("/visits/MUSC-001/W4/").content.decode()
    assert page.count('class="value-history"') == 2
