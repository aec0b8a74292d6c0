"""The cap under real concurrency: threads with connections of their own, started together."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date, time
from functools import partial
from html import unescape
from itertools import cycle
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.urls import reverse

from conftest import staged
from participants.confirmation import KIND, MEANING
from participants.eligibility import answers_for
from participants.enrollment import EnrollmentRefused, enroll
from participants.models import Consent, CriterionAnswer, Enrollment, Participant
from participants.screening import screen
from studytracker.access.passwords import Reauthenticated
from studytracker.protocol.models import Slot
from studytracker.trust.acting import acting
from studytracker.trust.signatures import sign, standing
from studytracker.trust.tests.copies import private_copy

pytestmark = pytest.mark.django_db(transaction=True)

PARTICIPANTS, ROUNDS, CONTROL_ROUNDS = 50, 6, 3
SCREENED_ON = date(2025, 6, 2)


def together(acts):
    """Run every act in its own thread at the same moment; what each returned or raised, in order."""
    start = Barrier(len(acts))

    def run(act):
        try:
            connection.ensure_connection()
            start.wait(60)
            with acting("tests", source="direct"):
                return act()
        except Exception as problem:
            return problem
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@staged
def eligible(trial, coordinator, now):
    return many_eligible(PARTICIPANTS, trial, coordinator, now)


def many_eligible(count, trial, coordinator, now):
    """Participants of both sites, alternating, with every criterion answered and met."""
    codes = [site.code for site in trial.sites]
    made = Participant.objects.bulk_create(
        Participant(
            site_id=codes[index % len(codes)],
            number=index,
            identifier=f"RACE-{index:03d}",
            protocol_version=trial.version,
            screened_on=SCREENED_ON,
            age=41,
            sex="F",
            screened_at=now,
            screened_by=coordinator,
        )
        for index in range(count)
    )
    Consent.objects.bulk_create(
        Consent(
            participant=each,
            form_version="1.0",
            signed_on=SCREENED_ON,
            signed_at=now,
            recorded_at=now,
            recorded_by=coordinator,
        )
        for each in made
    )
    CriterionAnswer.objects.bulk_create(
        CriterionAnswer(
            participant=each,
            part=part.id,
            answer=answers_for(criterion, part)[0][0],
            answered_at=now,
            answered_by=coordinator,
        )
        for each in made
        for criterion in trial.criteria
        if criterion.answered
        for part in criterion.parts
    )
    return made


@pytest.fixture
def ways_in(eligible, investigator, emory_investigator, browse, now):
    """One act for each participant: the function, the button of the page and, as an import would, a row in a slot."""
    return mixed(eligible, {"MUSC": investigator, "EMORY": emory_investigator}, browse, now)


def confirm(participant, by, at):
    """The investigator's signature of the worksheet, without which neither the function nor the page enrolls."""
    shown, answered = standing(KIND, participant.identifier).sha256, Reauthenticated(by.pk, at)
    facts = {"displayed_hash": shown, "meaning": MEANING, "comment": "", "answered": answered, "by": by, "at": at}
    sign(kind=KIND, key=participant.identifier, **facts)


def mixed(participants, investigators, browse, now, mix=(2, 1, 2)):
    """In turn so many by the function, by the page and by a row. With an odd sum each route comes from both sites."""
    routes = [route for route, times in zip(("function", "page", "row"), mix, strict=True) for _ in range(times)]
    acts = []
    for participant, route in zip(participants, cycle(routes), strict=False):
        by = investigators[participant.site_id]
        if route == "row":
            acts.append(partial(enrolled_by_row, participant, by, now))
            continue
        confirm(participant, by, now)
        if route == "page":
            acts.append(partial(enrolled_by_page, participant, browse(by)))
        else:
            acts.append(partial(enrolled_by_function, participant, by, now))
    return acts


def enrolled_by_function(participant, by, at):
    try:
        enroll(participant=participant, by=by, at=at)
    except EnrollmentRefused as refusal:
        return refused(participant, refusal.sentences)
    return "enrolled"


