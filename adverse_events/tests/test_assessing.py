from datetime import UTC, date, datetime, timedelta

import pytest

from adverse_events.assessing import assess, regrade
from adverse_events.consistency import EventRefused
from adverse_events.models import SERIOUSNESS, SPONSOR, SPONSOR_SERIOUSNESS, AdverseEvent
from adverse_events.reporting import complete, report
from conftest import NOW, staged
from studytracker.dates import PartialDate

DAY0 = date(2025, 5, 31)
LATER = NOW + timedelta(hours=3)


@staged
def event(musc, coordinator):
    facts = {"term": "Fatigue", "started": PartialDate(2025, 6, 2), "grade": 2}
    return report(participant=musc.infused(DAY0), by=coordinator, at=NOW, **facts)


def trace(event):
    return [(row.number, row.party, row.changed, row.is_serious, row.reason) for row in event.assessments.all()]


def test_the_report_is_the_first_assessment(event, coordinator):
    assert trace(event) == [(1, "site", "", False, "")]
    [first] = event.assessments.all()
    assert (first.grade, first.made_at, first.made_by) == (2, NOW, coordinator)


@pytest.mark.parametrize("flag", [field for field, _ in SPONSOR_SERIOUSNESS])
def test_the_sponsor_alone_makes_an_event_serious(event, chair, flag):
    judged = assess(event=event, by=chair, at=LATER, party=SPONSOR, **{flag: True})
    assert judged.is_serious
    assert judged.seriousness == [dict(SPONSOR_SERIOUSNESS)[flag]]
    assert trace(event)[1] == (2, "sponsor", flag, True, "")


def test_neither_judge_overwrites_the_other(event, investigator, chair):
    assess(event=event, by=investigator, at=LATER, causality="unrelated", is_hospitalization=True)
    assess(event=event, by=chair, at=LATER, party=SPONSOR, sponsor_causality="possible", expectedness="unexpected")
    event = AdverseEvent.objects.get(pk=event.pk)
    assert (event.causality, event.sponsor_causality, event.is_serious) == ("unrelated", "possible", True)
    assert event.seriousness == [SERIOUSNESS[2][1]]


def test_a_downgrade_needs_a_reason_and_leaves_its_trace(event, investigator):
    assess(event=event, by=investigator, at=NOW, is_hospitalization=True)
    with pytest.raises(EventRefused) as refusal:
        assess(event=event, by=investigator, at=LATER, is_hospitalization=False)
    assert refusal.value.field == "reason"
    assess(event=event, by=investigator, at=LATER, is_hospitalization=False, reason="Seen in the clinic only")
    assert [(row.is_serious, row.reason) for row in event.assessments.all()] == [
        (False, ""),
        (True, ""),
        (False, "Seen in the clinic only"),
    ]
    assert AdverseEvent.objects.get(pk=event.pk).is_serious is False


@pytest.mark.parametrize(
    ("party", "facts", "sentence"),
    [
        ("site", {"expectedness": "expected"}, "Not for the site to answer: expectedness."),
        ("sponsor", {"causality": "possible"}, "Not for the sponsor to answer: causality."),
        ("site", {"grade": 2}, "Nothing was changed, so nothing was saved."),
        ("site", {"grade": 3}, "Say why: an answer that was given before is replaced."),
        (
            "site",
            {"aware_at": datetime(2025, 6, 1, 12, tzinfo=UTC)},
            "The site cannot have learned of it before the onset 02-JUN-2025.",
        ),
        ("sponsor", {"sponsor_received_at": LATER}, "The sponsor cannot have learned of it in the future."),
    ],
)
def test_an_assessment_that_cannot_be_is_refused(event, chair, party, facts, sentence):
    with pytest.raises(EventRefused) as refusal:
        assess(event=event, by=chair, at=NOW, party=party, **facts)
    assert refusal.value.sentences == [sentence]
    assert len(trace(event)) == 1


def course(event):
    return [(row.grade, str(row.since), row.withdrawn_reason) for row in event.grade_episodes.all()]


def test_the_grade_of_an_event_is_the_highest_of_its_course(event, coordinator):
    regrade(event=event, grade=3, since=PartialDate(2025, 6, 8), by=coordinator, at=LATER)
    event = regrade(event=event, grade=1, since=PartialDate(2025, 6), by=coordinator, at=LATER)
    assert event.grade == 3
    assert course(event) == [(1, "UN-JUN-2025", ""), (2, "02-JUN-2025", ""), (3, "08-JUN-2025", "")]
    assert [row.grade for row in event.assessments.all()] == [2, 3]


def test_a_corrected_grade_withdraws_the_course_and_keeps_it_readable(event, coordinator):
    regrade(event=event, grade=4, since=PartialDate(2025, 6, 8), by=coordinator, at=LATER)
    event = assess(event=event, by=coordinator, at=LATER, grade=1, reason="Graded by the wrong row")
    assert (event.grade, course(event)) == (
        1,
        [
            (2, "02-JUN-2025", "Graded by the wrong row"),
            (1, "02-JUN-2025", ""),
            (4, "08-JUN-2025", "Graded by the wrong row"),
        ],
    )


@pytest.mark.parametrize("since", [PartialDate(2025, 6, 1), PartialDate(2025, 6, 19)])
def test_a_grade_outside_the_event_is_refused(event, coordinator, since):
    with pytest.raises(EventRefused):
        regrade(event=event, grade=3, since=since, by=coordinator, at=NOW)


def test_completing_an_event_is_an_assessment_too(event, coordinator):
    complete(event=event, causality="possible", action_taken="not_applicable", by=coordinator, at=LATER)
    assert trace(event)[1:] == [(2, "site", "causality", False, "")]