def enrolled_by_page(participant, client):
    response = client.post(reverse("enroll", args=[participant.identifier]))
    if response.status_code == 302:
        return "enrolled"
    assert response.status_code == 422
    # From the page itself: response.context mixes up requests that are answered at the same time.
    alert = re.search(r'role="alert"[^>]*>(.*?)</div>', response.text, re.DOTALL)[1]
    return refused(participant, [unescape(sentence) for sentence in re.findall("<li>(.*?)</li>", alert)])


def enrolled_by_row(participant, by, at):
    """Past every function and lock: the lowest slot that looks free, as one row. Only the database can refuse."""
    taken = Enrollment.objects.current().values("slot")
    slot = Slot.objects.exclude(pk__in=taken).order_by("number").first()
    if slot is None:
        return "no free slot was seen"
    facts = {"enrolled_on": SCREENED_ON, "enrolled_at": at, "enrolled_by": by}
    try:
        Enrollment.objects.create(participant=participant, slot=slot, **facts)
    except IntegrityError:
        return "refused by the database"
    return "enrolled"


def refused(participant, sentences):
    """The outcome without the identifier, so that equal refusals compare equal."""
    return [sentence.replace(participant.identifier, "X") for sentence in sentences]


def test_of_fifty_enrollments_at_once_exactly_the_cap_get_a_slot_and_the_others_a_sentence(trial, ways_in):
    cap = trial.enrollment.cap
    for _ in range(ROUNDS):
        with private_copy(connection):  # an enrollment is never deleted, so each round starts on a copy
            outcomes = Counter(map(str, together(ways_in)))
            assert outcomes["enrolled"] == cap
            assert set(outcomes) <= {"enrolled", *refusals(cap)}
            assert sorted(Enrollment.objects.values_list("slot_id", flat=True)) == list(range(1, cap + 1))


def refusals(cap):
    """All that may be answered to who comes too late: a sentence, or for a bare row the unique key."""
    full = (
        f"All {cap} slots of the protocol are taken. X cannot be enrolled; more participants need an amended protocol."
    )
    return {str([full]), "no free slot was seen", "refused by the database"}


@pytest.fixture
def seats_without_a_key():
    """A table like the enrollments, without slots and without a unique key."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scratch_seat (participant integer)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE scratch_seat")


def count_then_insert(cap, number):
    # BEGIN IMMEDIATE would line the writers up on SQLite, so there the control goes without a transaction.
    with transaction.atomic() if connection.vendor == "postgresql" else nullcontext(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM scratch_seat")
        if cursor.fetchone()[0] < cap:
            cursor.execute("INSERT INTO scratch_seat VALUES (%s)", [number])


def test_the_same_race_breaks_a_cap_kept_by_counting(trial, seats_without_a_key):
    """The negative control: if this never breaks, the race above proves nothing."""
    cap, taken = trial.enrollment.cap, []
    for _ in range(CONTROL_ROUNDS):
        problems = together([partial(count_then_insert, cap, number) for number in range(PARTICIPANTS)])
        assert problems == [None] * PARTICIPANTS
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM scratch_seat")
            taken.append(cursor.fetchone()[0])
            cursor.execute("DELETE FROM scratch_seat")
    print(f"{cap} seats kept by counting; taken in each round: {taken}")
    assert max(taken) > cap


def test_one_participant_enrolled_by_eight_at_once_takes_one_slot(eligible, investigator, now):
    participant = eligible[0]
    confirm(participant, investigator, now)
    outcomes = together([partial(enrolled_by_function, participant, investigator, now)] * 8)
    assert Counter(map(str, outcomes)) == {"enrolled": 1, str(["X is enrolled already, in slot 1."]): 7}
    assert list(Enrollment.objects.values_list("participant__identifier", "slot_id")) == [(participant.identifier, 1)]


def test_screenings_at_once_at_one_site_get_different_identifiers(coordinator, now):
    facts = {"screened_on": SCREENED_ON, "age": 41, "sex": "F"}
    consent = {"consent_version": "1.0", "consent_on": SCREENED_ON, "consent_time": time(9)}
    made = together([partial(screen, site="MUSC", by=coordinator, at=now, **facts, **consent)] * 8)
    assert sorted(map(str, made)) == [f"MUSC-00{number}" for number in range(1, 9)]
